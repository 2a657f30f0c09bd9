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

/* Records one frame and steps to its caller. */
static __always_inline int unwind_frame(struct scratch *s, struct stats *stats)
{
	u64 address = step_lookup_address(&s->registers);
	const struct mapping *mapping;
	int outcome = walk_locate(s, stats, address);

	if (outcome)
		return outcome;
	mapping = walk_mapping(s);
	if (is_interpreters(s, mapping))
		return STEP_INTERPRETER;
	walk_record(s, mapping, address);
	return walk_step(s, mapping, address);
}

DEFINE_WALK(unwind_native, ABI_PROGRAM_UNWIND_NATIVE, unwind_frame)

char LICENSE[] SEC("license") = "GPL";
