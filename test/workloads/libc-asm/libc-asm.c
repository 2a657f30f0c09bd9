/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves in libc's assembly (memcpy, strlen, memset), and libc frames in the middle: qsort and its comparator. */
#include <string.h>
#include "../split.h"

/* Not static: what nobody outside could read would never be copied. */
char big[512 * 1024], copy[512 * 1024];
static uint64_t numbers[2048];

/* So often in a row that reading the clock between does not show. */
#define TIMES 16

FRAME void copies(void)
{
	int i;

	for (i = 0; i < TIMES; i++) {
		memcpy(copy, big, sizeof(big));
		KEEP_FRAME();
	}
}

FRAME size_t measures(void)
{
	size_t length = 0;
	int i;

	big[sizeof(big) - 1] = '\0';
	for (i = 0; i < TIMES; i++) {
		length += strlen(big);
		KEEP_FRAME();
	}
	return length;
}

FRAME void fills(void)
{
	int i;

	for (i = 0; i < TIMES; i++) {
		memset(big, 'x', sizeof(big) - 1);
		KEEP_FRAME();
	}
}

FRAME int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	burn(20);
	return (x > y) - (x < y);
}

FRAME void sorts(void)
{
	uint64_t x = 1;
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		numbers[i] = x = x * 6364136223846793005u + 1442695040888963407u;
	qsort(numbers, sizeof(numbers) / sizeof(numbers[0]), sizeof(numbers[0]), compare);
	KEEP_FRAME();
}

FRAME void run(uint64_t budget)
{
	struct branch branches[] = { { "copy", 0 }, { "measure", 0 }, { "fill", 0 }, { "sort", 0 } };

	while (budget_left(budget)) {
		SPEND(&branches[2], 2000, fills());
		SPEND(&branches[0], 3000, copies());
		SPEND(&branches[1], 3000, measures());
		SPEND(&branches[3], 2000, sorts());
	}
	print_truth(branches, 4);
}

int main(int argc, char **argv)
{
	run(budget_ns(argc, argv));
	KEEP_FRAME();
	return 0;
}
