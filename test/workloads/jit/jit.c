/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code without a file, as a just-in-time compiler makes it, that keeps the frame pointer:
 * main → run → enter_generated → (generated) → generated_calls (60 %), and main → run → enter_generated → (generated),
 * which loops (40 %).
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include "../split.h"

/* uint64_t calls(uint64_t rounds, uint64_t (*callee)(uint64_t)) */
static const unsigned char calls_callee[] = {
	0x55,		  /* push rbp */
	0x48, 0x89, 0xe5, /* mov rbp, rsp */
	0xff, 0xd6,	  /* call rsi */
	0x5d,		  /* pop rbp */
	0xc3,		  /* ret */
};
/* uint64_t loops(uint64_t rounds, …) */
static const unsigned char loops[] = {
	0x55,		  /* push rbp */
	0x48, 0x89, 0xe5, /* mov rbp, rsp */
	0x48, 0xff, 0xcf, /* again: dec rdi */
	0x75, 0xfb,	  /* jnz again */
	0x5d,		  /* pop rbp */
	0xc3,		  /* ret */
};
typedef uint64_t (*generated)(uint64_t rounds, uint64_t (*callee)(uint64_t));

FRAME uint64_t generated_calls(uint64_t rounds)
{
	return burn(rounds);
}

FRAME uint64_t enter_generated(generated code, uint64_t rounds)
{
	uint64_t x = code(rounds, generated_calls);

	KEEP_FRAME();
	return x;
}

FRAME void run(uint64_t budget)
{
	struct branch branches[] = { { "calls", 0 }, { "loops", 0 } };
	char *code = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(code, calls_callee, sizeof(calls_callee));
	memcpy(code + 4096, loops, sizeof(loops));
	mprotect(code, 8192, PROT_READ | PROT_EXEC);
	while (budget_left(budget)) {
		SPEND(&branches[0], 6000, enter_generated((generated)(void *)code, BURST));
		SPEND(&branches[1], 4000, enter_generated((generated)(void *)(code + 4096), 4 * BURST));
	}
	print_truth(branches, 2);
}

int main(int argc, char **argv)
{
	run(budget_ns(argc, argv));
	KEEP_FRAME();
	return 0;
}
