/* SPDX-License-Identifier: Apache-2.0 */
/* main → run → descend × N → bottom (50 %), with N the second argument, and main → run → shallow (50 %). */
#include "../split.h"

FRAME uint64_t bottom(uint64_t rounds)
{
	return burn(rounds);
}

FRAME uint64_t descend(unsigned int levels, uint64_t rounds)
{
	uint64_t x = levels > 1 ? descend(levels - 1, rounds) : bottom(rounds);

	KEEP_FRAME();
	return x + levels;
}

FRAME uint64_t shallow(uint64_t rounds)
{
	return burn(rounds);
}

FRAME void run(uint64_t budget, unsigned int levels)
{
	struct branch branches[] = { { "deep", 0 }, { "shallow", 0 } };

	while (budget_left(budget)) {
		SPEND(&branches[0], 5000, descend(levels, BURST));
		SPEND(&branches[1], 5000, shallow(BURST));
	}
	print_truth(branches, 2);
}

int main(int argc, char **argv)
{
	run(budget_ns(argc, argv), argc > 2 ? (unsigned int)atoi(argv[2]) : 60);
	KEEP_FRAME();
	return 0;
}
