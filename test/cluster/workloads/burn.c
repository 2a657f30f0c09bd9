/*
 * A workload of the cluster tests.
 *
 *   hf-burn spin SECONDS          one process that uses a CPU
 *   hf-burn share PERCENT SECONDS one that uses that much of it
 *   hf-burn storm SECONDS MS      one process after another, each living MS milliseconds and using its CPU
 *   hf-burn crowd COUNT           COUNT processes that sleep until they are ended
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile uint64_t sink;

static double now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec + time.tv_nsec * 1e-9;
}

__attribute__((noinline)) static void cluster_leaf(void)
{
	for (int i = 0; i < 20000; i++)
		sink = sink * 6364136223846793005u + 1442695040888963407u;
}

__attribute__((noinline)) static void cluster_burn(double seconds)
{
	const double end = now(CLOCK_MONOTONIC) + seconds;

	while (now(CLOCK_MONOTONIC) < end)
		cluster_leaf();
}

static void share(double percent, double seconds)
{
	const double end = now(CLOCK_MONOTONIC) + seconds;

	while (now(CLOCK_MONOTONIC) < end) {
		cluster_burn(percent / 1000);
		usleep((useconds_t)((100 - percent) * 1000));
	}
}

static void storm(double seconds, const char *milliseconds)
{
	const double end = now(CLOCK_MONOTONIC) + seconds;

	while (now(CLOCK_MONOTONIC) < end) {
		pid_t child = fork();

		if (child == 0) {
			execlp("hf-burn", "hf-burn", "brief", milliseconds, NULL);
			_exit(127);
		}
		waitpid(child, NULL, 0);
	}
}

static void crowd(int count)
{
	for (int i = 0; i < count; i++) {
		if (fork() == 0)
			for (;;)
				pause();
	}
	for (;;)
		pause();
}

static void end(int signal)
{
	(void)signal;
	_exit(0);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	/* The first process of a pid namespace has no default actions: it ends by SIGTERM only if it says so. */
	signal(SIGTERM, end);
	if (strcmp(what, "spin") == 0 && argc == 3)
		cluster_burn(atof(argv[2]));
	else if (strcmp(what, "share") == 0 && argc == 4)
		share(atof(argv[2]), atof(argv[3]));
	else if (strcmp(what, "storm") == 0 && argc == 4)
		storm(atof(argv[2]), argv[3]);
	else if (strcmp(what, "brief") == 0 && argc == 3)
		cluster_burn(atof(argv[2]) / 1000);
	else if (strcmp(what, "crowd") == 0 && argc == 3)
		crowd(atoi(argv[2]));
	else
		return 2;
	return 0;
}
