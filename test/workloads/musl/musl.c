/* SPDX-License-Identifier: Apache-2.0 */
/* A C library without unwind tables, as leaves and in the middle: formatting, sorting, copying, searching, memory. */
#include <string.h>
#include "../split.h"

/* Not static: what nobody outside could read would never be copied. */
char text[64 * 1024], copy[64 * 1024], line[256];
void *blocks[256];
static double numbers[1024];

FRAME void prints(void)
{
	int i;

	for (i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "%d %s %x %.9g %20.3f", i, "some text", i * 77, i / 7.0, i * 1e9 / 3);
		KEEP_FRAME();
	}
}

FRAME int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	burn(5);
	return (x > y) - (x < y);
}

FRAME void sorts(void)
{
	uint64_t x = 1;
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		numbers[i] = (double)(x = x * 6364136223846793005u + 1442695040888963407u);
	qsort(numbers, sizeof(numbers) / sizeof(numbers[0]), sizeof(numbers[0]), compare);
	KEEP_FRAME();
}

FRAME void copies(void)
{
	int i;

	for (i = 0; i < 100; i++) {
		memcpy(copy, text, sizeof(text));
		memset(copy, i, sizeof(copy) / 2);
		KEEP_FRAME();
	}
}

FRAME void searches(void)
{
	int i;

	for (i = 0; i < 20; i++) {
		/* Every place begins like it. */
		if (strstr(text, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab") || strchr(text, 'b'))
			abort();
		KEEP_FRAME();
	}
}

FRAME void allocates(void)
{
	size_t i;

	for (i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		blocks[i] = malloc(16 + i * 8);
	for (i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		free(blocks[(i * 37) % (sizeof(blocks) / sizeof(blocks[0]))]);
	KEEP_FRAME();
}

FRAME void run(uint64_t budget)
{
	struct branch branches[] = {
		{ "print", 0 }, { "sort", 0 }, { "copy", 0 }, { "search", 0 }, { "allocate", 0 },
	};

	memset(text, 'a', sizeof(text) - 1);
	while (budget_left(budget)) {
		SPEND(&branches[0], 3000, prints());
		SPEND(&branches[1], 3000, sorts());
		SPEND(&branches[2], 2000, copies());
		SPEND(&branches[3], 2000, searches());
		SPEND(&branches[4], 2000, allocates());
	}
	print_truth(branches, 5);
}

int main(int argc, char **argv)
{
	run(budget_ns(argc, argv));
	KEEP_FRAME();
	return 0;
}
