/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Every map, with its owner (who writes it) and what its key means. Defined in maps.bpf.c, which includes this file
 * with DEFINE_MAPS; all other objects see them as extern and are linked to them.
 */
#ifndef HOSTFLAME_MAPS_H
#define HOSTFLAME_MAPS_H

#include "abi.h"
#include "kernel.h"
#include "interpreters/python_walk.h"
#include "scratch.h"
#include "stats.h"

#ifdef DEFINE_MAPS
#define MAP
#else
#define MAP extern
#endif

/* Records to user space. Written here, read by the drain. Its size is set at load. */
MAP struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 2097152);
} ring SEC(".maps");

/* This CPU's working memory. Key 0. */
MAP struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* Where a first-sight record is put together. Key: CPU. Not a per-CPU map: those end at 32 KiB a value. */
MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct first_sight_buffer);
} first_sight_buffers SEC(".maps");

/* Counters. Key: CPU. Written here, mapped and summed by user space. */
MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct stats);
} statistics SEC(".maps");

/* Which executable a file is. Written by user space; only `hits` is counted here. */
MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct abi_file_key);
	__type(value, struct abi_executable);
} executables SEC(".maps");

/* Unwind tables. Key: abi_executable.slot. Written by user space, through the inner arrays' mapped memory. */
struct unwind_table {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
};
MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4096);
	__type(key, u32);
	__array(values, struct unwind_table);
} tables SEC(".maps");

/* Unwind rules, shared by all tables. Key: abi_row.rule. Written by user space. */
MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ABI_MAX_RULES);
	__type(key, u32);
	__type(value, struct abi_rule);
} rules SEC(".maps");

/* What is known of each file of an interpreter. Key: abi_executable.interpreter - 1. Written by user space. */
MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ABI_MAX_INTERPRETERS);
	__type(key, u32);
	__type(value, struct abi_interpreter);
} interpreters SEC(".maps");

/*
 * Whose a process's anonymous executable memory is. Key: pid. Written here, when the runtime's own code is first met in the
 * process; the least used are forgotten, and met again.
 */
MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, ABI_MAX_RUNTIMES);
	__type(key, u32);
	__type(value, struct abi_runtime);
} runtimes SEC(".maps");

/* This CPU's working memory of the walk of Python frames. Key 0. */
MAP struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct python_walk);
} python_walks SEC(".maps");

/*
 * The PyThreadState of a thread. Key: tid. Written here; believed only where its own thread_id says so. A few thousand
 * threads that take turns: whoever is not here has its runtime's list searched.
 */
MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, u64);
} python_threads SEC(".maps");

/*
 * Code objects whose names were handed to user space, which deletes what it forgets: they are handed over again. A large
 * application runs some thousands.
 */
MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct abi_python_code_key);
	__type(value, u32);
} python_codes SEC(".maps");

/*
 * Methods of Java that were the innermost of a sample lately: a new one is read at once. Key: of process, address and cookie,
 * one number. Written here; two that share a key, or one forgotten, cost a name or a waking at worst.
 */
MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u8);
} hotspot_known SEC(".maps");

/*
 * Functions of JavaScript whose names user space has been woken for. Key: a hash of process, address and cookie. The least
 * used are forgotten, and waken it again.
 */
MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, u8);
} v8_known SEC(".maps");

/* Optimised code of a function that is not, or no more, what the function itself refers to. Newest first. */
#define V8_CODES 4
struct v8_codes {
	u64 code[V8_CODES];
};

/* Key: a hash of process and function. */
MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct v8_codes);
} v8_optimised SEC(".maps");

/* Processes to sample when filter_pids is set. Key: pid. Written by user space. */
MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u8);
} pids SEC(".maps");

struct comm {
	char name[ABI_COMM_BYTES];
};

/* Thread names to sample when filter_comms is set. Written by user space. */
MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct comm);
	__type(value, u8);
} comms SEC(".maps");

/*
 * What is wanted of a cgroup. Key: its id. An entry is made here at its first tick, or by user space with a policy; only
 * user space deletes. Preallocated, because a tick may interrupt the allocator.
 */
MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ABI_MAX_CGROUPS);
	__type(key, u64);
	__type(value, struct abi_cgroup);
} cgroups SEC(".maps");

/*
 * The divisor of a cgroup that user space has said nothing of: 1, or 0 where only those are sampled that asked for it. Key 0.
 * Written by user space, at any time: a constant could not be changed, and only the first tick of a cgroup reads it.
 */
MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} default_divisor SEC(".maps");

/* The programs of the unwinder. Key: enum abi_program. Filled at load. */
MAP struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, ABI_PROGRAM_COUNT);
	__type(key, u32);
	__type(value, u32);
} programs SEC(".maps");

/* This CPU's counters; in a function of its own because each program looks them up anew. */
static __always_inline struct stats *stats_of_this_cpu(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&statistics, &cpu);
}

static __always_inline struct scratch *scratch_of_this_cpu(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&scratches, &zero);
}

#endif
