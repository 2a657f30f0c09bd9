/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time spent in PLT entries and in lazy binding: main → run → call_stubs → PLT or stub_NN (50 %), and
 * main → run → bind_stubs → PLT → the dynamic linker's resolver (50 %). To bind more than once, the slots of .got.plt
 * are set back to what they were before the first call.
 */
#include <string.h>
#include "../split.h"
#include "stubs.h"

#define DECLARE(n) extern unsigned long stub_##n(unsigned long x);
STUBS(DECLARE)
#define CALL(n) x = stub_##n(x);
#define COUNT(n) +1

/* The first three slots belong to the dynamic linker; what follows is one slot for each function called by PLT. */
extern void *_GLOBAL_OFFSET_TABLE_[] __attribute__((visibility("hidden")));
#define SLOTS (3 + (0 STUBS(COUNT)))
static void *unbound[SLOTS];

FRAME uint64_t call_stubs(uint64_t rounds)
{
	unsigned long x = 0;

	while (rounds--) {
		STUBS(CALL)
	}
	return x;
}

FRAME uint64_t bind_stubs(uint64_t rounds)
{
	unsigned long x = 0;

	while (rounds--) {
		memcpy(_GLOBAL_OFFSET_TABLE_ + 3, unbound + 3, sizeof(unbound) - 3 * sizeof(void *));
		STUBS(CALL)
	}
	return x;
}

FRAME void run(uint64_t budget)
{
	struct branch branches[] = { { "call", 0 }, { "bind", 0 } };

	memcpy(unbound, _GLOBAL_OFFSET_TABLE_, sizeof(unbound));
	while (budget_left(budget)) {
		SPEND(&branches[0], 5000, call_stubs(1000));
		SPEND(&branches[1], 5000, bind_stubs(10));
	}
	print_truth(branches, 2);
}

int main(int argc, char **argv)
{
	run(budget_ns(argc, argv));
	KEEP_FRAME();
	return 0;
}
