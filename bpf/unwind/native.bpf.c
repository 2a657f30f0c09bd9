// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Walks user frames: address → mapping → file → row → rule → the caller's registers, until an outcome; or until a frame
 * that an interpreter's program has to look at, which then walks the rest of the stack.
 */
#include "../interpreters/runtime.h"

/* Whether the rest of the stack is an interpreter's to walk. */
static __always_inline bool is_interpreters(struct scratch *s, const struct mapping *mapping)
{
	if (mapping->interpreter) {
		s->interpreter.kind = mapping->interpreter_kind;
		return true;
	}
	return mapping->kind == MAPPING_ANONYMOUS && runtime_owns_anonymous(s);
}

/*
 * What was located where a runtime's file may lie: its program, or a first sight of it; else, as when nothing is there any
 * more, the next round goes on with the frame. The registers are still the frame's.
 */
static __always_inline int looked_at(struct scratch *s, int outcome)
{
	const struct mapping *mapping = walk_mapping(s);

	s->interpreter.look_at = 0;
	if (!outcome && mapping->interpreter) {
		s->interpreter.kind = mapping->interpreter_kind;
		return STEP_INTERPRETER;
	}
	if (outcome == STEP_FIRST_SIGHT && !mapping->announced)
		return outcome;
	s->mapping_missed = 0;
	return MAPPING_TRY_AGAIN;
}

/* Records one frame and steps to its caller. */
static __always_inline int unwind_frame(struct scratch *s, struct stats *stats)
{
	u64 look_at = FORGET(s->interpreter.look_at);
	u64 address = look_at ? look_at : step_lookup_address(&s->registers);
	const struct mapping *mapping;
	int outcome = walk_locate(s, stats, address);

	if (look_at && outcome != MAPPING_TRY_AGAIN)
		return looked_at(s, outcome);
	if (outcome)
		return outcome;
	mapping = walk_mapping(s);
	if (is_interpreters(s, mapping))
		return STEP_INTERPRETER;
	if (FORGET(s->interpreter.look_at))
		return MAPPING_TRY_AGAIN;
	walk_record(s, mapping, address);
	return walk_step(s, mapping, address);
}

DEFINE_WALK(unwind_native, ABI_PROGRAM_UNWIND_NATIVE, unwind_frame)

char LICENSE[] SEC("license") = "GPL";
