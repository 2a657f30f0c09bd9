/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that lives 5 to 20 ms: main → NAME_run → NAME_leaf. NAME is given when it is compiled, so that each of the
 * storm's programs has code of its own. Argument: milliseconds of CPU time.
 */
#include "../split.h"

#define JOIN(a, b) a##b
#define NAMED(name, suffix) JOIN(name, suffix)

FRAME uint64_t NAMED(NAME, _leaf)(uint64_t rounds)
{
	return burn(rounds);
}

FRAME void NAMED(NAME, _run)(uint64_t budget)
{
	while (budget_left(budget)) {
		NAMED(NAME, _leaf)(BURST / 4);
		KEEP_FRAME();
	}
}

int main(int argc, char **argv)
{
	NAMED(NAME, _run)(budget_ns(argc, argv));
	KEEP_FRAME();
	return 0;
}
