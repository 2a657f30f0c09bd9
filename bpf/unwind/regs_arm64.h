/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * arm64: all that the unwinder knows of this architecture. AAPCS64; arch/arm64/include/uapi/asm/ptrace.h,
 * sigcontext.h; arch/arm64/kernel/signal.c for the signal frame.
 */
#ifndef HOSTFLAME_REGS_ARM64_H
#define HOSTFLAME_REGS_ARM64_H

/*
 * At the trampoline (__kernel_rt_sigreturn, in the vDSO) sp points to struct rt_sigframe: 128 bytes of siginfo, then
 * ucontext, whose mcontext begins at 176 with fault_address; registers follow.
 */
#define ARCH_SIGNAL_X(n) (128 + 176 + 8 + 8 * (n))
#define ARCH_SIGNAL_BX ARCH_SIGNAL_X(19)
#define ARCH_SIGNAL_FP ARCH_SIGNAL_X(29)
#define ARCH_SIGNAL_LR ARCH_SIGNAL_X(30)
#define ARCH_SIGNAL_SP ARCH_SIGNAL_X(31)
#define ARCH_SIGNAL_IP ARCH_SIGNAL_X(32)

/* By DWARF number: registers that a function may change (AAPCS64, 6.1.1): x0 to x17. */
#define ARCH_SCRATCH_REGISTERS 0x3ffff

/* User addresses have 48 bits (52 with LVA, which a process must ask for); a signature lies above them. */
static __always_inline __abi_u64 arch_strip_pointer_authentication(__abi_u64 address)
{
	return address & ((1ull << 48) - 1);
}

/* x86-64's trampolines without a frame pointer have one here, and a leaf's return address is in lr: nothing is looked for. */
#define ARCH_CODE_TELLS_NOTHING (-1)

static __always_inline int arch_return_distance(__abi_u64 code, int leaf, int *fp_saved)
{
	(void)code;
	(void)leaf;
	*fp_saved = 0;
	return ARCH_CODE_TELLS_NOTHING;
}

#ifdef __BPF__
/* struct user_pt_regs */
struct arch_user_registers {
	u64 regs[31], sp, pc, pstate;
};

struct bpf_perf_event_data {
	struct arch_user_registers regs;
	u64 sample_period;
	u64 addr;
};

#define ARCH_PSTATE_EL 0xf

static __always_inline bool arch_user_mode(const struct arch_user_registers *r)
{
	return (r->pstate & ARCH_PSTATE_EL) == 0;
}

#define ARCH_THREAD_SIZE 16384

static __always_inline void arch_load_registers(struct abi_registers *to, const struct arch_user_registers *r,
						bool kernel_mode)
{
	to->ip = r->pc;
	to->sp = r->sp;
	to->fp = r->regs[29];
	to->bx = r->regs[19];
	to->lr = arch_strip_pointer_authentication(r->regs[30]);
	for (int i = 0; i < 17; i++)
		to->leaf[i] = r->regs[i];
	to->leaf_valid = 1;
	to->return_address = 0;
}
#endif

#endif
