// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Walks stacks of Node.js: V8's own frames, and the native ones above and below them.
 *
 * V8's code has no unwind information; its frames keep frame pointers, and say in the words below what they are. It lies in
 * anonymous memory (what was compiled), and in node's text or a second mapping of it (the embedded builtins).
 */
#include "v8_walk.h"
#include "v8_leaf.h"

/*
 * Finds out which node the process runs: by its file, which the walk is at, or by what was noted when its file was met; where
 * that is only now, the walk begins again at the first anonymous frame.
 */
static __always_inline void v8_meet(struct scratch *s, struct v8_walk *v8, const struct mapping *mapping)
{
	struct abi_runtime *runtime = runtime_of_process(s);
	u32 number = mapping->interpreter;

	v8->met = number ? V8_MET_FILE : V8_MET_ANONYMOUS;
	if (runtime && number && (runtime->kind != ABI_FRAME_V8 || runtime->interpreter != number))
		runtime = (struct abi_runtime *)0;
	if (!runtime && number)
		runtime = runtime_note(s, ABI_FRAME_V8, number, mapping->start - mapping->file_offset);
	if (!runtime || runtime->kind != ABI_FRAME_V8)
		return;
	v8->table = runtime->words[V8_WORD_DISPATCH_TABLE];
	v8->interpreter = runtime->interpreter;
	if (number)
		runtime_resume(s);
}

/* Whether that is to be done: once a sample at each of the two. */
static __always_inline bool v8_is_to_meet(struct v8_walk *v8, const struct mapping *mapping)
{
	u32 met = FORGET(v8->met);

	if (FORGET(v8->interpreter))
		return false;
	return mapping->interpreter ? met < V8_MET_FILE : mapping->kind == MAPPING_ANONYMOUS && !met;
}

/* The isolate's root register is r13 in all of V8's code; only a leaf's registers are known. */
static __always_inline void v8_find_table(struct scratch *s, struct v8_walk *v8, const struct abi_v8_layout *layout)
{
	struct abi_runtime *runtime;
	u64 table = 0;

	if (!layout->dispatch_table || FORGET(v8->table))
		return;
	if (READ_WORD(s->registers.leaf[V8_ROOT_REGISTER] + layout->dispatch_table, &table))
		return;
	v8->table = table;
	runtime = runtime_of_process(s);
	if (runtime)
		runtime->words[V8_WORD_DISPATCH_TABLE] = table;
}

/* Whether an instruction is in the interpreter's entry trampoline; its distance from the beginning in *distance. */
static __always_inline bool v8_in_entry(const struct abi_v8_layout *layout, u64 file_offset, u64 *distance)
{
	u64 first = file_offset - layout->entries[0].start, second = file_offset - layout->entries[1].start;

	*distance = first < second ? first : second;
	return first < layout->entries[0].size || second < layout->entries[1].size;
}

/*
 * The frame of the interpreter's loop. The handler's frame below it is part of it, and goes; where the handler was the leaf, its
 * registers are the interpreter's, and newer than what the frame says.
 */
static __always_inline void v8_interpreted(struct scratch *s, struct v8_walk *v8, const struct abi_v8_layout *layout)
{
	u32 header = layout->bytecode_data - V8_TAG;
	u32 position = V8_SMI(v8->frame[V8_SLOT_BYTECODE_OFFSET]) - header;
	u32 droppable = FORGET(v8->droppable);

	if (droppable && droppable == FORGET(s->user_frames)) {
		s->user_frames = droppable - 1;
		if (FORGET(v8->leaf_handler) &&
		    s->registers.leaf[V8_BYTECODE_ARRAY_REGISTER] == v8->frame[V8_SLOT_BYTECODE_ARRAY])
			position = (u32)s->registers.leaf[V8_BYTECODE_OFFSET_REGISTER] - header;
	}
	/* A check of the stack's limit comes before the first bytecode, at the offset one before it. */
	v8->position = position > 0x7fffffff ? 0 : position;
	v8->act = V8_FUNCTION;
	v8->type = ABI_V8_CODE_INTERPRETED;
}

/* Candidates for the code that holds the instruction: what the function refers to, and what it was seen to have before. */
static __always_inline void v8_function_codes(struct scratch *s, struct v8_walk *v8, const struct abi_v8_layout *layout)
{
	u64 key = v8_hash(v8->shared) ^ s->sample.pid;
	struct v8_codes *codes = bpf_map_lookup_elem(&v8_optimised, &key);

	v8->candidates[0] = v8_function_code(v8, layout);
	v8->candidates[1] = v8->shared_data;
	for (u32 i = 2; i < V8_CANDIDATES; i++)
		v8->candidates[i] = 0;
	if (!codes)
		return;
	for (u32 i = 0; i < V8_CODES; i++)
		v8->candidates[2 + i] = codes->code[i];
}

/* Remembers optimised code: the function may have other code, or none, while this one runs on. */
static __always_inline void v8_keep_code(struct scratch *s, struct v8_walk *v8)
{
	u64 key = v8_hash(v8->shared) ^ s->sample.pid;
	struct v8_codes *codes = bpf_map_lookup_elem(&v8_optimised, &key);

	if (!codes) {
		struct v8_codes fresh = {};

		bpf_map_update_elem(&v8_optimised, &key, &fresh, BPF_ANY);
		return; /* the next sample fills it in */
	}
	for (u32 i = 0; i < V8_CODES; i++)
		if (codes->code[i] == v8->code)
			return;
	for (u32 i = V8_CODES - 1; i > 0; i--)
		codes->code[i] = codes->code[i - 1];
	codes->code[0] = v8->code;
}

/*
 * Others: what some slots of the function's feedback vector have, where code is that was made for a loop while it ran (on-stack
 * replacement), to which nothing else refers. Sets v8->scan to the next slot, 0 after the last.
 */
static __always_inline void v8_slot_codes(struct v8_walk *v8, const struct abi_v8_layout *layout)
{
	u64 vector = v8_field(v8_field(v8->function, layout->function_feedback_cell), V8_FIRST_FIELD);
	u32 first = FORGET(v8->scan) - 1, next = first + V8_CANDIDATES;
	u32 length = v8_type(vector) == layout->type_vector ? v8_field32(vector, layout->vector_length) : 0;

	v8->scans++;
	v8->scan = next < length && v8->scans < V8_MAX_SCAN ? next + 1 : 0;
	if (bpf_probe_read_user(v8->candidates, sizeof(v8->candidates),
				(const void *)(unsigned long)(vector - V8_TAG + layout->vector_slots + 8 * (u64)first)))
		v8->scan = 0;
	for (u32 i = 0; i < V8_CANDIDATES; i++) {
		u64 slot = v8->candidates[i];

		if ((slot & V8_WEAK_TAG) != V8_WEAK_TAG || slot == V8_WEAK_TAG)
			v8->candidates[i] = 0;
	}
}

/* Finds the code of v8->function that holds the instruction; false when another round is needed for that. */
static __always_inline bool v8_search_code(struct scratch *s, struct v8_walk *v8, const struct abi_v8_layout *layout,
					   u64 address)
{
	v8->scanning = v8->scan;
	if (FORGET(v8->scanning))
		v8_slot_codes(v8, layout);
	else
		v8_function_codes(s, v8, layout);
	v8->found = 0;
	for (u32 i = 0; i < V8_CANDIDATES; i++) {
		u64 code = FORGET(v8->candidates[i]);

		if (!code)
			continue;
		v8_read_code(v8, layout, code);
		if (v8->word == layout->type_code && address - v8->start < v8->size) {
			v8->found = 1;
			break;
		}
	}
	if (!FORGET(v8->found) && !FORGET(v8->scanning) && !FORGET(v8->leaf) && v8->scans < V8_MAX_SCAN)
		v8->scan = 1;
	if (FORGET(v8->found))
		v8->scan = 0;
	return !FORGET(v8->scan);
}

/* A frame in compiled code, whose function is known: which piece of the function's code it is. */
static __always_inline void v8_compiled(struct scratch *s, struct stats *stats, struct v8_walk *v8,
					const struct abi_v8_layout *layout, u64 address)
{
	u32 kind = v8->flags & layout->kind_mask;

	v8->act = V8_FUNCTION;
	v8->type = ABI_V8_CODE_UNKNOWN;
	v8->position = 0;
	if (!FORGET(v8->found)) {
		stats->v8_no_code++;
		return;
	}
	if (kind == layout->kind_baseline)
		v8->type = ABI_V8_CODE_BASELINE;
	else if (kind == layout->kind_maglev)
		v8->type = ABI_V8_CODE_MAGLEV;
	else if (kind == layout->kind_turbofan)
		v8->type = ABI_V8_CODE_TURBOFAN;
	if (FORGET(v8->type) == ABI_V8_CODE_UNKNOWN) {
		/* The trampoline's copy that profilers ask for, one a function; up to V8 11 it is a built-in one's kind. */
		v8_interpreted(s, v8, layout);
		return;
	}
	v8->position = address - v8->start;
	if (FORGET(v8->type) == ABI_V8_CODE_BASELINE)
		return;
	v8_keep_code(s, v8);
}

/* A leaf in the builtins: V8_STAY where it has a frame. */
static __always_inline void v8_builtin_leaf(struct scratch *s, struct v8_walk *v8, const struct abi_v8_layout *layout,
					    const struct mapping *mapping, u64 address, bool is_function)
{
	u64 into, unused, return_address = 0, load = mapping->start - mapping->file_offset;

	if (v8_in_entry(layout, address - load, &into) && into < layout->entry_built) {
		if (is_function) {
			v8->act = V8_FUNCTION;
			v8->type = ABI_V8_CODE_INTERPRETED;
			v8->position = 0;
		}
		if (into <= layout->entry_push)
			v8->distance = 0;
		v8->how = FORGET(v8->distance) == V8_TELLS_NOTHING ? V8_BY_FRAME_POINTER : V8_BY_DISTANCE;
		return;
	}
	if (FORGET(v8->distance) == V8_TELLS_NOTHING) {
		READ_WORD(s->registers.sp, &return_address);
		if (!v8_in_entry(layout, return_address - load, &unused) && !v8_was_called(s, address)) {
			v8->act = V8_STAY;
			return;
		}
		v8->distance = 0;
	}
	v8->handler = 1;
	v8->leaf_handler = 1;
	v8->how = V8_BY_DISTANCE;
}

/* The same in compiled code, by the function in the register that holds it until the frame is built, and often after. */
static __always_inline void v8_compiled_leaf(struct scratch *s, struct stats *stats, struct v8_walk *v8,
					     const struct abi_v8_layout *layout, u64 address)
{
	u32 push = layout->code_push, into = address - v8->start;
	bool tells = FORGET(v8->distance) != V8_TELLS_NOTHING;

	if ((v8->flags & layout->kind_mask) == layout->kind_baseline)
		push = V8_BASELINE_PROLOGUE;
	if (FORGET(v8->found) && (tells || into < push + V8_PROLOGUE_BYTES)) {
		v8_compiled(s, stats, v8, layout, address);
		if (into <= push)
			v8->distance = 0;
		v8->how = tells || into <= push ? V8_BY_DISTANCE : V8_BY_FRAME_POINTER;
		return;
	}
	v8->how = V8_BY_DISTANCE;
	if (!tells)
		v8->act = V8_STAY;
}

/* What a frame of V8's code is, and how its caller is reached: v8->act, how and what belongs to them. */
static __always_inline void v8_classify(struct scratch *s, struct stats *stats, struct v8_walk *v8,
					const struct abi_v8_layout *layout, const struct mapping *mapping, u64 address)
{
	bool builtin = mapping->interpreter;
	u64 context, distance, code = 0;
	int fp_saved = 0;

	v8->act = V8_NATIVE;
	v8->how = V8_BY_FRAME_POINTER;
	v8->handler = 0;
	v8->leaf = !s->registers.return_address && s->registers.leaf_valid && !v8->leaf_done;
	v8->leaf_done = 1;
	if (FORGET(v8->leaf)) {
		v8_find_table(s, v8, layout);
		READ_WORD(s->registers.ip, &code);
		v8->distance = v8_return_distance(code, &fp_saved);
		v8->fp_saved = fp_saved;
		v8->function = s->registers.leaf[V8_FUNCTION_REGISTER];
	} else {
		if (bpf_probe_read_user(v8->frame, sizeof(v8->frame),
					(const void *)(unsigned long)(s->registers.fp - sizeof(v8->frame))))
			return;
		context = v8->frame[V8_SLOT_CONTEXT];
		if (!(context & V8_TAG)) {
			v8->handler = context >> 1 == layout->marker_stub;
			return;
		}
		v8->function = v8->frame[V8_SLOT_FUNCTION];
	}
	v8->is_function = v8_read_function(v8, layout);
	if (builtin) {
		if (FORGET(v8->leaf))
			v8_builtin_leaf(s, v8, layout, mapping, address, FORGET(v8->is_function));
		else if (FORGET(v8->is_function) &&
			 v8_in_entry(layout, address - mapping->start + mapping->file_offset, &distance))
			v8_interpreted(s, v8, layout);
		return;
	}
	v8->found = 0;
	if (FORGET(v8->is_function)) {
		if (!v8_search_code(s, v8, layout, address)) {
			v8->act = V8_STAY;
			return;
		}
	} else {
		stats->v8_no_function += !v8->leaf;
	}
	if (FORGET(v8->leaf))
		v8_compiled_leaf(s, stats, v8, layout, address);
	else if (FORGET(v8->is_function))
		v8_compiled(s, stats, v8, layout, address);
}

/* Whether the frame that the walk is at is V8's own code. */
static __always_inline bool v8_is_code(const struct abi_v8_layout *layout, const struct mapping *mapping, u64 address)
{
	u64 file_offset = address - mapping->start + mapping->file_offset;

	if (mapping->kind == MAPPING_ANONYMOUS)
		return true;
	return mapping->interpreter && file_offset - layout->builtins.start < layout->builtins.size;
}

/* Besides step.h's and walk.h's outcomes; never submitted. */
#define V8_MEET 251

static __always_inline int unwind_frame(struct scratch *s, struct stats *stats)
{
	u64 address = step_lookup_address(&s->registers);
	struct v8_walk *v8 = v8_walk_of(s);
	const struct abi_v8_layout *layout;
	const struct mapping *mapping;
	u32 how;
	int outcome = walk_locate(s, stats, address);

	if (outcome)
		return outcome;
	mapping = walk_mapping(s);
	if (mapping->interpreter && mapping->interpreter_kind != ABI_FRAME_V8) {
		s->interpreter.kind = mapping->interpreter_kind;
		s->interpreter.begun = 0;
		return STEP_INTERPRETER;
	}
	if (v8_is_to_meet(v8, mapping))
		return V8_MEET;
	layout = v8_layout_of(v8);
	v8->act = V8_NATIVE;
	v8->how = V8_BY_ROWS;
	v8->handler = 0;
	if (layout && v8_is_code(layout, mapping, address))
		v8_classify(s, stats, v8, layout, mapping, address);
	if (FORGET(v8->act) == V8_STAY)
		return STEP_ON;
	if (FORGET(v8->act) == V8_NATIVE)
		walk_record(s, mapping, address);
	else if (!v8_push(s, stats, v8))
		return ABI_OUTCOME_TOO_DEEP;
	v8->droppable = FORGET(v8->handler) ? s->user_frames : 0;
	v8->leaf_handler &= FORGET(v8->handler);
	how = FORGET(v8->how);
	if (how == V8_BY_ROWS)
		return walk_step(s, mapping, address);
	if (how == V8_BY_DISTANCE)
		return v8_step_leaf(s, FORGET(v8->distance), FORGET(v8->fp_saved));
	return step_frame_pointer(&s->registers);
}

/* Walks some frames. */
WALK_FUNCTION int v8_walk_some(void)
{
	struct scratch *s = scratch_of_this_cpu();
	struct stats *stats = stats_of_this_cpu();
	int outcome = STEP_ON;

	if (!s || !stats)
		return ABI_OUTCOME_TAIL_CALL_FAILED; /* arrays that have this CPU's element: cannot happen */
	for (int i = 0; i < V8_FRAMES_PER_CALL && walk_goes_on(outcome); i++)
		outcome = unwind_frame(s, stats);
	return outcome;
}

SEC("perf_event")
int unwind_v8(struct bpf_perf_event_data *context)
{
	struct scratch *s = scratch_of_this_cpu();
	struct stats *stats = stats_of_this_cpu();
	int outcome = STEP_ON;

	if (!s || !stats)
		return 0; /* both are arrays, and this CPU has its element in each: cannot happen */
	if (!s->interpreter.begun) {
		__builtin_memset(s->interpreter.state, 0, sizeof(struct v8_walk));
		s->interpreter.begun = 1;
	}
	for (int i = 0; i < V8_FRAMES_PER_PROGRAM / V8_FRAMES_PER_CALL && walk_goes_on(outcome); i++)
		outcome = v8_walk_some();
	if (outcome == V8_MEET) { /* costs a tail call a sample; in the loop it would cost the verifier a lot */
		v8_meet(s, v8_walk_of(s), walk_mapping(s));
		outcome = STEP_ON;
	}
	walk_on(context, s, stats, outcome, ABI_PROGRAM_UNWIND_V8);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
