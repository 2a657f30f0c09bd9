/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process, three images: main → run → before_fork; then a forked child, without exec, runs in_child; then the
 * parent execs "exec-second" beside it, which has other code at the same addresses.
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../split.h"

FRAME uint64_t before_fork(uint64_t rounds)
{
	return burn(rounds);
}

FRAME uint64_t in_child(uint64_t rounds)
{
	return burn(rounds);
}

FRAME void run(uint64_t budget)
{
	struct branch branches[] = { { "before", 0 }, { "child", 0 } };
	pid_t child;

	SPEND(&branches[0], budget / 3000, before_fork(BURST));
	print_truth(branches, 1);
	child = fork();
	if (!child) {
		SPEND(&branches[1], budget / 3000, in_child(BURST));
		print_truth(&branches[1], 1);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	char path[4096], milliseconds[32];
	uint64_t budget = budget_ns(argc, argv);
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 16);

	run(budget);
	KEEP_FRAME();
	if (length < 0)
		return 1;
	path[length] = '\0';
	strcpy(strrchr(path, '/') + 1, "exec-second");
	/* The process's clock goes on over exec: what is left is a third. */
	snprintf(milliseconds, sizeof(milliseconds), "%llu", (unsigned long long)(budget * 2 / 3000000));
	execl(path, path, milliseconds, (char *)NULL);
	return 1;
}
