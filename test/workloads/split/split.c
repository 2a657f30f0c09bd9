/* SPDX-License-Identifier: Apache-2.0 */
/* main → run → alpha → alpha_leaf (60 %), main → run → beta → beta_middle → beta_leaf (40 %). */
#include "../split.h"

FRAME uint64_t alpha_leaf(uint64_t rounds)
{
	return burn(rounds);
}

FRAME uint64_t alpha(uint64_t rounds)
{
	uint64_t x = alpha_leaf(rounds);

	KEEP_FRAME();
	return x;
}

FRAME uint64_t beta_leaf(uint64_t rounds)
{
	return burn(rounds);
}

/* Keeps six callee-saved registers busy, so that its frame is not the trivial one. */
FRAME uint64_t beta_middle(uint64_t rounds, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	uint64_t x = beta_leaf(rounds);

	KEEP_FRAME();
	x ^= beta_leaf(a + 1);
	KEEP_FRAME();
	return x ^ a ^ b ^ c ^ d ^ e;
}

FRAME uint64_t beta(uint64_t rounds)
{
	uint64_t x = beta_middle(rounds, 1, 2, 3, 4, 5);

	KEEP_FRAME();
	return x;
}

FRAME void run(uint64_t budget)
{
	struct branch branches[] = { { "alpha", 0 }, { "beta", 0 } };

	while (budget_left(budget)) {
		SPEND(&branches[0], 6000, alpha(BURST));
		SPEND(&branches[1], 4000, beta(BURST));
	}
	print_truth(branches, 2);
}

int main(int argc, char **argv)
{
	run(budget_ns(argc, argv));
	KEEP_FRAME();
	return 0;
}
