/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks that end in libc's start of a context, not in main: coroutine_enter → coroutine_leaf (50 %) on a stack that
 * lies elsewhere, and main → run → plain (50 %). Of that stack only the last page is ever touched, and of that page
 * only the beginning is in use: what is below the stack pointer, a red zone for one, is not there to be read.
 */
#include <ucontext.h>
#include "../split.h"

static ucontext_t host, guest;
static _Alignas(4096) char stack[256 * 1024 + 64];

FRAME uint64_t coroutine_leaf(uint64_t rounds)
{
	return burn(rounds);
}

FRAME void coroutine_enter(void)
{
	for (;;) {
		coroutine_leaf(BURST);
		KEEP_FRAME();
		swapcontext(&guest, &host);
	}
}

FRAME uint64_t plain(uint64_t rounds)
{
	return burn(rounds);
}

FRAME void run(uint64_t budget)
{
	struct branch branches[] = { { "coroutine", 0 }, { "plain", 0 } };

	getcontext(&guest);
	guest.uc_stack.ss_sp = stack;
	guest.uc_stack.ss_size = sizeof(stack);
	guest.uc_link = &host;
	makecontext(&guest, coroutine_enter, 0);
	while (budget_left(budget)) {
		SPEND(&branches[0], 5000, swapcontext(&host, &guest));
		SPEND(&branches[1], 5000, plain(BURST));
	}
	print_truth(branches, 2);
}

int main(int argc, char **argv)
{
	run(budget_ns(argc, argv));
	KEEP_FRAME();
	return 0;
}
