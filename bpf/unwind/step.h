/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * One step of unwinding, from a frame's registers to its caller's: a pure function of registers, rule and a way to
 * read the stack. It runs in the kernel (unwind/native.bpf.c), is compiled for the host by the tests, and has a twin
 * in src/unwind/step.ts that finishes first-sight samples; one set of recordings holds all three to the same answers.
 *
 * Before including, define READ_WORD(address, destination): stores the u64 at a user address, 0 when it could.
 */
#ifndef HOSTFLAME_UNWIND_STEP_H
#define HOSTFLAME_UNWIND_STEP_H

#include "../abi.h"
#include "regs.h"
#include "rows.h"

/* Returned by a step after which the stack goes on; every other value is the enum abi_outcome that ends it. */
#define STEP_ON 255

/* The address to look up for a frame: inside the call, when ip is where the call returns to. */
static __always_inline __abi_u64 step_lookup_address(const struct abi_registers *r)
{
	return r->ip - (r->return_address ? 1 : 0);
}

/* The registers are now the caller's, by way of an ordinary call. */
static __always_inline int step_to_caller(struct abi_registers *r, __abi_u64 return_address, __abi_u64 sp)
{
	return_address = arch_strip_pointer_authentication(return_address);
	r->ip = return_address;
	r->sp = sp;
	r->return_address = 1;
	/* No address is its own caller's caller: a cleared slot marks the root (thread start code does so). */
	return return_address ? STEP_ON : ABI_OUTCOME_COMPLETE;
}

/*
 * Code without unwind information: trust the frame pointer, if it points up the stack. Root frames clear it
 * (psABI: "the deepest stack frame … by setting the frame pointer to zero").
 */
static __always_inline int step_frame_pointer(struct abi_registers *r)
{
	__abi_u64 fp = r->fp, return_address, caller_fp;

	if (!fp)
		return ABI_OUTCOME_COMPLETE;
	if (fp < r->sp || (fp & 7))
		return ABI_OUTCOME_NO_FRAME_POINTER;
	if (READ_WORD(fp, &caller_fp) || READ_WORD(fp + 8, &return_address))
		return ABI_OUTCOME_NO_FRAME_POINTER;
	r->fp = caller_fp;
	return step_to_caller(r, return_address, fp + 16);
}

/*
 * Code without unwind information that has no frame pointer at this very instruction, by the eight bytes of code there. Not in
 * the twin in TypeScript, which has a copy of the stack and none of the code: a first sight may lose such a caller.
 */
static __always_inline int step_by_code(struct abi_registers *r, __abi_u64 code)
{
	int fp_saved = 0;
	int distance = arch_return_distance(code, !r->return_address, &fp_saved);
	__abi_u64 return_address, fp = r->fp;

	if (distance == ARCH_CODE_TELLS_NOTHING || READ_WORD(r->sp + (__abi_u64)distance, &return_address) ||
	    (fp_saved && READ_WORD(r->sp + (__abi_u64)distance - 8, &fp)))
		return step_frame_pointer(r);
	r->fp = fp;
	return step_to_caller(r, return_address, r->sp + (__abi_u64)distance + 8);
}

/* The kernel's signal frame: the interrupted registers lie above sp, where the trampoline finds them. */
static __always_inline int step_signal(struct abi_registers *r)
{
	__abi_u64 sp = r->sp;

	if (READ_WORD(sp + ARCH_SIGNAL_IP, &r->ip) || READ_WORD(sp + ARCH_SIGNAL_SP, &r->sp) ||
	    READ_WORD(sp + ARCH_SIGNAL_FP, &r->fp) || READ_WORD(sp + ARCH_SIGNAL_BX, &r->bx) ||
	    READ_WORD(sp + ARCH_SIGNAL_LR, &r->lr))
		return ABI_OUTCOME_STACK_UNREADABLE;
	/* On an alternate signal stack the interrupted sp may be anywhere, so it is not required to grow. */
	r->leaf_valid = 0;
	r->return_address = 0;
	return r->ip ? STEP_ON : ABI_OUTCOME_COMPLETE;
}

/*
 * How far a run of pushes or pops has moved the CFA at an address `distance` bytes into its row: 8 or -8 for each that
 * lies behind it, 0 where there is no run. Without branches, because each doubles the verifier's work.
 */
static __always_inline __abi_u64 step_run(const struct abi_rule *rule, __abi_u32 distance)
{
	__abi_u64 behind = (__abi_u16)rule->cfa_addend & ((1u << (distance & 31)) - 1);

	/* Hacker's Delight, figure 5-2: BPF has no instruction for it. */
	behind -= (behind >> 1) & 0x5555;
	behind = (behind & 0x3333) + ((behind >> 2) & 0x3333);
	behind = (behind + (behind >> 4)) & 0x0f0f;
	behind = (behind + (behind >> 8)) & 0x1f;
	return behind * (__abi_u64)(long long)(signed char)rule->cfa_register;
}

/*
 * A register of the leaf into *value. A compiler bases a CFA on such a register in a leaf only. Hand-written assembly
 * does so in a caller too (libcrypto's AES-GCM, whose CFA is in rax): with a helper that by agreement leaves the register
 * alone, though anyone else may change it. What a function must give back is in the hands of the callee, and unknown.
 */
static __always_inline int step_leaf_register(const struct abi_registers *r, __abi_u32 number, __abi_u64 *value)
{
	if (!r->leaf_valid || number > 16)
		return ABI_OUTCOME_UNSUPPORTED_RULE;
	if (r->return_address && !(ARCH_SCRATCH_REGISTERS >> number & 1))
		return ABI_OUTCOME_UNSUPPORTED_RULE;
	*value = r->leaf[number];
	return 0;
}

/* The CFA by a rule into *cfa; 0, or the outcome that ends the stack. */
static __always_inline int step_cfa(const struct abi_registers *r, const struct abi_rule *rule, __abi_u32 distance,
				    __abi_u64 *cfa)
{
	__abi_u64 offset = (__abi_u64)(long long)rule->cfa_offset;
	__abi_u64 addend = (__abi_u64)(long long)rule->cfa_addend;
	__abi_u64 leaf = 0;
	int outcome;

	switch (rule->cfa_kind) {
	case ABI_CFA_SP:
		*cfa = r->sp + offset + step_run(rule, distance);
		return 0;
	case ABI_CFA_FP:
	case ABI_CFA_FP_SWITCH:
		*cfa = r->fp + offset;
		return 0;
	case ABI_CFA_BX:
		*cfa = r->bx + offset;
		return 0;
	case ABI_CFA_LEAF:
		outcome = step_leaf_register(r, rule->cfa_register, &leaf);
		*cfa = leaf + offset;
		return outcome;
	case ABI_CFA_INDEXED:
		outcome = step_leaf_register(r, rule->cfa_register, &leaf);
		if (outcome)
			return outcome;
		if (READ_WORD(r->sp + offset + 8 * leaf, cfa))
			return ABI_OUTCOME_STACK_UNREADABLE;
		*cfa += addend;
		return 0;
	case ABI_CFA_DEREF_SP:
		if (READ_WORD(r->sp + offset, cfa))
			return ABI_OUTCOME_STACK_UNREADABLE;
		*cfa += addend;
		return 0;
	case ABI_CFA_DEREF_FP:
		if (READ_WORD(r->fp + offset, cfa))
			return ABI_OUTCOME_STACK_UNREADABLE;
		*cfa += addend;
		return 0;
	case ABI_CFA_PLT:
		*cfa = r->sp + offset + ((r->ip & 15) >= addend ? 8 : 0);
		return 0;
	default:
		return ABI_OUTCOME_UNSUPPORTED_RULE;
	}
}

/* What a lost register holds: no frame pointer, for it is odd; and not 0, which as a frame pointer says "the root". */
#define STEP_LOST 1

/* The caller's value of one register into *value, which holds this frame's; 0 when it could be read. */
static __always_inline int step_restore(const struct abi_registers *r, __abi_u64 cfa, int kind, __abi_s16 offset,
					__abi_u64 *value)
{
	__abi_u64 base;

	if (kind == ABI_SAVE_CFA)
		base = cfa;
	else if (kind == ABI_SAVE_FP)
		base = r->fp;
	else if (kind == ABI_SAVE_SP)
		base = r->sp;
	else if (kind == ABI_SAVE_PUSHED && cfa + (__abi_u64)(long long)offset >= r->sp)
		base = cfa;
	else {
		if (kind == ABI_SAVE_UNKNOWN)
			*value = STEP_LOST;
		return 0;
	}
	return READ_WORD(base + (__abi_u64)(long long)offset, value) ? -1 : 0;
}

static __always_inline int step_rule(struct abi_registers *r, const struct abi_rule *rule, __abi_u32 distance)
{
	int ra_kind = rule->fp_kind >> 4, fp_kind = rule->fp_kind & 15;
	__abi_u64 cfa = 0, return_address = r->lr, fp = r->fp, bx = r->bx;
	int outcome = step_cfa(r, rule, distance, &cfa);

	if (outcome)
		return outcome;
	/* Lost is not the same as none, which has a rule of its own. */
	if (ra_kind == ABI_SAVE_UNKNOWN)
		return ABI_OUTCOME_UNSUPPORTED_RULE;
	/*
	 * A leaf may not have moved sp yet (arm64); any other frame holds at least its return address. The stack that a
	 * switch comes from may lie anywhere; a circle of switches ends as one that is too deep.
	 */
	if (rule->cfa_kind != ABI_CFA_FP_SWITCH && (cfa < r->sp || (cfa == r->sp && r->return_address)))
		return ABI_OUTCOME_STACK_NOT_GROWING;
	if (step_restore(r, cfa, ra_kind, rule->ra_offset, &return_address) ||
	    step_restore(r, cfa, fp_kind, rule->fp_offset, &fp) ||
	    step_restore(r, cfa, rule->bx_kind, rule->bx_offset, &bx))
		return ABI_OUTCOME_STACK_UNREADABLE;
	r->fp = fp;
	r->bx = bx;
	return step_to_caller(r, return_address, cfa);
}

/* Turns the registers of a frame into its caller's: STEP_ON, or the outcome. rule is that of the match. */
static __always_inline int step(struct abi_registers *r, __abi_u32 match, const struct abi_rule *rule)
{
	switch (ROW_RULE(match)) {
	case ABI_RULE_NONE:
		return step_frame_pointer(r);
	case ABI_RULE_END:
		return ABI_OUTCOME_COMPLETE;
	case ABI_RULE_UNSUPPORTED:
		return ABI_OUTCOME_UNSUPPORTED_RULE;
	case ABI_RULE_SIGNAL:
		return step_signal(r);
	default:
		return step_rule(r, rule, ROW_DISTANCE(match));
	}
}

#endif
