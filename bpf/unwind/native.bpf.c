// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Walks user frames: address → mapping → file → row → rule → the caller's registers, until an outcome.
 */
#include "../executable.h"
#include "../submit.h"

#define READ_WORD(address, destination)                                                                                \
	bpf_probe_read_user(destination, sizeof(*(destination)), (const void *)(unsigned long)(address))
#define TABLE_ELEMENT(table, index)                                                                                    \
	({                                                                                                             \
		u32 element_index = (index);                                                                           \
		bpf_map_lookup_elem(table, &element_index);                                                            \
	})

#include "rows.h"
#include "step.h"

/* A file whose rows are not there yet: the sample is to be finished in user space. Never leaves this file. */
#define STEP_FIRST_SIGHT 254

#define FRAME_EXECUTABLE_MASK ((1ull << ABI_EXECUTABLE_ID_BITS) - 1)
#define FRAME_ADDRESS_MASK ((1ull << ABI_FRAME_ADDRESS_BITS) - 1)

static __always_inline u64 frame_of(const struct mapping *mapping, u64 address)
{
	u64 offset = address - mapping->start + mapping->file_offset;

	if (mapping->kind == MAPPING_ANONYMOUS)
		return ((u64)ABI_FRAME_ANONYMOUS << 60) | (address & ((1ull << 60) - 1));
	return ((u64)ABI_FRAME_NATIVE << 60) | ((mapping->id & FRAME_EXECUTABLE_MASK) << ABI_FRAME_ADDRESS_BITS) |
	       (offset & FRAME_ADDRESS_MASK);
}

static __always_inline void push_frame(struct scratch *s, u64 frame)
{
	u32 index = s->kernel_frames + s->user_frames;

	if (index < ABI_MAX_FRAMES) {
		s->frames[index] = frame;
		s->user_frames++;
	}
}

/* The row for a file offset; ROWS_CORRUPT when the table is gone or contradicts itself. */
static __always_inline u32 row_match_of(struct scratch *s, const struct mapping *mapping, u64 file_offset)
{
	u32 slot = mapping->slot;
	void *table = bpf_map_lookup_elem(&tables, &slot);

	if (!table)
		return ROWS_CORRUPT;
	return rows_find_rule(table, &s->search, mapping->base_page, mapping->pages, file_offset);
}

/* Records one frame and steps to its caller. */
static __always_inline int unwind_frame(struct scratch *s, struct stats *stats)
{
	u64 address = step_lookup_address(&s->registers);
	const struct mapping *mapping;
	struct abi_rule *rule;
	u32 match = ABI_RULE_NONE, number;
	u64 code;
	int outcome = mapping_find(s, stats, address);

	if (outcome)
		return outcome;
	mapping = &s->cache[FORGET(s->current) % MAPPING_CACHE_ENTRIES];
	if (mapping->kind == MAPPING_UNKNOWN)
		return STEP_FIRST_SIGHT;
	if (s->user_frames >= ABI_MAX_USER_FRAMES)
		return ABI_OUTCOME_TOO_DEEP;
	push_frame(s, frame_of(mapping, address));
	if (mapping->kind == MAPPING_ANONYMOUS)
		s->sample.flags |= ABI_SAMPLE_PROCESS_BOUND;

	if (mapping->kind == MAPPING_ROWS) {
		match = row_match_of(s, mapping, address - mapping->start + mapping->file_offset);
		/* Evicted between the two lookups: as if it had not been there. */
		if (match == ROWS_CORRUPT)
			return ABI_OUTCOME_TABLE_CORRUPT;
	}
	/* By way of the scratch, so that to the verifier it is any value: known apart, matches double its work. */
	FORGET(s->search.low) = match;
	match = FORGET(s->search.low);
	number = ROW_RULE(match);
	rule = bpf_map_lookup_elem(&rules, &number);
	if (!rule)
		return ABI_OUTCOME_TABLE_CORRUPT;
	if (number == ABI_RULE_NONE && !READ_WORD(s->registers.ip, &code))
		return step_by_code(&s->registers, code);
	return step(&s->registers, match, rule);
}

SEC("perf_event")
int unwind_native(struct bpf_perf_event_data *context)
{
	struct scratch *s = scratch_of_this_cpu();
	struct stats *stats = stats_of_this_cpu();
	int outcome = STEP_ON;

	if (!s || !stats)
		return 0; /* both are arrays, and this CPU has its element in each: cannot happen */
	for (int i = 0; i < ABI_FRAMES_PER_PROGRAM; i++) {
		outcome = unwind_frame(s, stats);
		if (outcome != STEP_ON && outcome != MAPPING_TRY_AGAIN)
			break;
	}
	if (outcome == STEP_ON || outcome == MAPPING_TRY_AGAIN || outcome == STEP_FIRST_SIGHT) {
		u32 program = outcome == STEP_FIRST_SIGHT ? ABI_PROGRAM_FIRST_SIGHT : ABI_PROGRAM_UNWIND_NATIVE;

		bpf_tail_call(context, &programs, program);
		stats->tail_call_failures++;
		outcome = ABI_OUTCOME_TAIL_CALL_FAILED;
	}
	submit(s, stats, outcome);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
