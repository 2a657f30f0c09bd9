// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
#include "runtime.h"

static __always_inline int unwind_frame(struct scratch *s, struct stats *stats)
{
	u64 address = step_lookup_address(&s->registers);
	const struct mapping *mapping;
	int outcome = walk_locate(s, stats, address);

	if (outcome)
		return outcome;
	mapping = walk_mapping(s);
	if (mapping->interpreter && mapping->interpreter_kind != ABI_FRAME_HOTSPOT) {
		s->interpreter.kind = mapping->interpreter_kind;
		s->interpreter.begun = 0;
		return STEP_INTERPRETER;
	}
	walk_record(s, mapping, address);
	return walk_step(s, mapping, address);
}

DEFINE_WALK(unwind_hotspot, ABI_PROGRAM_UNWIND_HOTSPOT, unwind_frame)

char LICENSE[] SEC("license") = "GPL";
