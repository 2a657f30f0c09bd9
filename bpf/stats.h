/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the kernel side counts: the one list. A line here is a field of struct stats, a row of abi.generated.ts and a
 * metric with this help text. Each CPU counts in its own element of an array that user space maps, and sums.
 */
#ifndef HOSTFLAME_STATS_H
#define HOSTFLAME_STATS_H

#include "abi.h"

#define STATS(STAT)                                                                                                    \
	STAT(ticks, "Sampling ticks that hit a task, after the idle task was skipped")                                 \
	STAT(idle_ticks, "Sampling ticks that hit the idle task")                                                      \
	STAT(filtered_ticks, "Ticks refused because the process was not asked for")                                    \
	STAT(refused_ticks, "Ticks refused by the policy of their cgroup, before anything was unwound")                \
	STAT(thinned_ticks, "Ticks left out of a cgroup that is sampled at a lower rate; others stand for them")       \
	STAT(cgroups, "Cgroups announced at their first tick")                                                         \
	STAT(cgroups_refused, "Ticks whose cgroup the table had no room for: sampled by the default policy")           \
	STAT(cgroup_announcements_lost,                                                                                \
	     "Cgroups not announced because the ring was full: made up for at a later tick")                           \
	STAT(cgroup_paths_cut, "Cgroups announced without their deepest levels")                                       \
	STAT(samples, "Samples handed to user space")                                                                  \
	STAT(samples_dropped, "Samples lost because the ring was full")                                                \
	STAT(kernel_stack_failures, "Samples whose kernel stack the kernel refused")                                   \
	STAT(first_sights, "Samples sent with a copy of their stack, because a file had no rows yet")                  \
	STAT(first_sights_refused_rate, "Stack copies refused by the rate limit")                                      \
	STAT(first_sights_refused_ring, "Stack copies refused because the ring was more than seven eighths full")      \
	STAT(first_sight_mappings_cut, "Mapping lists of first sights cut at their limit")                             \
	STAT(mapping_walks, "Walks of a process's mapping tree")                                                       \
	STAT(mapping_misses, "Walks that found no mapping, after a second try")                                        \
	STAT(mapping_retries, "Walks that found a mapping only at the second try, under a concurrent change")          \
	STAT(tail_call_failures, "Programs of the unwinder that could not be entered")                                 \
	STAT(python_frames, "Frames of Python functions")                                                              \
	STAT(python_no_thread, "Stacks in CPython's loop whose thread has no thread state that runs frames")           \
	STAT(python_unreadable, "Python frames, or their code objects, that could not be read: a native frame stays")  \
	STAT(python_no_code, "Python frames without a code object: left out")                                          \
	STAT(python_misaligned,                                                                                        \
	     "Calls of CPython's loop just begun or just ending, which run no frame: a native frame stays")            \
	STAT(python_codes, "Code objects whose names were handed to user space")                                       \
	STAT(python_codes_lost, "Code objects not handed over because the ring was full: made up for at a later tick") \
	STAT(hotspot_frames, "Frames of Java: interpreted, compiled, and the JVM's own stubs")                         \
	STAT(hotspot_unready, "Samples of a JVM whose code cache could not be read, as while it starts")               \
	STAT(hotspot_blob_failures, "Frames in a JVM's code cache left as addresses: no piece of code was there")      \
	STAT(hotspot_method_failures, "Interpreted frames of Java left as addresses: no method was found in them")     \
	STAT(hotspot_caller_failures, "Stacks of Java cut short: the caller's frame could not be read")                \
	STAT(v8_frames, "Frames of JavaScript functions")                                                              \
	STAT(v8_no_function, "Frames of V8 whose function could not be read: left native, or without a name")          \
	STAT(v8_no_code, "Frames of JavaScript in compiled code that its function does not refer to: lines are lost")

struct stats {
#define STAT_FIELD(name, help) __abi_u64 name;
	STATS(STAT_FIELD)
#undef STAT_FIELD
};

#endif
