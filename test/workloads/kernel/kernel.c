/* SPDX-License-Identifier: Apache-2.0 */
/* Time spent in the kernel for user code: copying (40 %), page faults (30 %), entering and leaving (30 %). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "../split.h"

FRAME void read_zeros(int fd)
{
	static char buffer[256 * 1024];
	int i;

	for (i = 0; i < 16; i++) {
		volatile ssize_t length = read(fd, buffer, sizeof(buffer));

		KEEP_FRAME();
		(void)length;
	}
}

FRAME void touch_pages(void)
{
	volatile char *pages = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	for (i = 0; i < 1 << 20; i += 4096)
		pages[i] = 1;
	munmap((void *)pages, 1 << 20);
	KEEP_FRAME();
}

FRAME void enter_kernel(void)
{
	int i;

	for (i = 0; i < 500; i++)
		syscall(SYS_getpid);
	KEEP_FRAME();
}

FRAME void run(uint64_t budget)
{
	struct branch branches[] = { { "read", 0 }, { "faults", 0 }, { "enter", 0 } };
	int fd = open("/dev/zero", O_RDONLY);

	while (budget_left(budget)) {
		SPEND(&branches[0], 4000, read_zeros(fd));
		SPEND(&branches[1], 3000, touch_pages());
		SPEND(&branches[2], 3000, enter_kernel());
	}
	print_truth(branches, 3);
}

int main(int argc, char **argv)
{
	run(budget_ns(argc, argv));
	KEEP_FRAME();
	return 0;
}
