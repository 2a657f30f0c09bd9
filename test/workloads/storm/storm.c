/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A storm of short-lived processes: storm SECONDS RATE PROGRAM…  starts RATE a second of the programs in turn, each with
 * a budget of 5 to 20 ms, and adds up by wait4 what each used:
 * {"seconds":5,"programs":{"short-a":{"processes":83,"cpuNs":123},…}}
 */
#define _GNU_SOURCE
#include <errno.h>
#include <libgen.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define MAX_PROGRAMS 16
#define MAX_CHILDREN 4096

struct program {
	const char *path;
	unsigned int processes;
	uint64_t cpu_ns;
};

struct child {
	pid_t pid;
	struct program *program;
};

extern char **environ;
static struct program programs[MAX_PROGRAMS];
static struct child children[MAX_CHILDREN];
static int child_count;

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t ns(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_usec * 1000u;
}

/* Collects children that have ended; with wait, all that are left. */
static void reap(int wait)
{
	struct rusage usage;
	pid_t pid;
	int i;

	while (child_count && (pid = wait4(-1, NULL, wait ? 0 : WNOHANG, &usage)) > 0) {
		for (i = 0; i < child_count && children[i].pid != pid; i++)
			;
		if (i == child_count)
			continue;
		children[i].program->processes++;
		children[i].program->cpu_ns += ns(usage.ru_utime) + ns(usage.ru_stime);
		children[i] = children[--child_count];
	}
}

static void start(struct program *program, unsigned int milliseconds)
{
	char budget[16];
	char *arguments[] = { (char *)program->path, budget, NULL };
	pid_t pid;
	int error;

	if (child_count == MAX_CHILDREN)
		reap(1);
	snprintf(budget, sizeof(budget), "%u", milliseconds);
	error = posix_spawn(&pid, program->path, NULL, NULL, arguments, environ);
	if (error) {
		fprintf(stderr, "%s: %s\n", program->path, strerror(error));
		exit(1);
	}
	children[child_count].pid = pid;
	children[child_count++].program = program;
}

int main(int argc, char **argv)
{
	int count = argc - 3, i;
	double seconds, rate;
	uint64_t begin, turn, turns;

	if (count < 1 || count > MAX_PROGRAMS)
		return 2;
	seconds = atof(argv[1]);
	rate = atof(argv[2]);
	for (i = 0; i < count; i++)
		programs[i].path = argv[i + 3];
	begin = monotonic_ns();
	turns = (uint64_t)(seconds * rate);
	for (turn = 0; turn < turns; turn++) {
		uint64_t due = begin + (uint64_t)((double)turn * 1e9 / rate);
		struct timespec until = { (time_t)(due / 1000000000u), (long)(due % 1000000000u) };

		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
			;
		/* 5, 8, 11, 14, 17, 20 ms and again; 7 is prime to the number of programs. */
		start(&programs[turn * 7 % (uint64_t)count], 5 + (unsigned int)(turn % 6) * 3);
		reap(0);
	}
	reap(1);
	printf("{\"seconds\":%g,\"programs\":{", seconds);
	for (i = 0; i < count; i++)
		printf("%s\"%s\":{\"processes\":%u,\"cpuNs\":%llu}", i ? "," : "", basename((char *)programs[i].path),
		       programs[i].processes, (unsigned long long)programs[i].cpu_ns);
	printf("}}\n");
	return 0;
}
