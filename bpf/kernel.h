/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The kernel's structures, as far as this agent reads them. Declared by hand rather than taken from one kernel's
 * vmlinux.h: each field here is one we depend on, and its real offset is filled in at load (CO-RE). Where kernels
 * differ, each shape has a type of its own with a ___suffix, and the code asks which one is there.
 */
#ifndef HOSTFLAME_KERNEL_H
#define HOSTFLAME_KERNEL_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

#define CORE __attribute__((preserve_access_index))

struct kernfs_node {
	u64 id;
	const char *name;
} CORE;

/* Until 6.14. */
struct kernfs_node___plain {
	struct kernfs_node *parent;
} CORE;

/* 6.15 and later. */
struct kernfs_node___rcu {
	struct kernfs_node *__parent;
} CORE;

struct cgroup {
	int level;
	struct kernfs_node *kn;
} CORE;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
} CORE;

/* Numbered by how the kernel was built: only the names count. */
enum cgroup_subsys_id {
	cpu_cgrp_id,
	cpuacct_cgrp_id,
	memory_cgrp_id,
	pids_cgrp_id,
};

struct css_set {
	struct cgroup_subsys_state *subsys[1]; /* as many as there are controllers */
	struct cgroup *dfl_cgrp;
} CORE;

struct maple_tree {
	void *ma_root;
} CORE;

/* 6.1 and later. */
struct mm_struct___maple {
	struct maple_tree mm_mt;
} CORE;

struct rb_node {
	struct rb_node *rb_right;
	struct rb_node *rb_left;
} CORE;

struct rb_root {
	struct rb_node *rb_node;
} CORE;

/* Before 6.1. */
struct mm_struct___rb {
	struct rb_root mm_rb;
} CORE;

struct vm_area_struct___rb {
	struct rb_node vm_rb;
} CORE;

/* mm_context_t is an anonymous struct in the kernel: only the member's path is matched. */
struct mm_struct {
	struct {
		void *vdso;
	} context;
} CORE;

struct super_block {
	u32 s_dev;
} CORE;

struct inode {
	unsigned long i_ino;
	long long i_size;
	u32 i_generation;
	struct super_block *i_sb;
} CORE;

struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
} CORE;

/* Until 6.5. */
struct inode___ctime {
	struct timespec64 i_ctime;
} CORE;

/* 6.6 to 6.10. */
struct inode___private_ctime {
	struct timespec64 __i_ctime;
} CORE;

/* 6.11 and later. */
struct inode___split_ctime {
	s64 i_ctime_sec;
	u32 i_ctime_nsec;
} CORE;

struct file {
	struct inode *f_inode;
} CORE;

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	unsigned long vm_flags;
	unsigned long vm_pgoff;
	struct file *vm_file;
} CORE;

struct pt_regs {
	u64 unused;
};

/* What user space has as its thread pointer. */
struct thread_struct___x86_64 {
	unsigned long fsbase;
} CORE;

/* The member has a type without a name: only its path is matched. */
struct thread_struct___arm64 {
	struct {
		unsigned long tp_value;
	} uw;
} CORE;

struct task_struct___x86_64 {
	struct thread_struct___x86_64 thread;
} CORE;

struct task_struct___arm64 {
	struct thread_struct___arm64 thread;
} CORE;

struct task_struct {
	void *stack;
	struct mm_struct *mm;
	struct task_struct *group_leader;
	u64 start_boottime;
	struct css_set *cgroups;
	u32 self_exec_id; /* of 64 bits, of which the low ones do */
} CORE;

/* User addresses lie below this on every architecture and paging mode (x86-64 with five levels: 2^56). */
#define USER_ADDRESS_END (1ull << 56)

/* include/linux/mm.h */
#define VM_EXEC 0x4ul

#endif
