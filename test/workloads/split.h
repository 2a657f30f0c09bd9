/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a workload knows what it did: it measures, by its own thread's CPU clock, the time spent in each of its branches,
 * and prints the sums as one line of JSON when its budget is used up. A profiler's split of samples is compared with
 * that, not with what the source intends.
 *
 * The header is all macros and static inlines, so that no frame of its own appears in a stack.
 */
#ifndef WORKLOADS_SPLIT_H
#define WORKLOADS_SPLIT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

/* A function that is one frame in every stack that passes through it. */
#if defined(__clang__)
#define FRAME __attribute__((noinline, used))
#else
#define FRAME __attribute__((noinline, noclone, noipa, used))
#endif

/* After a call, keeps it from becoming a jump: a tail call leaves no frame. */
#define KEEP_FRAME() __asm__ volatile("" ::: "memory")

struct branch {
	const char *name;
	uint64_t ns;
};

static inline __attribute__((always_inline)) uint64_t cpu_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Repeats `call` for so many microseconds of this thread's CPU time, and adds what it took to the branch. */
#define SPEND(branch, microseconds, call)                                                                              \
	do {                                                                                                           \
		uint64_t spend_start = cpu_ns(CLOCK_THREAD_CPUTIME_ID), spend_now;                                     \
		do {                                                                                                   \
			call;                                                                                          \
			KEEP_FRAME();                                                                                  \
			spend_now = cpu_ns(CLOCK_THREAD_CPUTIME_ID);                                                   \
		} while (spend_now - spend_start < (uint64_t)(microseconds)*1000u);                                    \
		(branch)->ns += spend_now - spend_start;                                                               \
	} while (0)

/* The first argument is the budget: milliseconds of CPU time of the process; the workload ends when they are used. */
static inline __attribute__((always_inline)) uint64_t budget_ns(int argc, char **argv)
{
	return (argc > 1 ? strtoull(argv[1], NULL, 10) : 1000u) * 1000000u;
}

static inline __attribute__((always_inline)) int budget_left(uint64_t budget)
{
	return cpu_ns(CLOCK_PROCESS_CPUTIME_ID) < budget;
}

/* {"comm":"split","branches":{"alpha":600000000,"beta":400000000},"cpuNs":1000000000} */
static inline __attribute__((always_inline)) void print_truth(const struct branch *branches, int count)
{
	char comm[16] = "";
	int i;

	prctl(PR_GET_NAME, comm);
	printf("{\"comm\":\"%s\",\"branches\":{", comm);
	for (i = 0; i < count; i++)
		printf("%s\"%s\":%llu", i ? "," : "", branches[i].name, (unsigned long long)branches[i].ns);
	printf("},\"cpuNs\":%llu}\n", (unsigned long long)cpu_ns(CLOCK_PROCESS_CPUTIME_ID));
	fflush(stdout);
}

/* Integer work that no optimiser folds away: about a microsecond for 400 rounds. */
static inline __attribute__((always_inline)) uint64_t burn(uint64_t rounds)
{
	uint64_t x = 88172645463325252u;

	while (rounds--) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		__asm__ volatile("" : "+r"(x));
	}
	return x;
}

/* About 150 microseconds of burn: short beside a branch's share, long beside reading the clock. */
#define BURST 60000

#endif
