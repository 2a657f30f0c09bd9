/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs in its own code, then loads a library and runs in that: main → run → before (50 %), and
 * main → run → plugin_enter → plugin_leaf (30 %), … → plugin_enter → plugin_calls_back → host_callback (20 %).
 */
#include <dlfcn.h>
#include <limits.h>
#include <unistd.h>
#include "../split.h"

FRAME uint64_t before(uint64_t rounds)
{
	return burn(rounds);
}

FRAME uint64_t host_callback(uint64_t rounds)
{
	return burn(rounds);
}

FRAME void run(uint64_t budget)
{
	struct branch branches[] = { { "before", 0 }, { "plugin", 0 }, { "callback", 0 } };
	uint64_t (*enter)(uint64_t rounds, uint64_t(*callback)(uint64_t));
	char path[PATH_MAX + 16];
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);
	void *library;

	SPEND(&branches[0], budget / 2000, before(BURST));
	if (length < 0)
		exit(1);
	path[length] = '\0';
	snprintf(path + length - (ssize_t)sizeof("late-dlopen") + 1, sizeof("libplugin.so"), "libplugin.so");
	library = dlopen(path, RTLD_NOW);
	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	*(void **)&enter = dlsym(library, "plugin_enter");
	while (budget_left(budget)) {
		SPEND(&branches[1], 3000, enter(BURST, NULL));
		SPEND(&branches[2], 2000, enter(BURST, host_callback));
	}
	print_truth(branches, 3);
}

int main(int argc, char **argv)
{
	run(budget_ns(argc, argv));
	KEEP_FRAME();
	return 0;
}
