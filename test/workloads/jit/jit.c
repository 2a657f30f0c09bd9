/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code without a file, as a just-in-time compiler makes it, that keeps the frame pointer; told in /tmp/perf-PID.map:
 * main → run → enter_generated → jitted calls → generated_calls (30 %), … → jitted trampoline → generated_calls (10 %), which has
 * no frame pointer, … → jitted loop (30 %), … → jitted_outer → jitted_inner (30 %), which is so short that it is mostly at its first
 * and last instructions.
 *
 * The second argument is the kind of memory: private (of no file), memfd (mapped twice, to write and to run), shared. The third is
 * what names begin with, "jitted" unless given. The map is removed at the end.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../split.h"

#define CODE_BYTES 8192
#define LOOP_AT 4096
#define OUTER_AT 256
#define INNER_AT (OUTER_AT + 64)
#define TRAMPOLINE_AT 512

/* uint64_t calls(uint64_t rounds, uint64_t (*callee)(uint64_t)) */
static const unsigned char calls_callee[] = {
	0x55,		  /* push rbp */
	0x48, 0x89, 0xe5, /* mov rbp, rsp */
	0xff, 0xd6,	  /* call rsi */
	0x5d,		  /* pop rbp */
	0xc3,		  /* ret */
};
/* uint64_t trampoline(uint64_t rounds, uint64_t (*callee)(uint64_t)), as CPython's for perf */
static const unsigned char trampoline[] = {
	0x48, 0x83, 0xec, 0x08, /* sub rsp, 8 */
	0xff, 0xd6,		/* call rsi */
	0x48, 0x83, 0xc4, 0x08, /* add rsp, 8 */
	0xc3,			/* ret */
};
/* uint64_t loops(uint64_t rounds, …) */
static const unsigned char loops[] = {
	0x55,		  /* push rbp */
	0x48, 0x89, 0xe5, /* mov rbp, rsp */
	0x48, 0xff, 0xcf, /* again: dec rdi */
	0x75, 0xfb,	  /* jnz again */
	0x5d,		  /* pop rbp */
	0xc3,		  /* ret */
};
/* uint64_t outer(uint64_t rounds, …) */
static const unsigned char outer[] = {
	0x55,			      /* push rbp */
	0x48, 0x89, 0xe5,	      /* mov rbp, rsp */
	0x53,			      /* push rbx */
	0x50,			      /* push rax */
	0x48, 0x89, 0xfb,	      /* mov rbx, rdi */
	0xe8, 0x32, 0x00, 0x00, 0x00, /* again: call inner */
	0x48, 0xff, 0xcb,	      /* dec rbx */
	0x75, 0xf6,		      /* jnz again */
	0x58,			      /* pop rax */
	0x5b,			      /* pop rbx */
	0x5d,			      /* pop rbp */
	0xc3,			      /* ret */
};
static const unsigned char inner[] = {
	0x55,		  /* push rbp */
	0x48, 0x89, 0xe5, /* mov rbp, rsp */
	0x48, 0xff, 0xc0, /* inc rax */
	0x5d,		  /* pop rbp */
	0xc3,		  /* ret */
};
typedef uint64_t (*generated)(uint64_t rounds, uint64_t (*callee)(uint64_t));

FRAME uint64_t generated_calls(uint64_t rounds)
{
	return burn(rounds);
}

FRAME uint64_t enter_generated(generated code, uint64_t rounds)
{
	uint64_t x = code(rounds, generated_calls);

	KEEP_FRAME();
	return x;
}

/* Memory to write code to, and where it is to be run. */
static char *map_code(const char *kind, char **writable)
{
	char *code;

	if (!strcmp(kind, "memfd")) {
		int fd = memfd_create("doublemapper", MFD_CLOEXEC);

		if (fd < 0 || ftruncate(fd, CODE_BYTES))
			return MAP_FAILED;
		*writable = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		code = mmap(NULL, CODE_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
		close(fd);
		return *writable == MAP_FAILED ? MAP_FAILED : code;
	}
	code = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
		    (strcmp(kind, "shared") ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS, -1, 0);
	*writable = code;
	return code;
}

static int tell(const char *path, const char *name, const char *code)
{
	FILE *map = fopen(path, "w");

	if (!map)
		return -1;
	fprintf(map, "%lx %zx %s calls\n", (unsigned long)code, sizeof(calls_callee), name);
	fprintf(map, "%lx %zx %s trampoline\n", (unsigned long)code + TRAMPOLINE_AT, sizeof(trampoline), name);
	fprintf(map, "%lx %zx %s loop\n", (unsigned long)code + LOOP_AT, sizeof(loops), name);
	fprintf(map, "%lx %zx LazyCompile:*%s_outer /app/x.js:10:5\n", (unsigned long)code + OUTER_AT, sizeof(outer),
		name);
	fprintf(map, "%lx %zx Lapp/Some;::%s_inner\n", (unsigned long)code + INNER_AT, sizeof(inner), name);
	return fclose(map);
}

FRAME int run(uint64_t budget, const char *kind, const char *name, const char *path)
{
	struct branch branches[] = { { "calls", 0 }, { "trampoline", 0 }, { "loops", 0 }, { "inner", 0 } };
	char *writable, *code = map_code(kind, &writable);

	if (code == MAP_FAILED)
		return 1;
	memcpy(writable, calls_callee, sizeof(calls_callee));
	memcpy(writable + LOOP_AT, loops, sizeof(loops));
	memcpy(writable + OUTER_AT, outer, sizeof(outer));
	memcpy(writable + INNER_AT, inner, sizeof(inner));
	memcpy(writable + TRAMPOLINE_AT, trampoline, sizeof(trampoline));
	if (tell(path, name, code))
		return 1;
	while (budget_left(budget)) {
		SPEND(&branches[0], 3000, enter_generated((generated)(void *)code, BURST));
		SPEND(&branches[1], 1000, enter_generated((generated)(void *)(code + TRAMPOLINE_AT), BURST));
		SPEND(&branches[2], 3000, enter_generated((generated)(void *)(code + LOOP_AT), 4 * BURST));
		SPEND(&branches[3], 3000, enter_generated((generated)(void *)(code + OUTER_AT), BURST));
	}
	print_truth(branches, 4);
	return 0;
}

int main(int argc, char **argv)
{
	char path[64];
	int failed;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	failed = run(budget_ns(argc, argv), argc > 2 ? argv[2] : "private", argc > 3 ? argv[3] : "jitted", path);
	unlink(path);
	KEEP_FRAME();
	return failed;
}
