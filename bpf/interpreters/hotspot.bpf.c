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

SEC("perf_event")
int unwind_hotspot(struct bpf_perf_event_data *context)
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
	walk_on(context, s, stats, outcome, ABI_PROGRAM_UNWIND_HOTSPOT);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
