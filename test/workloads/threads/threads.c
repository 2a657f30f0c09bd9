/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three named threads, each with a chain of its own: thr-alpha: enter_alpha → alpha_leaf, thr-beta: enter_beta →
 * beta_leaf, and thr-short: threads of 3 ms each, started one after the other by main.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include "../split.h"

static struct branch branches[] = { { "alpha", 0 }, { "beta", 0 }, { "short", 0 } };
static uint64_t budget;

FRAME uint64_t alpha_leaf(uint64_t rounds)
{
	return burn(rounds);
}

FRAME uint64_t beta_leaf(uint64_t rounds)
{
	return burn(rounds);
}

FRAME uint64_t short_leaf(uint64_t rounds)
{
	return burn(rounds);
}

FRAME void *enter_alpha(void *unused)
{
	SPEND(&branches[0], budget * 4 / 10000, alpha_leaf(BURST));
	return unused;
}

FRAME void *enter_beta(void *unused)
{
	SPEND(&branches[1], budget * 3 / 10000, beta_leaf(BURST));
	return unused;
}

FRAME void *enter_short(void *unused)
{
	SPEND(&branches[2], 3000, short_leaf(BURST));
	return unused;
}

static void start(pthread_t *thread, const char *name, void *(*enter)(void *))
{
	if (pthread_create(thread, NULL, enter, NULL))
		abort();
	pthread_setname_np(*thread, name);
}

int main(int argc, char **argv)
{
	pthread_t alpha, beta, shorts;

	budget = budget_ns(argc, argv);
	start(&alpha, "thr-alpha", enter_alpha);
	start(&beta, "thr-beta", enter_beta);
	while (branches[2].ns < budget * 3 / 10) {
		start(&shorts, "thr-short", enter_short);
		pthread_join(shorts, NULL);
	}
	pthread_join(alpha, NULL);
	pthread_join(beta, NULL);
	print_truth(branches, 3);
	return 0;
}
