// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* A small object with each kind of thing that the addon handles; no part of the product. */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct task_struct {
  int pid;
} __attribute__((preserve_access_index));

const volatile __u32 records_per_tick = 8;
const volatile __u64 marker = 1;

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 65536);
} ring SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u32);
} programs SEC(".maps");

struct counts {
  __u64 ticks;
  __u64 submitted;
  __u64 refused;
  __u64 discarded;
  __u64 tail_called;
  __u64 table_word;
  __u64 marker;
  __u64 pid;
};

/* Key: CPU. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 256);
  __type(key, __u32);
  __type(value, struct counts);
} counters SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16);
  __type(key, __u64);
  __type(value, __u32);
} settings SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} per_cpu SEC(".maps");

struct table {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, 8);
  __type(key, __u32);
  __array(values, struct table);
} tables SEC(".maps");

static struct counts *counts_of_this_cpu(void) {
  __u32 cpu = bpf_get_smp_processor_id();

  return bpf_map_lookup_elem(&counters, &cpu);
}

/* The record says its own number and length, and is filled with the number's low byte. */
struct record {
  __u32 cpu;
  __u32 length;
  __u64 number;
  __u8 fill[4080];
};

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct record);
} scratch SEC(".maps");

SEC("perf_event")
int tick(void *context) {
  struct counts *counts = counts_of_this_cpu();
  __u32 zero = 0;
  struct record *record = bpf_map_lookup_elem(&scratch, &zero);
  struct task_struct *task = (void *)bpf_get_current_task();

  if (!counts || !record) return 0;
  counts->ticks++;
  counts->marker = marker;
  counts->pid = BPF_CORE_READ(task, pid);
  for (__u32 i = 0; i < 64; i++) {
    __u64 number;
    __u32 length;

    if (i >= records_per_tick) break;
    number = counts->submitted;
    length = 16 + (number * 37 & 0xfff);
    if (length > sizeof(*record)) length = sizeof(*record);
    record->cpu = bpf_get_smp_processor_id();
    record->length = length;
    record->number = number;
    __builtin_memset(record->fill, 0, 8);
    record->fill[0] = number;
    if (bpf_ringbuf_output(&ring, record, length, 0))
      counts->refused++;
    else
      counts->submitted++;
  }
  bpf_tail_call(context, &programs, 2);
  return 0;
}

SEC("perf_event")
int second(void *context) {
  struct counts *counts = counts_of_this_cpu();
  __u32 slot = 3;
  __u32 element = 5;
  void *table = bpf_map_lookup_elem(&tables, &slot);
  void *discarded;
  __u64 *word;

  if (!counts) return 0;
  counts->tail_called++;
  /* A hole in the ring that the reader has to step over. */
  discarded = bpf_ringbuf_reserve(&ring, 40, 0);
  if (discarded) {
    bpf_ringbuf_discard(discarded, 0);
    counts->discarded++;
  }
  if (!table) return 0;
  word = bpf_map_lookup_elem(table, &element);
  counts->table_word = word ? *word : 0;
  return 0;
}

/* Never passes the verifier: reads through a pointer that may be null. */
SEC("perf_event")
int refused_by_verifier(void *context) {
  __u32 cpu = bpf_get_smp_processor_id() + 1;
  struct counts *counts = bpf_map_lookup_elem(&counters, &cpu);

  return counts->ticks;
}
