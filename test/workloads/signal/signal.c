/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SIGPROF handler that burns CPU while it interrupts main → run → interrupted:
 * main → run → interrupted → (signal frame) → handler → handler_leaf, and main → run → interrupted.
 * With the second argument "altstack" the handler runs on a stack of its own.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include "../split.h"

static struct branch branches[] = { { "interrupted", 0 }, { "handler", 0 } };

FRAME uint64_t handler_leaf(uint64_t rounds)
{
	return burn(rounds);
}

FRAME void handler(int number)
{
	SPEND(&branches[1], 4000, handler_leaf(BURST));
	(void)number;
}

FRAME uint64_t interrupted(uint64_t rounds)
{
	return burn(rounds);
}

FRAME void run(uint64_t budget)
{
	uint64_t handled = branches[1].ns;

	SPEND(&branches[0], budget / 1000, interrupted(BURST));
	/* The branch's own time: what it took, less what the handler took inside it. */
	branches[0].ns -= branches[1].ns - handled;
}

int main(int argc, char **argv)
{
	static char alternate[64 * 1024];
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	struct itimerval every = { { 0, 10000 }, { 0, 10000 } };
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };

	if (argc > 2 && !strcmp(argv[2], "altstack")) {
		sigaltstack(&stack, NULL);
		action.sa_flags |= SA_ONSTACK;
	}
	sigaction(SIGPROF, &action, NULL);
	setitimer(ITIMER_PROF, &every, NULL);
	run(budget_ns(argc, argv));
	KEEP_FRAME();
	memset(&every, 0, sizeof(every));
	setitimer(ITIMER_PROF, &every, NULL);
	print_truth(branches, 2);
	return 0;
}
