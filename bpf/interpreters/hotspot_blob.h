/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * A frame in a piece of the code cache, a CodeBlob: a compiled method, which says how large its frame is, or a stub.
 * hotspot/share: code/codeBlob.hpp, code/nmethod.hpp, memory/heap.cpp (find_block_for).
 */
#ifndef HOSTFLAME_INTERPRETERS_HOTSPOT_BLOB_H
#define HOSTFLAME_INTERPRETERS_HOTSPOT_BLOB_H

#include "hotspot_interpreted.h"

/* One step back in a segment map is at most 254 segments of 128 bytes: half a megabyte of code in one piece. */
#define HOTSPOT_HOPS 16
#define HOTSPOT_SEGMENT_FREE 0xff
/* Frames larger than this are a misreading: the stack of a thread has a megabyte. */
#define HOTSPOT_MAX_FRAME_WORDS (1 << 17)

/* The heap that an address lies in, into h->heap. */
static __always_inline bool hotspot_find_heap(struct hotspot_walk *h, u64 address)
{
	FORGET(h->heap.segments) = 0;
	for (int i = 0; i < HOTSPOT_HEAPS; i++) {
		if (address >= h->process.heaps[i].low && address < h->process.heaps[i].high)
			h->heap = h->process.heaps[i];
	}
	return FORGET(h->heap.segments) != 0;
}

/* The piece of code around an address: h->blob, and what is said of it in h->words. */
static __always_inline bool hotspot_find_blob(struct hotspot_walk *h, const volatile struct abi_hotspot_layout *l, u64 address)
{
	u32 bytes = l->nmethod_bytes, few = l->blob_bytes;

	if (!hotspot_find_heap(h, address))
		return false;
	FORGET(h->segment) = (address - h->heap.low) >> (h->heap.log2_segment & 31);
	for (int i = 0; i < HOTSPOT_HOPS; i++) {
		u64 segment = FORGET(h->segment);

		if (READ_WORD(h->heap.segments + segment, &h->hop) || FORGET(h->hop) == HOTSPOT_SEGMENT_FREE || FORGET(h->hop) > segment)
			return false;
		if (!FORGET(h->hop))
			break;
		FORGET(h->segment) = segment - FORGET(h->hop);
	}
	if (FORGET(h->hop))
		return false;
	h->blob = h->heap.low + (FORGET(h->segment) << (h->heap.log2_segment & 31)) + l->block_bytes;
	if (bytes > ABI_HOTSPOT_BLOB_BYTES)
		bytes = ABI_HOTSPOT_BLOB_BYTES;
	if (few > ABI_HOTSPOT_BLOB_BYTES)
		few = ABI_HOTSPOT_BLOB_BYTES;
	/* A small stub at the end of a heap has less behind it than a method has. */
	if (bpf_probe_read_user(h->words, bytes, (const void *)(unsigned long)h->blob) &&
	    bpf_probe_read_user(h->words, few, (const void *)(unsigned long)h->blob))
		return false;
	if (l->form & ABI_HOTSPOT_BEGIN_POINTER)
		h->code_begin = HOTSPOT_FIELD(h, u64, l->blob_code_begin);
	else
		h->code_begin = h->blob + HOTSPOT_FIELD(h, u32, l->blob_code_begin);
	return address - h->blob < HOTSPOT_FIELD(h, u32, l->blob_size);
}

static __always_inline u32 hotspot_header_size(struct hotspot_walk *h, const volatile struct abi_hotspot_layout *l)
{
	if (l->form & ABI_HOTSPOT_NARROW)
		return HOTSPOT_FIELD(h, u16, l->blob_header_size);
	return HOTSPOT_FIELD(h, u32, l->blob_header_size);
}

/* Whether a leaf is in front of where its frame stands, into h->before; a stub that never says so is. */
static __always_inline void hotspot_find_before(struct hotspot_walk *h, const volatile struct abi_hotspot_layout *l, u64 ip)
{
	s64 complete;

	if (l->form & ABI_HOTSPOT_NARROW)
		complete = (s16)HOTSPOT_FIELD(h, u16, l->blob_frame_complete);
	else
		complete = (s32)HOTSPOT_FIELD(h, u32, l->blob_frame_complete);
	HOTSPOT_SET(h->leaf.before_complete, 0);
	if (complete < 0 || ip < h->code_begin + (u64)complete)
		HOTSPOT_SET(h->leaf.before_complete, 1);
}

/* Where a handler of deoptimisation lies, by its field. */
static __always_inline u64 hotspot_handler(struct hotspot_walk *h, const volatile struct abi_hotspot_layout *l, u32 field)
{
	if (l->form & ABI_HOTSPOT_DEOPT_POINTER)
		return HOTSPOT_FIELD(h, u64, field);
	return h->blob + HOTSPOT_FIELD(h, u32, field);
}

/*
 * The instruction that a compiled frame is at, from its code's start. A frame that is to be deoptimised has the handler's
 * address in place of its own, which it keeps elsewhere.
 */
static __always_inline void hotspot_position(const struct abi_registers *r, struct hotspot_walk *h,
					     const volatile struct abi_hotspot_layout *l)
{
	HOTSPOT_SET(h->frame_position, (u32)(step_lookup_address(r) - h->code_begin));
	if (!r->return_address)
		return;
	if (r->ip != hotspot_handler(h, l, l->nmethod_deopt) && r->ip != hotspot_handler(h, l, l->nmethod_deopt_handle))
		return;
	if (READ_WORD(r->sp + HOTSPOT_FIELD(h, u32, l->nmethod_original_pc), &h->original) ||
	    h->original <= h->code_begin || h->original - h->blob >= HOTSPOT_FIELD(h, u32, l->blob_size))
		return;
	HOTSPOT_SET(h->frame_position, (u32)(h->original - 1 - h->code_begin));
}

/* How a leaf's frame stands, into h->leaf.stage. */
static __always_inline void hotspot_find_stage(struct hotspot_walk *h, const volatile struct abi_hotspot_layout *l, u64 ip)
{
	u64 entry;

	if (l->form & ABI_HOTSPOT_ENTRY_POINTER)
		entry = HOTSPOT_FIELD(h, u64, l->nmethod_entry);
	else
		entry = h->code_begin + HOTSPOT_FIELD(h, u16, l->nmethod_entry);
	HOTSPOT_SET(h->leaf.before_entry, 0);
	if (ip < entry)
		HOTSPOT_SET(h->leaf.before_entry, 1);
	hotspot_find_before(h, l, ip);
	HOTSPOT_SET(h->leaf.stage, HOTSPOT_WHOLE);
	if (!bpf_probe_read_user(h->leaf.around, sizeof(h->leaf.around), (const void *)(unsigned long)(ip - 8)))
		hotspot_stage_of(&h->leaf);
}

/* A place to look for the caller's: the distance from sp to its frame pointer, in a frame at that stage. */
static __always_inline void hotspot_candidate(struct hotspot_walk *h, u32 index, u64 end, u64 keeps_fp, u64 certain)
{
	HOTSPOT_SET(h->candidates[index].end, end);
	HOTSPOT_SET(h->candidates[index].sp, end + 16);
	HOTSPOT_SET(h->candidates[index].keeps_fp, keeps_fp);
	HOTSPOT_SET(h->candidates[index].certain, certain);
}

/* Describes a compiled frame and where its caller may be; false leaves it an address. */
static __always_inline bool hotspot_compiled(struct scratch *s, struct hotspot_walk *h,
					     const volatile struct abi_hotspot_layout *l)
{
	const struct abi_registers *r = &s->registers;
	u64 bytes = 8 * (u64)HOTSPOT_FIELD(h, u32, l->blob_frame_size), whole = r->sp + bytes - 16;

	if (bytes < 16 || bytes > 8 * HOTSPOT_MAX_FRAME_WORDS)
		return false;
	HOTSPOT_SET(h->frame_type, ABI_HOTSPOT_COMPILED);
	HOTSPOT_SET(h->frame_address, h->blob);
	HOTSPOT_SET(h->frame_cookie, HOTSPOT_FIELD(h, u32, l->nmethod_compile_id));
	hotspot_position(r, h, l);
	hotspot_candidate(h, 0, whole, 0, 1);
	if (r->return_address)
		return true;
	hotspot_find_stage(h, l, r->ip);
	/* Who calls compiled code lies in the code cache, so that a stage that was misjudged can be told. */
	if (HOTSPOT_LINKS) {
		HOTSPOT_SET(h->register_sp, FORGET(h->leaf.stage) == HOTSPOT_MOVED ? r->sp + bytes : r->sp);
		if (FORGET(h->leaf.stage) != HOTSPOT_WHOLE)
			HOTSPOT_SET(h->candidates[0].end, 0);
		return true;
	}
	HOTSPOT_SET(h->candidates[0].certain, 0);
	if (FORGET(h->leaf.stage) == HOTSPOT_MOVED)
		HOTSPOT_SET(h->candidates[0].keeps_fp, 1);
	if (FORGET(h->leaf.stage) == HOTSPOT_NONE)
		hotspot_candidate(h, 0, r->sp - 8, 1, 0);
	if (FORGET(h->leaf.stage) == HOTSPOT_PUSHED)
		hotspot_candidate(h, 0, r->sp, 0, 0);
	hotspot_candidate(h, 1, whole, 0, 0);
	hotspot_candidate(h, 2, r->sp - 8, 1, 0);
	return true;
}

/*
 * Describes a stub's frame and where its caller may be. One with a frame says how large it is; others have the frame pointer's,
 * among them the one that calls Java and the one that a virtual thread's last frame returns to; or, in a leaf, none.
 */
static __always_inline void hotspot_stub(struct scratch *s, struct hotspot_walk *h,
					 const volatile struct abi_hotspot_layout *l)
{
	const struct abi_registers *r = &s->registers;
	u64 words = HOTSPOT_FIELD(h, u32, l->blob_frame_size), sp = r->sp;
	int fp_saved = 0;

	HOTSPOT_SET(h->frame_type, ABI_HOTSPOT_STUB);
	HOTSPOT_SET(h->frame_address, h->blob);
	HOTSPOT_SET(h->frame_cookie,
		    hotspot_mix(hotspot_mix(0, HOTSPOT_FIELD(h, u32, l->blob_size)), (u32)h->code_begin));
	HOTSPOT_SET(h->frame_position, 0);
	if (r->fp >= sp && !(r->fp & 7))
		hotspot_candidate(h, 2, r->fp, 0, 1);
	HOTSPOT_SET(h->frame_bytes, 0);
	if (words >= 2 && words <= HOTSPOT_MAX_FRAME_WORDS)
		HOTSPOT_SET(h->frame_bytes, 8 * words);
	if (FORGET(h->frame_bytes))
		hotspot_candidate(h, 0, sp + FORGET(h->frame_bytes) - 16, 0, 1);
	if (r->return_address)
		return;
	HOTSPOT_SET(h->leaf.around[1], 0);
	bpf_probe_read_user(&h->leaf.around[1], sizeof(h->leaf.around[1]), (const void *)(unsigned long)r->ip);
	if (HOTSPOT_LINKS) {
		HOTSPOT_SET(h->candidates[0].end, 0);
		if (hotspot_returns(FORGET(h->leaf.around[1])))
			HOTSPOT_SET(h->candidates[2].end, 0);
		return;
	}
	HOTSPOT_SET(h->candidates[0].certain, 0);
	hotspot_find_before(h, l, r->ip);
	if (FORGET(h->leaf.before_complete))
		HOTSPOT_SET(h->candidates[0].end, 0);
	HOTSPOT_SET(h->leaf.distance, arch_return_distance(FORGET(h->leaf.around[1]), 1, &fp_saved));
	HOTSPOT_SET(h->leaf.fp_saved, fp_saved);
	if (FORGET(h->leaf.distance) >= 0)
		hotspot_candidate(h, 0, sp + (u64)FORGET(h->leaf.distance) - 8, !FORGET(h->leaf.fp_saved), 1);
	hotspot_candidate(h, 1, sp - 8, 1, 0);
}

#endif
