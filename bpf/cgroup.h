/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Whose a tick is: the cgroup of a task, what is wanted of it, and, at its first tick, what it is called. Names come from
 * the kernel's own tree of directories (kernfs), so that no mount of it is needed and a cgroup that is removed a moment
 * later is known all the same.
 */
#ifndef HOSTFLAME_CGROUP_H
#define HOSTFLAME_CGROUP_H

#include "config.h"
#include "maps.h"

/* Levels below the last that is told which are climbed to reach it. A container could nest more, for what that brings. */
#define CGROUP_MAX_CLIMB (128 + ABI_CGROUP_LEVELS)

_Static_assert((ABI_CGROUP_LEVELS * ABI_CGROUP_NAME_BYTES & (ABI_CGROUP_LEVELS * ABI_CGROUP_NAME_BYTES - 1)) == 0,
	       "a mask keeps the verifier content");
_Static_assert(sizeof(struct abi_cgroup_sight) + ABI_CGROUP_LEVELS * ABI_CGROUP_NAME_BYTES + ABI_CGROUP_NAME_BYTES <=
		       sizeof(((struct scratch *)0)->frames),
	       "a path is put together where the frames will be, with one name to spare for the verifier's arithmetic");

/* This controller's number, by which css_set lists its part of the hierarchy; kernels are built with different ones. */
#define CONTROLLER_INDEX(name)                                                                                         \
	(bpf_core_enum_value_exists(enum cgroup_subsys_id, name) ? bpf_core_enum_value(enum cgroup_subsys_id, name)    \
								 : CONTROLLER_MISSING)
#define CONTROLLER_MISSING 255u

static __always_inline u32 controller_index(void)
{
	switch (cgroup_hierarchy) {
	case ABI_HIERARCHY_CPUACCT:
		return CONTROLLER_INDEX(cpuacct_cgrp_id);
	case ABI_HIERARCHY_CPU:
		return CONTROLLER_INDEX(cpu_cgrp_id);
	case ABI_HIERARCHY_MEMORY:
		return CONTROLLER_INDEX(memory_cgrp_id);
	case ABI_HIERARCHY_PIDS:
		return CONTROLLER_INDEX(pids_cgrp_id);
	default:
		return CONTROLLER_MISSING;
	}
}

static __always_inline struct cgroup *cgroup_of(struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup_subsys_state *state = NULL;
	u32 index = controller_index();

	if (index == CONTROLLER_MISSING)
		return BPF_CORE_READ(set, dfl_cgrp);
	bpf_probe_read_kernel(&state, sizeof(state),
			      (void *)set + bpf_core_field_offset(struct css_set, subsys) + index * sizeof(void *));
	return BPF_CORE_READ(state, cgroup);
}

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *node)
{
	if (bpf_core_field_exists(struct kernfs_node___rcu, __parent))
		return BPF_CORE_READ((struct kernfs_node___rcu *)node, __parent);
	return BPF_CORE_READ((struct kernfs_node___plain *)node, parent);
}

/*
 * Puts the names together from the leaf up, of the levels nearest the root: those are the runtime's, and say whose it
 * is; what lies below them a container makes as it likes. Gives the bytes of the record.
 */
static __always_inline u32 cgroup_describe(struct scratch *s, struct stats *stats, struct cgroup *cgroup, u64 id)
{
	struct abi_cgroup_sight *sight = (void *)s->frames;
	char *names = (char *)(sight + 1);
	struct kernfs_node *node = BPF_CORE_READ(cgroup, kn), *parent;
	u32 bytes;

	sight->kind = ABI_RECORD_CGROUP;
	sight->level = BPF_CORE_READ(cgroup, level);
	sight->truncated = sight->level > ABI_CGROUP_LEVELS;
	sight->id = id;
	if (sight->truncated)
		stats->cgroup_paths_cut++;
	/* The state of the loop is in the scratch, for the reason given there. */
	s->path.node = (u64)node;
	s->path.level = sight->level;
	s->path.bytes = 0;
	for (int i = 0; i < CGROUP_MAX_CLIMB; i++) {
		u32 at = FORGET(s->path.bytes) & (ABI_CGROUP_LEVELS * ABI_CGROUP_NAME_BYTES - 1);
		u32 level = FORGET(s->path.level);
		long length;

		node = (void *)FORGET(s->path.node);
		parent = kernfs_parent(node);
		if (!parent || !level)
			break; /* the root has no name */
		if (level <= ABI_CGROUP_LEVELS) {
			length =
				bpf_probe_read_kernel_str(names + at, ABI_CGROUP_NAME_BYTES, BPF_CORE_READ(node, name));
			if (length <= 1)
				break; /* cannot be: every directory has a name */
			FORGET(s->path.bytes) = at + length;
		}
		FORGET(s->path.level) = level - 1;
		FORGET(s->path.node) = (u64)parent;
	}
	bytes = FORGET(s->path.bytes);
	if (bytes > ABI_CGROUP_LEVELS * ABI_CGROUP_NAME_BYTES)
		bytes = 0; /* cannot be, and the verifier cannot know */
	sight->names_bytes = bytes;
	return sizeof(*sight) + bytes;
}

/* Wakes the reader: the sooner a policy comes, and the process is looked at, the better. */
static __always_inline void cgroup_announce(struct scratch *s, struct stats *stats, struct cgroup *cgroup,
					    struct abi_cgroup *entry, u64 id)
{
	u32 bytes = cgroup_describe(s, stats, cgroup, id);

	/* Before it is sent, so that another CPU's tick does not send it too. */
	entry->flags = ABI_CGROUP_ANNOUNCED;
	if (bpf_ringbuf_output(&ring, s->frames, bytes, BPF_RB_FORCE_WAKEUP)) {
		entry->flags = 0;
		stats->cgroup_announcements_lost++;
	} else {
		stats->cgroups++;
	}
}

static __always_inline u32 divisor_by_default(void)
{
	u32 zero = 0;
	u32 *divisor = bpf_map_lookup_elem(&default_divisor, &zero);

	return divisor ? *divisor : 0; /* always there, which the verifier of an old kernel does not know */
}

/* The entry of a cgroup, made when there is none; NULL when there is no room. */
static __always_inline struct abi_cgroup *cgroup_entry(struct stats *stats, u64 id)
{
	struct abi_cgroup *entry = bpf_map_lookup_elem(&cgroups, &id);
	struct abi_cgroup fresh = {};

	if (entry)
		return entry;
	fresh.divisor = divisor_by_default();
	/* Another CPU may be first, which is as good. */
	bpf_map_update_elem(&cgroups, &id, &fresh, BPF_NOEXIST);
	entry = bpf_map_lookup_elem(&cgroups, &id);
	if (!entry)
		stats->cgroups_refused++;
	return entry;
}

/*
 * The ticks that the sample of this tick stands for; 0 when there shall be none. Which tick of n is sampled is left to
 * chance: every n-th would beat with whatever the program does every n ticks.
 */
static __always_inline u32 cgroup_weigh(struct scratch *s, struct stats *stats, struct task_struct *task)
{
	struct cgroup *cgroup = cgroup_of(task);
	u64 id = BPF_CORE_READ(cgroup, kn, id);
	struct abi_cgroup *entry = cgroup_entry(stats, id);
	u32 divisor;

	s->sample.cgroup_id = id;
	if (entry) {
		/* Without the result: fetching atomics are not there before 5.12. */
		__sync_fetch_and_add(&entry->ticks, 1);
		divisor = entry->divisor;
		if (!divisor)
			__sync_fetch_and_add(&entry->refused, 1);
		if (!(entry->flags & ABI_CGROUP_ANNOUNCED))
			cgroup_announce(s, stats, cgroup, entry, id);
	} else {
		divisor = divisor_by_default();
	}
	if (!divisor) {
		stats->refused_ticks++;
		return 0;
	}
	if (divisor > 1 && bpf_get_prandom_u32() % divisor) {
		stats->thinned_ticks++;
		return 0;
	}
	return divisor;
}

#endif
