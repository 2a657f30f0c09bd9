/* SPDX-License-Identifier: Apache-2.0 */
/* What exec-first becomes: main → second_run → second_leaf. */
#include "../split.h"

FRAME uint64_t second_leaf(uint64_t rounds)
{
	return burn(rounds);
}

FRAME void second_run(uint64_t budget)
{
	struct branch branches[] = { { "second", 0 } };

	while (budget_left(budget))
		SPEND(&branches[0], 5000, second_leaf(BURST));
	print_truth(branches, 1);
}

int main(int argc, char **argv)
{
	second_run(budget_ns(argc, argv));
	KEEP_FRAME();
	return 0;
}
