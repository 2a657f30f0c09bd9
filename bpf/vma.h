/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Address → mapping, by walking the process's own tree of mappings without its lock. bpf_find_vma can be called once
 * in a tick at most (its lock is released by a per-CPU irq_work), and does not exist before 5.17.
 *
 * The tree may change under the walk. Nothing is dereferenced: every word comes through bpf_probe_read_kernel, which
 * fails rather than faults, and what was found must contain the address. A walk into a node that is being replaced
 * finds nothing: the caller makes it once more.
 */
#ifndef HOSTFLAME_VMA_H
#define HOSTFLAME_VMA_H

#include "kernel.h"
#include "scratch.h"
#include "stats.h"

/* Deepest seen: 4 in a maple tree, 20 in a red-black tree. */
#define MAPLE_LEVELS 6
#define RB_LEVELS 40

/* include/linux/maple_tree.h, lib/maple_tree.c: how an encoded node pointer is read. */
#define MAPLE_IS_NODE(entry) (((entry)&3) == 2 && (entry) > 4096)
#define MAPLE_NODE(entry) ((entry) & ~255ull)
#define MAPLE_TYPE(entry) (((entry) >> 3) & 15)
#define MAPLE_ARANGE64 3
/* Node types 0 and 1 are leaves. */
#define MAPLE_FIRST_INNER 2
/* A range64 node: parent, 15 pivots, 16 slots. An arange64 node: parent, 9 pivots, 10 slots. */
#define MAPLE_RANGE_SLOTS 16
#define MAPLE_ARANGE_SLOTS 10

#define PAGE_SHIFT 12

/*
 * The slot of the node in walk->node whose range has the address: as many as there are pivots below it. A pivot is the
 * last address of its slot's range; a zero pivot ends the node early, and the words behind the nine pivots of an
 * arange64 node are kernel pointers, above every user address. Counted without a branch, in pages: a loop that breaks
 * is a path for each slot to the verifier, for each level of the tree, for each frame of the stack.
 */
static __always_inline u64 maple_slot_of(const struct walk *walk, u64 address)
{
	u64 page = address >> PAGE_SHIFT, slot = 0;

	for (int i = 1; i < MAPLE_RANGE_SLOTS; i++) {
		u64 end = (walk->node[i] + 1) >> PAGE_SHIFT; /* 0 for no pivot, and for the last of all */

		slot += ((end - page - 1) & (0 - end)) >> 63;
	}
	return slot;
}

/* The VMA whose slot has the address, 0 in a gap. Leaves the leaf in walk->node, and where slot and leaf end. */
static __always_inline u64 maple_walk(struct walk *walk, u64 mm, u64 address)
{
	struct mm_struct___maple *maple_mm = (void *)mm;
	u64 root = (u64)BPF_CORE_READ(maple_mm, mm_mt.ma_root);

	FORGET(walk->limit) = ~0ull;
	FORGET(walk->leaf_limit) = 0;
	if (!MAPLE_IS_NODE(root))
		return root & 3 ? 0 : root; /* one mapping only, or none */
	FORGET(walk->entry) = root;
	for (int level = 0; level < MAPLE_LEVELS; level++) {
		u64 entry = FORGET(walk->entry);
		u64 type = MAPLE_TYPE(entry);
		/* parent and pivots are as many words as there are slots, so that is where the slots begin */
		u64 slots = type == MAPLE_ARANGE64 ? MAPLE_ARANGE_SLOTS : MAPLE_RANGE_SLOTS;
		u64 slot, pivot;

		if (bpf_probe_read_kernel(walk->node, sizeof(walk->node), (void *)MAPLE_NODE(entry)))
			return 0;
		if (type < MAPLE_FIRST_INNER)
			FORGET(walk->leaf_limit) = FORGET(walk->limit);
		slot = maple_slot_of(walk, address);
		pivot = walk->node[(1 + slot) & (MAPLE_NODE_WORDS - 1)];
		if (slot < slots - 1 && pivot)
			FORGET(walk->limit) = pivot;
		entry = walk->node[(slots + slot) & (MAPLE_NODE_WORDS - 1)];
		if (type < MAPLE_FIRST_INNER)
			return entry;
		FORGET(walk->entry) = entry;
	}
	return 0;
}

/* The first VMA that ends above the address, as find_vma(); walk->limit is its last byte. */
static __always_inline u64 rb_walk(struct walk *walk, u64 mm, u64 address)
{
	struct mm_struct___rb *rb_mm = (void *)mm;

	FORGET(walk->vma) = 0;
	FORGET(walk->limit) = ~0ull;
	FORGET(walk->entry) = (u64)BPF_CORE_READ(rb_mm, mm_rb.rb_node);
	for (int level = 0; level < RB_LEVELS; level++) {
		struct rb_node *node = (void *)FORGET(walk->entry);
		struct vm_area_struct *vma;
		u64 start, end;

		if (!node)
			break;
		vma = (void *)((u64)node - bpf_core_field_offset(struct vm_area_struct___rb, vm_rb));
		end = BPF_CORE_READ(vma, vm_end);
		if (end <= address) {
			FORGET(walk->entry) = (u64)BPF_CORE_READ(node, rb_right);
			continue;
		}
		start = BPF_CORE_READ(vma, vm_start);
		FORGET(walk->vma) = (u64)vma;
		FORGET(walk->limit) = end - 1;
		if (start <= address)
			break;
		FORGET(walk->entry) = (u64)BPF_CORE_READ(node, rb_left);
	}
	return FORGET(walk->vma);
}

static __always_inline u64 vma_walk(struct walk *walk, u64 mm, u64 address)
{
	if (bpf_core_field_exists(struct mm_struct___maple, mm_mt))
		return maple_walk(walk, mm, address);
	return rb_walk(walk, mm, address);
}

/* The VMA that contains the address, or 0; its bounds in *start and *end. */
static __always_inline u64 vma_find(struct scratch *s, struct stats *stats, u64 address, u64 *start, u64 *end)
{
	struct vm_area_struct *vma = (void *)vma_walk(&s->walk, s->mm, address);

	stats->mapping_walks++;
	if (!vma)
		return 0;
	*start = BPF_CORE_READ(vma, vm_start);
	*end = BPF_CORE_READ(vma, vm_end);
	return *start <= address && address < *end ? (u64)vma : 0;
}

#endif
