/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What user space decides before the programs are loaded. The verifier knows these values, so that a branch they close
 * costs nothing. Defined in sample.bpf.c.
 */
#ifndef HOSTFLAME_CONFIG_H
#define HOSTFLAME_CONFIG_H

#include "kernel.h"

/* 1: sample only processes in the `pids` map. */
extern const volatile u32 filter_pids;
/* 1: sample only threads whose comm is in the `comms` map. */
extern const volatile u32 filter_comms;
/* enum abi_hierarchy: which cgroup of a task is meant. */
extern const volatile u32 cgroup_hierarchy;
/* Stack copies a CPU may send in a second. A copy is at most 72 KiB; the ring bounds them too. */
extern const volatile u32 first_sights_per_second;
/* Bytes in the ring at which its reader is woken; below, it looks by itself now and then. */
extern const volatile u32 wakeup_bytes;
/* Size of the ring, of which stack copies may take seven eighths. */
extern const volatile u32 ring_bytes;

#endif
