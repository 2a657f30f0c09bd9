// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Walks stacks of the JVM: interpreted and compiled Java, the JVM's stubs between them, and native frames, among them those
 * of libjvm.so itself.
 */
#include "hotspot_blob.h"

/*
 * Frames that are walked before the program calls itself: half of what others walk, for its frames are two words each, and half
 * as many of them fit a stack.
 */
#define HOTSPOT_FRAMES_PER_PROGRAM (ABI_FRAMES_PER_PROGRAM / 2)
#ifdef FUNCTIONS_ARE_CALLED
#define HOTSPOT_FRAMES_PER_CALL 1
#else
#define HOTSPOT_FRAMES_PER_CALL HOTSPOT_FRAMES_PER_PROGRAM
#endif

/* What lies at an address in the code cache, into h->kind. */
static __always_inline void classify(struct stats *stats, struct hotspot_walk *h, const volatile struct abi_hotspot_layout *l,
				     u64 address)
{
	HOTSPOT_SET(h->kind, HOTSPOT_INTERPRETED_FRAME);
	if (address >= h->process.interpreter_low && address < h->process.interpreter_high)
		return;
	HOTSPOT_SET(h->kind, HOTSPOT_STUB_FRAME);
	if (!hotspot_find_blob(h, l, address)) {
		stats->hotspot_blob_failures++;
		HOTSPOT_SET(h->kind, HOTSPOT_UNKNOWN);
	} else if (hotspot_header_size(h, l) == l->nmethod_bytes) {
		HOTSPOT_SET(h->kind, HOTSPOT_COMPILED_FRAME);
	}
}

/* Describes the frame, and where its caller may be. */
static __always_inline void describe(struct scratch *s, struct stats *stats, struct hotspot_walk *h,
				     const volatile struct abi_hotspot_layout *l)
{
	for (int i = 0; i < HOTSPOT_CANDIDATES; i++)
		HOTSPOT_SET(h->candidates[i].end, 0);
	HOTSPOT_SET(h->register_sp, s->registers.sp + 8);
	if (FORGET(h->kind) == HOTSPOT_INTERPRETED_FRAME && !hotspot_interpreted(s, h, l)) {
		stats->hotspot_method_failures++;
		HOTSPOT_SET(h->kind, HOTSPOT_UNKNOWN);
	}
	if (FORGET(h->kind) == HOTSPOT_COMPILED_FRAME && !hotspot_compiled(s, h, l)) {
		stats->hotspot_blob_failures++;
		HOTSPOT_SET(h->kind, HOTSPOT_UNKNOWN);
	}
	if (FORGET(h->kind) == HOTSPOT_STUB_FRAME)
		hotspot_stub(s, h, l);
}

/* The first candidate that may be the caller's, into h->caller; or what a leaf has in a register. */
static __always_inline void find_caller(const struct abi_registers *r, struct hotspot_walk *h)
{
	HOTSPOT_SET(h->found, 0);
	for (int i = 0; i < HOTSPOT_CANDIDATES; i++) {
		u64 end = FORGET(h->candidates[i].end);

		if (!end || FORGET(h->found) ||
		    bpf_probe_read_user(h->caller, sizeof(h->caller), (const void *)(unsigned long)end))
			continue;
		if (!FORGET(h->candidates[i].certain) && !hotspot_in_code(h, FORGET(h->caller[1])))
			continue;
		HOTSPOT_SET(h->caller_sp, FORGET(h->candidates[i].sp));
		HOTSPOT_SET(h->caller_keeps_fp, FORGET(h->candidates[i].keeps_fp));
		HOTSPOT_SET(h->found, 1);
	}
	if (FORGET(h->found) || r->return_address || !r->leaf_valid || !hotspot_in_code(h, HOTSPOT_RETURN_REGISTER(r)))
		return;
	HOTSPOT_SET(h->caller[1], HOTSPOT_RETURN_REGISTER(r));
	HOTSPOT_SET(h->caller_sp, FORGET(h->register_sp));
	HOTSPOT_SET(h->caller_keeps_fp, 1);
	HOTSPOT_SET(h->found, 1);
}

/* Records one frame in the code cache and steps to its caller. */
static __always_inline int unwind_java(struct scratch *s, struct stats *stats, struct hotspot_walk *h)
{
	struct abi_registers *r = &s->registers;
	u64 sp;

	if (!hotspot_push(s, stats, h))
		return ABI_OUTCOME_TOO_DEEP;
	find_caller(r, h);
	if (!FORGET(h->found)) {
		stats->hotspot_caller_failures++;
		return ABI_OUTCOME_NO_FRAME_POINTER;
	}
	sp = FORGET(h->caller_sp);
	if (sp < r->sp || (sp == r->sp && r->return_address)) {
		stats->hotspot_caller_failures++;
		return ABI_OUTCOME_STACK_NOT_GROWING;
	}
	if (!FORGET(h->caller_keeps_fp))
		r->fp = h->caller[0];
	return step_to_caller(r, FORGET(h->caller[1]), sp);
}

static __always_inline int unwind_frame(struct scratch *s, struct stats *stats,
					const volatile struct abi_hotspot_layout *l)
{
	u64 address = step_lookup_address(&s->registers);
	struct hotspot_walk *h = hotspot_walk_of(s);
	const struct mapping *mapping;
	int outcome;

	HOTSPOT_SET(h->kind, HOTSPOT_UNKNOWN);
	if (hotspot_in_code(h, address)) {
		classify(stats, h, l, address);
		describe(s, stats, h, l);
	}
	if (FORGET(h->kind) != HOTSPOT_UNKNOWN)
		return unwind_java(s, stats, h);
	/* What nothing is known of in the code cache is an address, and its caller where the frame pointer says. */
	outcome = walk_locate(s, stats, address);
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

/* Walks some frames. */
WALK_FUNCTION int hotspot_walk_some(void)
{
	struct scratch *s = scratch_of_this_cpu();
	struct stats *stats = stats_of_this_cpu();
	const volatile struct abi_hotspot_layout *layout;
	struct hotspot_walk *h;

	if (!s || !stats)
		return ABI_OUTCOME_TAIL_CALL_FAILED; /* arrays that have this CPU's element: cannot happen */
	h = hotspot_walk_of(s);
	layout = hotspot_layout_of(FORGET(h->interpreter));
	if (!layout)
		return ABI_OUTCOME_TABLE_CORRUPT; /* the map is an array: cannot happen */
	HOTSPOT_SET(h->outcome, STEP_ON);
	for (int i = 0; i < HOTSPOT_FRAMES_PER_CALL; i++) {
		int outcome = unwind_frame(s, stats, layout);

		HOTSPOT_SET(h->outcome, outcome);
		if (!walk_goes_on(outcome))
			break;
	}
	return FORGET(h->outcome);
}

SEC("perf_event")
int unwind_hotspot(struct bpf_perf_event_data *context)
{
	struct scratch *s = scratch_of_this_cpu();
	struct stats *stats = stats_of_this_cpu();
	int outcome = STEP_ON;

	if (!s || !stats)
		return 0; /* both are arrays, and this CPU has its element in each: cannot happen */
	if (!s->interpreter.begun)
		hotspot_begin(s, stats);
	for (int i = 0; i < HOTSPOT_FRAMES_PER_PROGRAM / HOTSPOT_FRAMES_PER_CALL && walk_goes_on(outcome); i++)
		outcome = hotspot_walk_some();
	walk_on(context, s, stats, outcome, ABI_PROGRAM_UNWIND_HOTSPOT);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
