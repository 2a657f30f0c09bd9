/*
 * Runs code out of many files, one after the other: each is made, mapped, run for a while and deleted, so that to the
 * kernel it is a file never seen before. Arguments: how many, and how long each, in microseconds.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Mappings stay for so many files more: a profiler has to find them. */
#define KEPT 128
#define PAGE 65536 /* the largest page of either architecture */

#if defined(__x86_64__)
/* 1: dec %edi; jnz 1b; ret */
static const uint8_t kCode[] = { 0xff, 0xcf, 0x75, 0xfc, 0xc3 };
#elif defined(__aarch64__)
/* 1: subs w0, w0, #1; b.ne 1b; ret */
static const uint8_t kCode[] = { 0x00, 0x04, 0x00, 0x71, 0xe1, 0xff, 0xff, 0x54, 0xc0, 0x03, 0x5f, 0xd6 };
#endif

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
	int files = argc > 1 ? atoi(argv[1]) : 1000;
	int each_us = argc > 2 ? atoi(argv[2]) : 3000;
	void *kept[KEPT] = { 0 };
	char path[64];

	for (int i = 0; i < files; i++) {
		snprintf(path, sizeof(path), "churn-%d-%d.bin", getpid(), i);
		int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0700);

		if (fd < 0 || write(fd, kCode, sizeof(kCode)) != sizeof(kCode) || ftruncate(fd, PAGE + i % 4096)) {
			perror(path);
			return 1;
		}
		void *code = mmap(0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

		if (code == MAP_FAILED) {
			perror("mmap");
			return 1;
		}
		close(fd);
		for (uint64_t end = now_us() + each_us; now_us() < end;)
			((void (*)(unsigned))code)(100000);
		unlink(path);
		if (kept[i % KEPT])
			munmap(kept[i % KEPT], PAGE);
		kept[i % KEPT] = code;
	}
	return 0;
}
