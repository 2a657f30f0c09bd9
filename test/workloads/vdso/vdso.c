/* SPDX-License-Identifier: Apache-2.0 */
/* A leaf in the vDSO: main → run → read_clock → clock_gettime → [vdso] (70 %), and main → run → other (30 %). */
#include "../split.h"

FRAME uint64_t read_clock(int times)
{
	struct timespec now;
	uint64_t sum = 0;

	while (times--) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		sum += (uint64_t)now.tv_nsec;
	}
	return sum;
}

FRAME uint64_t other(uint64_t rounds)
{
	return burn(rounds);
}

FRAME void run(uint64_t budget)
{
	struct branch branches[] = { { "clock", 0 }, { "other", 0 } };

	while (budget_left(budget)) {
		SPEND(&branches[0], 7000, read_clock(5000));
		SPEND(&branches[1], 3000, other(BURST));
	}
	print_truth(branches, 2);
}

int main(int argc, char **argv)
{
	run(budget_ns(argc, argv));
	KEEP_FRAME();
	return 0;
}
