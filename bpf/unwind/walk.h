/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * One frame of a walk: where it lies, what it is called in the record, how to reach its caller. The programs that walk
 * (native.bpf.c, and one for each interpreter) are loops over these; each walks native frames by itself, so that a stack
 * of a hundred calls between C and Python needs no tail call for each.
 */
#ifndef HOSTFLAME_UNWIND_WALK_H
#define HOSTFLAME_UNWIND_WALK_H

#include "../executable.h"
#include "../submit.h"
#include "function.h"

#define READ_WORD(address, destination)                                                                                \
	bpf_probe_read_user(destination, sizeof(*(destination)), (const void *)(unsigned long)(address))
#define TABLE_ELEMENT(table, index)                                                                                    \
	({                                                                                                             \
		u32 element_index = (index);                                                                           \
		bpf_map_lookup_elem(table, &element_index);                                                            \
	})

#include "rows.h"
#include "step.h"

/* What a frame may come to besides step.h's outcomes and MAPPING_TRY_AGAIN; never submitted. */
/* A file whose rows are not there yet: the sample is to be finished in user space. */
#define STEP_FIRST_SIGHT 254
/* The walk goes on in another program: that of s->interpreter.kind. */
#define STEP_INTERPRETER 252

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

/*
 * One frame of an interpreter: two words (abi.h, "Frames"). False when there is no room for both, which ends the stack as
 * too deep.
 */
static __always_inline bool push_interpreter_frame(struct scratch *s, u32 kind, u32 type, u64 address, u32 cookie,
						   u32 position)
{
	u32 index = s->kernel_frames + s->user_frames;

	/* Or clang checks a copy of it, plus one, of which the verifier learns nothing of the index. */
	asm volatile("" : "+r"(index));
	if (s->user_frames + 2 > ABI_MAX_USER_FRAMES || index > ABI_MAX_FRAMES - 2)
		return false;
	s->frames[index] = ((u64)kind << 60) | ((u64)(type & 0xfff) << 48) | (address & ((1ull << 48) - 1));
	s->frames[index + 1] = ((u64)ABI_FRAME_DETAIL << 60) | ((u64)(cookie & 0xfffffff) << 32) | position;
	s->user_frames += 2;
	s->sample.flags |= ABI_SAMPLE_PROCESS_BOUND;
	return true;
}

/* Finds the mapping of the frame that the walk is at: s->cache[s->current]. 0, or what the frame comes to. */
static __always_inline int walk_locate(struct scratch *s, struct stats *stats, u64 address)
{
	int outcome = mapping_find(s, stats, address);

	if (outcome)
		return outcome;
	if (s->cache[FORGET(s->current) % MAPPING_CACHE_ENTRIES].kind == MAPPING_UNKNOWN)
		return STEP_FIRST_SIGHT;
	if (s->user_frames >= ABI_MAX_USER_FRAMES)
		return ABI_OUTCOME_TOO_DEEP;
	return 0;
}

static __always_inline const struct mapping *walk_mapping(struct scratch *s)
{
	return &s->cache[FORGET(s->current) % MAPPING_CACHE_ENTRIES];
}

/* Steps to the caller of the frame by the rows of its file, or by its frame pointer. */
static __always_inline int walk_step(struct scratch *s, const struct mapping *mapping, u64 address)
{
	struct abi_rule *rule;
	u32 match = ABI_RULE_NONE, number;
	u64 code;

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

/* Records one native frame, or one in anonymous memory. */
static __always_inline void walk_record(struct scratch *s, const struct mapping *mapping, u64 address)
{
	push_frame(s, frame_of(mapping, address));
	if (mapping->kind == MAPPING_ANONYMOUS)
		s->sample.flags |= ABI_SAMPLE_PROCESS_BOUND;
}

/*
 * Goes on in the next program of the chain, if the outcome says that there is one; else submits. The last thing that a
 * program does. `self` is its slot.
 */
static __always_inline void walk_on(void *context, struct scratch *s, struct stats *stats, int outcome, u32 self)
{
	u32 program = self;

	if (outcome == STEP_ON || outcome == MAPPING_TRY_AGAIN || outcome == STEP_FIRST_SIGHT ||
	    outcome == STEP_INTERPRETER) {
		if (outcome == STEP_FIRST_SIGHT)
			program = ABI_PROGRAM_FIRST_SIGHT;
		if (outcome == STEP_INTERPRETER)
			program = FORGET(s->interpreter.kind);
		bpf_tail_call(context, &programs, program);
		stats->tail_call_failures++;
		outcome = ABI_OUTCOME_TAIL_CALL_FAILED;
	}
	submit(s, stats, outcome);
}

/* Frames that one call of DEFINE_WALK's function walks: what it looks up, it looks up for so many. */
#ifdef FUNCTIONS_ARE_CALLED
#define WALK_FRAMES_PER_CALL 4
#else
#define WALK_FRAMES_PER_CALL ABI_FRAMES_PER_PROGRAM
#endif
_Static_assert(ABI_FRAMES_PER_PROGRAM % WALK_FRAMES_PER_CALL == 0, "a program is a number of calls");

/* Whether a walk goes on with the next frame in the same program. */
static __always_inline bool walk_goes_on(int outcome)
{
	return outcome == STEP_ON || outcome == MAPPING_TRY_AGAIN;
}

/*
 * Defines the program `name`, which stands in the slot and walks by frame(s, stats): an outcome for each frame, as
 * walk_on() takes it.
 */
#define DEFINE_WALK(name, slot, frame)                                                                                 \
	WALK_FUNCTION int name##_some(void)                                                                            \
	{                                                                                                              \
		struct scratch *s = scratch_of_this_cpu();                                                             \
		struct stats *stats = stats_of_this_cpu();                                                             \
		int outcome = STEP_ON;                                                                                 \
                                                                                                                       \
		if (!s || !stats)                                                                                      \
			return ABI_OUTCOME_TAIL_CALL_FAILED; /* arrays that have this CPU's element: cannot happen */  \
		for (int i = 0; i < WALK_FRAMES_PER_CALL && walk_goes_on(outcome); i++)                                \
			outcome = frame(s, stats);                                                                     \
		return outcome;                                                                                        \
	}                                                                                                              \
                                                                                                                       \
	SEC("perf_event")                                                                                              \
	int name(struct bpf_perf_event_data *context)                                                                  \
	{                                                                                                              \
		struct scratch *s = scratch_of_this_cpu();                                                             \
		struct stats *stats = stats_of_this_cpu();                                                             \
		int outcome = STEP_ON;                                                                                 \
                                                                                                                       \
		if (!s || !stats)                                                                                      \
			return 0; /* arrays that have this CPU's element: cannot happen */                             \
		for (int i = 0; i < ABI_FRAMES_PER_PROGRAM / WALK_FRAMES_PER_CALL && walk_goes_on(outcome); i++)       \
			outcome = name##_some();                                                                       \
		walk_on(context, s, stats, outcome, slot);                                                             \
		return 0;                                                                                              \
	}

#endif
