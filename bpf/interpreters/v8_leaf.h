/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Where a leaf of V8's code has its return address, when it has no frame: at the beginning and the end of functions, and in
 * builtins that need none. x86-64 alone.
 */
#ifndef HOSTFLAME_INTERPRETERS_V8_LEAF_H
#define HOSTFLAME_INTERPRETERS_V8_LEAF_H

#include "v8_walk.h"

/* Registers of V8's code (src/codegen/x64/register-x64.h), by DWARF number: of the leaf only. */
#define V8_RETURN_REGISTER_IET 2 /* rcx */
#define V8_FUNCTION_REGISTER 5	 /* rdi: at the beginning of a function */
#define V8_BYTECODE_OFFSET_REGISTER 9
#define V8_BYTECODE_ARRAY_REGISTER 12
#define V8_ROOT_REGISTER 13

/* Distances from sp to the return address are 0 and 8; or it is in a register, or the code does not tell. */
#define V8_TELLS_NOTHING 0xffu
#define V8_IN_REGISTER 0x80u

/* Baseline code has its frame set up by a call, which ends here; other code pushes four registers and moves one (7 bytes). */
#define V8_BASELINE_PROLOGUE 19
#define V8_PROLOGUE_BYTES 7

/* No builtin is larger but a few, none of which goes without a frame so far from its beginning. */
#define V8_MAX_FRAMELESS 4096

/*
 * What the next eight bytes of code say of the return address: V8's own ways to return, which pop a number of arguments that is
 * known only then, besides what any code does. *fp_saved as arch_return_distance has it.
 */
static __always_inline u32 v8_return_distance(u64 code, int *fp_saved)
{
	int distance = arch_return_distance(code, 1, fp_saved);
	u32 low = (u32)code;

	if (distance != ARCH_CODE_TELLS_NOTHING)
		return distance;
	if ((low & 0xff) == 0x5d) { /* pop rbp */
		*fp_saved = 1;
		return 8;
	}
	if ((code & 0x00ffffff00ffffffull) == 0x00c2037f00f98348ull || /* cmp rcx, n; jg +3; ret n */
	    (code & 0x0000ffff00ffffffull) == 0x00008f0f00f88349ull || /* cmp r8, n; jg */
	    (low & 0xffffff) == 0xc2037f ||			       /* jg +3; ret n */
	    (code & 0x00ffffffffffffffull) == 0x00c2000000038f0full || /* jg +3; ret n */
	    low == 0x8d485a41 || low == 0x8d4a5941 ||		       /* pop r10, pop r9; lea rsp */
	    low == 0x248d4859 || low == 0xe3034859)		       /* pop rcx; lea rsp, add rsp */
		return 0;
	if ((code & 0x00ffffff00ffffffull) == 0x00c3524100248d48ull || (low & 0xffffff) == 0xc35241)
		return V8_IN_REGISTER | 10; /* (lea rsp;) push r10; ret */
	if ((code & 0x00ffffff00ffffffull) == 0x00c3514100248d4aull || (low & 0xffffff) == 0xc35141)
		return V8_IN_REGISTER | 9;
	if ((code & 0x0000ffff00ffffffull) == 0x0000c35100248d48ull || (low & 0xffff) == 0xc351 ||
	    (code & 0xffffffffffull) == 0xc351e30348ull)
		return V8_IN_REGISTER | V8_RETURN_REGISTER_IET;
	return V8_TELLS_NOTHING;
}

/*
 * Whether the word at sp is the return address of a call of the code that the leaf is in: of the interpreter's loop, which calls
 * handlers, or of a call whose target lies shortly before the instruction.
 */
static __always_inline bool v8_was_called(struct scratch *s, u64 address)
{
	u64 call = 0, target = 0, return_address = 0;

	if (READ_WORD(s->registers.sp, &return_address) || READ_WORD(return_address - 8, &call))
		return false;
	if ((call >> 24 & 0xff) == 0xe8) { /* call rel32 */
		target = return_address + (u64)(s64)(s32)(call >> 32);
	} else if ((call >> 8 & 0xffffff) == 0x95ff41) { /* call [r13 + disp32] */
		if (READ_WORD(s->registers.leaf[V8_ROOT_REGISTER] + (u64)(s64)(s32)(call >> 32), &target))
			return false;
	} else if ((call >> 32 & 0xffffff) == 0x55ff41) { /* call [r13 + disp8] */
		if (READ_WORD(s->registers.leaf[V8_ROOT_REGISTER] + (u64)((s64)call >> 56), &target))
			return false;
	} else {
		return false;
	}
	return address - target < V8_MAX_FRAMELESS;
}

/* Goes to the caller of a leaf without a frame. */
static __always_inline int v8_step_leaf(struct scratch *s, u32 distance, bool fp_saved)
{
	struct abi_registers *r = &s->registers;
	u64 return_address = 0, fp = r->fp;

	if (distance & V8_IN_REGISTER) {
		u32 number = distance & 15;

		return step_to_caller(r, r->leaf[number], r->sp);
	}
	if (READ_WORD(r->sp + distance, &return_address) || (fp_saved && READ_WORD(r->sp + distance - 8, &fp)))
		return ABI_OUTCOME_STACK_UNREADABLE;
	r->fp = fp;
	return step_to_caller(r, return_address, r->sp + distance + 8);
}

#endif
