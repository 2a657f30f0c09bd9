/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * VMA → file key → what user space knows of that file; and the few mappings of this sample, remembered.
 */
#ifndef HOSTFLAME_EXECUTABLE_H
#define HOSTFLAME_EXECUTABLE_H

#include "maps.h"
#include "vma.h"

#define PAGE_SHIFT_OF_PGOFF 12

#define NANOSECONDS_PER_SECOND 1000000000ull
/* Kernels from 6.13 on keep a flag in the top bit ("someone has looked since"): fs/inode.c, I_CTIME_QUERIED. */
#define CTIME_NANOSECONDS_MASK 0x7fffffffull

static __always_inline u64 ctime_of(struct inode *inode)
{
	if (bpf_core_field_exists(struct inode___split_ctime, i_ctime_sec)) {
		struct inode___split_ctime *split = (void *)inode;

		return BPF_CORE_READ(split, i_ctime_sec) * NANOSECONDS_PER_SECOND +
		       (BPF_CORE_READ(split, i_ctime_nsec) & CTIME_NANOSECONDS_MASK);
	}
	if (bpf_core_field_exists(struct inode___private_ctime, __i_ctime)) {
		struct inode___private_ctime *private = (void *)inode;

		return BPF_CORE_READ(private, __i_ctime.tv_sec) * NANOSECONDS_PER_SECOND +
		       (BPF_CORE_READ(private, __i_ctime.tv_nsec) & CTIME_NANOSECONDS_MASK);
	}
	{
		struct inode___ctime *plain = (void *)inode;

		return BPF_CORE_READ(plain, i_ctime.tv_sec) * NANOSECONDS_PER_SECOND +
		       BPF_CORE_READ(plain, i_ctime.tv_nsec);
	}
}

/* Fills key from the VMA; false when it has no file and is not the vDSO. */
static __always_inline bool file_key_of(struct scratch *s, u64 vma_address, u64 start, struct abi_file_key *key)
{
	struct vm_area_struct *vma = (void *)vma_address;
	struct file *file = BPF_CORE_READ(vma, vm_file);
	struct inode *inode;

	__builtin_memset(key, 0, sizeof(*key));
	if (!file) {
		if (start != s->vdso || !start)
			return false;
		key->generation = ABI_GENERATION_VDSO;
		return true;
	}
	inode = BPF_CORE_READ(file, f_inode);
	key->inode = BPF_CORE_READ(inode, i_ino);
	key->size = BPF_CORE_READ(inode, i_size);
	key->ctime_ns = ctime_of(inode);
	key->device = BPF_CORE_READ(inode, i_sb, s_dev);
	key->generation = BPF_CORE_READ(inode, i_generation);
	return true;
}

static __always_inline void describe_file(struct mapping *mapping, struct abi_file_key *key)
{
	struct abi_executable *executable = bpf_map_lookup_elem(&executables, key);

	mapping->kind = MAPPING_UNKNOWN;
	mapping->interpreter = 0;
	mapping->announced = 0;
	if (!executable)
		return;
	mapping->announced = 1;
	executable->hits++;
	mapping->id = executable->id;
	mapping->slot = executable->slot;
	mapping->base_page = executable->base_page;
	mapping->pages = executable->pages;
	mapping->interpreter = executable->interpreter;
	mapping->interpreter_kind = executable->interpreter_kind;
	if (executable->state == ABI_EXECUTABLE_READY)
		mapping->kind = MAPPING_ROWS;
	else if (executable->state == ABI_EXECUTABLE_NO_ROWS)
		mapping->kind = MAPPING_NO_ROWS;
	else if (executable->state == ABI_EXECUTABLE_ANONYMOUS)
		mapping->kind = MAPPING_ANONYMOUS;
}

/* Looks among the mappings of this sample; sets s->current. */
static __always_inline bool mapping_cached(struct scratch *s, u64 address)
{
	for (u32 i = 0; i < MAPPING_CACHE_ENTRIES; i++) {
		if (s->cache[i].start <= address && address < s->cache[i].end) {
			FORGET(s->current) = i;
			return true;
		}
	}
	return false;
}

/* The tree may have been changing: the caller's next round makes the walk anew, which costs the verifier nothing. */
#define MAPPING_TRY_AGAIN 253

/*
 * Finds the executable mapping that contains the address and leaves it in s->cache[s->current].
 * Returns 0, the outcome that ends the stack as a positive number, or MAPPING_TRY_AGAIN.
 */
static __always_inline int mapping_find(struct scratch *s, struct stats *stats, u64 address)
{
	struct vm_area_struct *vma;
	struct mapping *mapping;
	u64 start, end;
	u32 slot;

	if (mapping_cached(s, address))
		return 0;
	vma = (void *)vma_find(s, stats, address, &start, &end);
	if (!vma) {
		if (!FORGET(s->mapping_missed)) {
			FORGET(s->mapping_missed) = 1;
			return MAPPING_TRY_AGAIN;
		}
		stats->mapping_misses++;
		return ABI_OUTCOME_NO_MAPPING;
	}
	stats->mapping_retries += FORGET(s->mapping_missed);
	FORGET(s->mapping_missed) = 0;
	if (!(BPF_CORE_READ(vma, vm_flags) & VM_EXEC))
		return ABI_OUTCOME_NOT_EXECUTABLE;

	slot = FORGET(s->cache_next) % MAPPING_CACHE_ENTRIES;
	FORGET(s->cache_next) = slot + 1;
	FORGET(s->current) = slot;
	mapping = &s->cache[slot];
	mapping->start = start;
	mapping->end = end;
	mapping->file_offset = BPF_CORE_READ(vma, vm_pgoff) << PAGE_SHIFT_OF_PGOFF;
	if (!file_key_of(s, (u64)vma, start, &s->key)) {
		mapping->kind = MAPPING_ANONYMOUS;
		mapping->interpreter = 0;
		return 0;
	}
	/* The vDSO's pgoff is not an offset in a file: its image begins where the mapping does. */
	if (s->key.generation == ABI_GENERATION_VDSO && !s->key.inode)
		mapping->file_offset = 0;
	describe_file(mapping, &s->key);
	return 0;
}

static __always_inline void mapping_cache_reset(struct scratch *s)
{
	for (u32 i = 0; i < MAPPING_CACHE_ENTRIES; i++)
		s->cache[i].end = 0;
	s->cache_next = 0;
}

#endif
