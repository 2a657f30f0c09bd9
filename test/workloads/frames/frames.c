/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of unusual shape: of a size known only at run time (alloca, a VLA), realigned (alignas(64) with arguments on
 * the stack, which makes the compiler reach its caller's frame through a pointer of its own), larger than 16 bits, left
 * by longjmp out of a function that never returns, and a recursion that is all prologue and epilogue.
 */
#include <alloca.h>
#include <setjmp.h>
#include <stdalign.h>
#include <string.h>
#include "../split.h"

static jmp_buf escape;

FRAME uint64_t leaf(uint64_t rounds, volatile char *memory)
{
	memory[0] = (char)rounds;
	return burn(rounds);
}

FRAME uint64_t with_alloca(uint64_t rounds, size_t size)
{
	volatile char *memory = alloca(size);
	uint64_t x = leaf(rounds, memory);

	KEEP_FRAME();
	return x + (uint64_t)memory[0];
}

FRAME uint64_t with_vla(uint64_t rounds, size_t size)
{
	volatile char memory[size];
	uint64_t x = leaf(rounds, memory);

	KEEP_FRAME();
	return x + (uint64_t)memory[0];
}

FRAME uint64_t with_alignment(uint64_t rounds, size_t size, long a, long b, long c, long d, long e, long f)
{
	alignas(64) volatile char memory[128];
	volatile char *more = alloca(size);
	uint64_t x = leaf(rounds, memory);

	KEEP_FRAME();
	more[0] = (char)x;
	return x + (uint64_t)memory[0] + (uint64_t)(a + b + c + d + e + f);
}

FRAME uint64_t with_big_frame(uint64_t rounds)
{
	volatile char memory[48 * 1024];
	uint64_t x = leaf(rounds, memory);

	KEEP_FRAME();
	return x + (uint64_t)memory[0];
}

/* The call is the last instruction of the caller: its return address lies in whatever function follows. */
FRAME _Noreturn void never_returns(uint64_t rounds)
{
	volatile char memory[1];

	leaf(rounds, memory);
	KEEP_FRAME();
	longjmp(escape, 1);
}

FRAME _Noreturn void calls_never_returns(uint64_t rounds)
{
	never_returns(rounds);
}

FRAME uint64_t jumps_back(uint64_t rounds)
{
	if (!setjmp(escape))
		calls_never_returns(rounds);
	KEEP_FRAME();
	return rounds;
}

FRAME unsigned long fibonacci(unsigned long n)
{
	unsigned long a, b;

	if (n < 2)
		return n;
	a = fibonacci(n - 1);
	KEEP_FRAME();
	b = fibonacci(n - 2);
	KEEP_FRAME();
	return a + b;
}

FRAME void run(uint64_t budget)
{
	struct branch branches[] = { { "alloca", 0 },	 { "vla", 0 },	    { "alignment", 0 },
				     { "big_frame", 0 }, { "noreturn", 0 }, { "fibonacci", 0 } };

	while (budget_left(budget)) {
		SPEND(&branches[0], 2000, with_alloca(BURST, 300));
		SPEND(&branches[1], 2000, with_vla(BURST, 5000));
		SPEND(&branches[2], 2000, with_alignment(BURST, 200, 1, 2, 3, 4, 5, 6));
		SPEND(&branches[3], 2000, with_big_frame(BURST));
		SPEND(&branches[4], 2000, jumps_back(BURST));
		SPEND(&branches[5], 2000, fibonacci(18));
	}
	print_truth(branches, 6);
}

int main(int argc, char **argv)
{
	run(budget_ns(argc, argv));
	KEEP_FRAME();
	return 0;
}
