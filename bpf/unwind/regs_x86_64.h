/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * x86-64: all that the unwinder knows of this architecture. System V psABI; arch/x86/include/uapi/asm/ptrace.h,
 * sigcontext.h; arch/x86/kernel/signal_64.c for the signal frame.
 */
#ifndef HOSTFLAME_REGS_X86_64_H
#define HOSTFLAME_REGS_X86_64_H

/* At the trampoline (__restore_rt) sp points to struct ucontext; from there to the saved registers. */
#define ARCH_SIGNAL_FP 120
#define ARCH_SIGNAL_BX 128
#define ARCH_SIGNAL_SP 160
#define ARCH_SIGNAL_IP 168
/* By DWARF number: registers that a function may change (figure 3.4): rax, rdx, rcx, rsi, rdi, r8 to r11. */
#define ARCH_SCRATCH_REGISTERS 0xf37
/* There is no link register; any readable word will do. */
#define ARCH_SIGNAL_LR 168

static __always_inline __abi_u64 arch_strip_pointer_authentication(__abi_u64 address)
{
	return address;
}

/*
 * Bytes from sp up to the return address, told by the next instructions alone: before a frame pointer is set up, after it is
 * taken down, and in trampolines that have none (CPython's of 3.12). *fp_saved: the word below it is the caller's fp. Or
 * ARCH_CODE_TELLS_NOTHING. What ends a function is certain; what begins one is looked for in a leaf only.
 */
#define ARCH_CODE_TELLS_NOTHING (-1)

static __always_inline int arch_return_distance(__abi_u64 code, int leaf, int *fp_saved)
{
	int distance = ARCH_CODE_TELLS_NOTHING, saved = 0;

	if ((code & 0xff) == 0xc3 || (code & 0xff) == 0xc2) { /* ret */
		distance = 0;
	} else if ((code & 0xffff) == 0xc35d) { /* pop rbp; ret */
		distance = 8;
		saved = 1;
	} else if ((code & 0xff87ffffffull) == 0xc300c48348ull) { /* add rsp, 8 n; ret */
		distance = (code >> 24) & 0x78;
	} else if (leaf && ((code & 0xffffffff) == 0xe5894855 || (code & 0xffffffff) == 0xec8b4855)) {
		distance = 0; /* push rbp; mov rbp, rsp */
	} else if (leaf && (code & 0xffffffffffull) == 0x55fa1e0ff3ull) {
		distance = 0; /* endbr64; push rbp */
	} else if (leaf && ((code & 0xffffff) == 0xe58948 || (code & 0xffffff) == 0xec8b48)) {
		distance = 8; /* mov rbp, rsp */
		saved = 1;
	}
	*fp_saved = saved;
	return distance;
}

#ifdef __BPF__
/* arch/x86/include/uapi/asm/ptrace.h, struct pt_regs: the same in the kernel and in a perf event's context. */
struct arch_user_registers {
	u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

struct bpf_perf_event_data {
	struct arch_user_registers regs;
	u64 sample_period;
	u64 addr;
};

static __always_inline bool arch_user_mode(const struct arch_user_registers *r)
{
	return r->cs & 3;
}

/* Before the helper for it (5.15) user registers are found where the entry code puts them: the stack's end. */
#define ARCH_THREAD_SIZE 16384

static __always_inline void arch_load_registers(struct abi_registers *to, const struct arch_user_registers *r,
						bool kernel_mode)
{
	to->ip = r->ip;
	to->sp = r->sp;
	to->fp = r->bp;
	to->bx = r->bx;
	to->lr = 0;
	to->leaf[0] = r->ax;
	to->leaf[1] = r->dx;
	to->leaf[2] = r->cx;
	to->leaf[3] = r->bx;
	to->leaf[4] = r->si;
	to->leaf[5] = r->di;
	to->leaf[6] = r->bp;
	to->leaf[7] = r->sp;
	to->leaf[8] = r->r8;
	to->leaf[9] = r->r9;
	to->leaf[10] = r->r10;
	to->leaf[11] = r->r11;
	to->leaf[12] = r->r12;
	to->leaf[13] = r->r13;
	to->leaf[14] = r->r14;
	to->leaf[15] = r->r15;
	to->leaf[16] = r->ip;
	to->leaf_valid = 1;
	/*
	 * In a system call ip is behind the instruction, as a return address is behind its call: the syscall may be
	 * the last instruction of its function. orig_ax is -1 for interrupts and exceptions, which stop on it.
	 */
	to->return_address = kernel_mode && (s64)r->orig_ax >= 0;
}
#endif

#endif
