/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As many different stacks as one can sample: each burst runs at the end of another path through 256 functions, 16 to 111
 * calls deep. Argument: milliseconds of CPU time.
 */
#include "../split.h"

typedef void (*function_t)(unsigned int seed, unsigned int depth);

static function_t functions[256];

static unsigned int next(unsigned int seed)
{
	return seed * 1664525u + 1013904223u;
}

static volatile uint64_t sink;

#define DEFINE(n)                                                                                                      \
	FRAME void scatter_##n(unsigned int seed, unsigned int depth)                                                  \
	{                                                                                                              \
		if (depth == 0)                                                                                        \
			sink += burn(BURST / 16);                                                                      \
		else                                                                                                   \
			functions[(seed >> 16) & 255](next(seed), depth - 1);                                          \
		KEEP_FRAME();                                                                                          \
	}
#define FOUR(f, n) f(n##0) f(n##1) f(n##2) f(n##3)
#define SIXTEEN(f, n) FOUR(f, n##0) FOUR(f, n##1) FOUR(f, n##2) FOUR(f, n##3)
#define SIXTY_FOUR(f, n) SIXTEEN(f, n##0) SIXTEEN(f, n##1) SIXTEEN(f, n##2) SIXTEEN(f, n##3)
#define ALL(f) SIXTY_FOUR(f, 0) SIXTY_FOUR(f, 1) SIXTY_FOUR(f, 2) SIXTY_FOUR(f, 3)
#define ADDRESS(n) scatter_##n,

ALL(DEFINE)

static function_t functions[256] = { ALL(ADDRESS) };

int main(int argc, char **argv)
{
	uint64_t budget = budget_ns(argc, argv);
	unsigned int seed = (unsigned int)(uintptr_t)&budget;

	while (budget_left(budget)) {
		seed = next(seed);
		functions[seed >> 24](seed, 16 + (seed >> 8) % 96);
		KEEP_FRAME();
	}
	return 0;
}
