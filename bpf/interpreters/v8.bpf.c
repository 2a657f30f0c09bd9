// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Walks stacks of Node.js: V8's own frames, and the native ones above and below them.
 *
 * V8's code has no unwind information; its frames keep frame pointers, and say in the words below what they are. It lies in
 * anonymous memory (what was compiled), and in node's text or a second mapping of it (the embedded builtins).
 */
#include "v8_walk.h"
#include "v8_leaf.h"

/* Takes over what the file says, once a sample; whether the file is known. */
static __always_inline bool v8_begin(struct v8_walk *v8, u32 number)
{
	struct abi_interpreter *interpreter = interpreter_of(number);

	if (!interpreter || interpreter->kind != ABI_FRAME_V8)
		return false;
	for (u32 i = 0; i < ABI_CODE_RANGES; i++) {
		const struct abi_code_range *range = &interpreter->ranges[i];
		struct v8_range *to = &v8->builtins;

		if (i >= interpreter->range_count)
			break;
		if (range->role == ABI_V8_RANGE_ENTRY)
			to = &v8->entries[i & (V8_ENTRIES - 1)];
		to->start = range->start;
		to->end = range->end;
	}
	v8->interpreter = number;
	return true;
}

/*
 * Finds out which node the process runs: by its file, which the walk is at, or by what was noted when its file was met.
 * Whether the walk is to begin again at the first anonymous frame.
 */
static __always_inline bool v8_meet(struct scratch *s, struct v8_walk *v8, const struct mapping *mapping)
{
	struct abi_runtime *runtime = runtime_of_process(s);
	u32 number = mapping->interpreter;

	if (runtime && number && (runtime->kind != ABI_FRAME_V8 || runtime->interpreter != number))
		runtime = (struct abi_runtime *)0;
	if (!runtime && number)
		runtime = runtime_note(s, ABI_FRAME_V8, number, mapping->start - mapping->file_offset);
	if (!runtime || runtime->kind != ABI_FRAME_V8)
		return false;
	v8->table = runtime->words[V8_WORD_DISPATCH_TABLE];
	if (!v8_begin(v8, runtime->interpreter))
		return false;
	return number && runtime_resume(s);
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
static __always_inline bool v8_in_entry(struct v8_walk *v8, u64 file_offset, u64 *distance)
{
	u64 first = file_offset - v8->entries[0].start, second = file_offset - v8->entries[1].start;

	*distance = first;
	if (first < v8->entries[0].end - v8->entries[0].start)
		return true;
	*distance = second;
	return second < v8->entries[1].end - v8->entries[1].start;
}

/* Records a frame of the builtins, or of code that is no function of JavaScript; one of a handler is to go again. */
static __always_inline void v8_record_native(struct scratch *s, struct v8_walk *v8, const struct mapping *mapping,
					     u64 address, bool handler)
{
	walk_record(s, mapping, address);
	v8->droppable = handler ? s->user_frames : 0;
}

/* The frame of the interpreter's loop: the handler's below it is part of it. */
static __always_inline int v8_interpreted(struct scratch *s, struct stats *stats, struct v8_walk *v8,
					  const struct abi_v8_layout *layout, bool entering)
{
	u32 header = layout->bytecode_data - V8_TAG;
	u32 position = V8_SMI(v8->frame[V8_SLOT_BYTECODE_OFFSET]) - header;

	if (v8->droppable && v8->droppable == s->user_frames && s->user_frames) {
		s->user_frames--;
		if (v8->leaf_handler && s->registers.leaf[V8_BYTECODE_ARRAY_REGISTER] == v8->frame[V8_SLOT_BYTECODE_ARRAY])
			position = (u32)s->registers.leaf[V8_BYTECODE_OFFSET_REGISTER] - header;
	}
	v8->droppable = 0;
	v8->leaf_handler = 0;
	/* A check of the stack's limit comes before the first bytecode, at the offset one before it. */
	if (entering || position > 0x7fffffff)
		position = 0;
	return v8_push(s, stats, v8, ABI_V8_CODE_INTERPRETED, position) ? 0 : ABI_OUTCOME_TOO_DEEP;
}

/* Compiled code: which piece of the function's it is. */
static __always_inline int v8_compiled(struct scratch *s, struct stats *stats, struct v8_walk *v8,
				       const struct abi_v8_layout *layout, u64 address)
{
	u32 kind, code = ABI_V8_CODE_UNKNOWN, position = address - v8->start;

	v8->droppable = 0;
	kind = v8->flags & layout->kind_mask;
	if (!v8->found) {
		stats->v8_no_code++;
		position = 0;
	} else if (kind == layout->kind_turbofan) {
		code = ABI_V8_CODE_TURBOFAN;
	} else if (kind == layout->kind_maglev) {
		code = ABI_V8_CODE_MAGLEV;
	} else if (kind == layout->kind_baseline) {
		code = ABI_V8_CODE_BASELINE;
	} else if (kind == layout->kind_interpreted) {
		return v8_interpreted(s, stats, v8, layout, false);
	} else {
		position = 0;
	}
	return v8_push(s, stats, v8, code, position) ? 0 : ABI_OUTCOME_TOO_DEEP;
}

/* Looks where the function refers to, for code that holds the instruction; that of before is remembered. */
static __always_inline void v8_find_code(struct scratch *s, struct v8_walk *v8, const struct abi_v8_layout *layout,
					 u64 address)
{
	u64 key = v8_hash(v8->shared) ^ s->sample.pid;
	struct v8_codes *codes = bpf_map_lookup_elem(&v8_optimised, &key);

	v8->found = 0;
	for (u32 attempt = 0; attempt < 2 + V8_CODES; attempt++) {
		u64 code = 0;

		if (attempt == 0)
			code = v8_function_code(v8, layout);
		else if (attempt == 1)
			code = v8_field(v8->shared, layout->shared_data);
		else if (codes)
			code = codes->code[attempt - 2];
		if (code && v8_read_code(v8, layout, code, address)) {
			v8->found = 1;
			break;
		}
	}
}

/* Remembers optimised code: the function may have other code, or none, while this one runs on. */
static __always_inline void v8_keep_code(struct scratch *s, struct v8_walk *v8, const struct abi_v8_layout *layout)
{
	u64 key = v8_hash(v8->shared) ^ s->sample.pid;
	u32 kind = v8->flags & layout->kind_mask;
	struct v8_codes *codes, fresh = {};

	if (kind != layout->kind_maglev && kind != layout->kind_turbofan)
		return;
	codes = bpf_map_lookup_elem(&v8_optimised, &key);
	if (!codes) {
		fresh.code[0] = v8->code;
		bpf_map_update_elem(&v8_optimised, &key, &fresh, BPF_ANY);
		return;
	}
	for (u32 i = 0; i < V8_CODES; i++)
		if (codes->code[i] == v8->code)
			return;
	for (u32 i = V8_CODES - 1; i > 0; i--)
		codes->code[i] = codes->code[i - 1];
	codes->code[0] = v8->code;
}

/*
 * Looks in some slots of the function's feedback vector for code that was made for a loop while it ran (on-stack replacement),
 * to which nothing else refers. Whether there are more slots to look in.
 */
static __always_inline bool v8_scan(struct scratch *s, struct v8_walk *v8, const struct abi_v8_layout *layout,
				    u64 address)
{
	u64 vector = v8_field(v8_field(v8->function, layout->function_feedback_cell), V8_FIRST_FIELD);
	u32 first = FORGET(v8->scan) - 1, length;

	if (v8_type(vector) != layout->type_vector)
		return false;
	length = v8_field32(vector, layout->vector_length);
	if (bpf_probe_read_user(v8->slots, sizeof(v8->slots),
				(const void *)(unsigned long)(vector - V8_TAG + layout->vector_slots + 8 * (u64)first)))
		return false;
	for (u32 i = 0; i < V8_SLOTS_AT_ONCE; i++) {
		u64 code = v8->slots[i];

		if ((code & V8_WEAK_TAG) != V8_WEAK_TAG || code == V8_WEAK_TAG || first + i >= length)
			continue;
		code &= ~(u64)(V8_WEAK_TAG - V8_TAG);
		/* Where code lies in a space of its own, slots hold a wrapper. */
		if (v8_type(code) != layout->type_code)
			code = v8_field(code, V8_FIRST_FIELD);
		if (v8_read_code(v8, layout, code, address)) {
			v8->found = 1;
			return false;
		}
	}
	v8->scan = first + 1 + V8_SLOTS_AT_ONCE;
	return first + V8_SLOTS_AT_ONCE < length;
}

/* The frame of a function's compiled code. STEP_ON also when another round is needed to find the code. */
static __always_inline int v8_compiled_frame(struct scratch *s, struct stats *stats, struct v8_walk *v8,
					     const struct abi_v8_layout *layout, u64 address)
{
	bool more = false;
	int outcome;

	if (!FORGET(v8->scan)) {
		v8_find_code(s, v8, layout, address);
		if (!FORGET(v8->found) && v8->scans < V8_MAX_SCAN) {
			v8->scan = 1;
			return STEP_ON;
		}
	} else {
		v8->scans++;
		v8->found = 0;
		more = v8_scan(s, v8, layout, address);
		if (more && v8->scans < V8_MAX_SCAN)
			return STEP_ON;
	}
	v8->scan = 0;
	if (FORGET(v8->found))
		v8_keep_code(s, v8, layout);
	outcome = v8_compiled(s, stats, v8, layout, address);
	return outcome ? outcome : step_frame_pointer(&s->registers);
}

/* A frame of V8's code that has its frame pointer. */
static __always_inline int v8_framed(struct scratch *s, struct stats *stats, struct v8_walk *v8,
				     const struct abi_v8_layout *layout, const struct mapping *mapping, u64 address,
				     bool builtin)
{
	u64 context, distance, file_offset = address - mapping->start + mapping->file_offset;
	int outcome;

	if (bpf_probe_read_user(v8->frame, sizeof(v8->frame),
				(const void *)(unsigned long)(s->registers.fp - sizeof(v8->frame)))) {
		v8_record_native(s, v8, mapping, address, false);
		return step_frame_pointer(&s->registers);
	}
	context = v8->frame[V8_SLOT_CONTEXT];
	if (!(context & V8_TAG)) {
		v8_record_native(s, v8, mapping, address, builtin && context >> 1 == layout->marker_stub);
		return step_frame_pointer(&s->registers);
	}
	if (!v8_read_function(v8, layout, v8->frame[V8_SLOT_FUNCTION])) {
		stats->v8_no_function++;
		v8_record_native(s, v8, mapping, address, false);
		return step_frame_pointer(&s->registers);
	}
	if (!builtin)
		return v8_compiled_frame(s, stats, v8, layout, address);
	if (!v8_in_entry(v8, file_offset, &distance)) {
		v8_record_native(s, v8, mapping, address, false);
		return step_frame_pointer(&s->registers);
	}
	outcome = v8_interpreted(s, stats, v8, layout, false);
	return outcome ? outcome : step_frame_pointer(&s->registers);
}

#define V8_FRAMED (-1)

/* A leaf in the builtins: V8_FRAMED, or what came of the step. */
static __always_inline int v8_builtin_leaf(struct scratch *s, struct stats *stats, struct v8_walk *v8,
					   const struct abi_v8_layout *layout, const struct mapping *mapping,
					   u64 address, u32 distance, bool fp_saved)
{
	u64 file_offset = address - mapping->start + mapping->file_offset, into, unused, return_address = 0;
	int outcome;

	if (v8_in_entry(v8, file_offset, &into) && into < layout->entry_built) {
		if (!v8_read_function(v8, layout, s->registers.leaf[V8_FUNCTION_REGISTER])) {
			v8_record_native(s, v8, mapping, address, false);
		} else {
			outcome = v8_interpreted(s, stats, v8, layout, true);
			if (outcome)
				return outcome;
		}
		if (into <= layout->entry_push)
			distance = 0;
		if (distance == V8_TELLS_NOTHING)
			return step_frame_pointer(&s->registers);
		return v8_step_leaf(s, distance, fp_saved);
	}
	if (distance == V8_TELLS_NOTHING) {
		if (READ_WORD(s->registers.sp, &return_address))
			return V8_FRAMED;
		if (!v8_in_entry(v8, return_address - mapping->start + mapping->file_offset, &unused) &&
		    !v8_was_called(s, address))
			return V8_FRAMED;
		distance = 0;
	}
	v8_record_native(s, v8, mapping, address, true);
	v8->leaf_handler = 1;
	return v8_step_leaf(s, distance, fp_saved);
}

/* The same in compiled code. */
static __always_inline int v8_compiled_leaf(struct scratch *s, struct stats *stats, struct v8_walk *v8,
					    const struct abi_v8_layout *layout, const struct mapping *mapping,
					    u64 address, u32 distance, bool fp_saved)
{
	u32 push = layout->code_push, into;
	int outcome;

	/* The function's register holds it until the frame is built, and often after. */
	if (v8_read_function(v8, layout, s->registers.leaf[V8_FUNCTION_REGISTER])) {
		v8_find_code(s, v8, layout, address);
		into = address - v8->start;
		if (FORGET(v8->found) && (v8->flags & layout->kind_mask) == layout->kind_baseline)
			push = V8_BASELINE_PROLOGUE;
		if (FORGET(v8->found) && (distance != V8_TELLS_NOTHING || into < push + V8_PROLOGUE_BYTES)) {
			outcome = v8_compiled(s, stats, v8, layout, address);
			if (outcome)
				return outcome;
			if (into <= push)
				distance = 0;
			if (distance == V8_TELLS_NOTHING)
				return step_frame_pointer(&s->registers);
			return v8_step_leaf(s, distance, fp_saved);
		}
	}
	if (distance == V8_TELLS_NOTHING)
		return V8_FRAMED;
	v8_record_native(s, v8, mapping, address, false);
	return v8_step_leaf(s, distance, fp_saved);
}

/* A frame of V8's code. */
static __always_inline int v8_frame(struct scratch *s, struct stats *stats, struct v8_walk *v8,
				    const struct abi_v8_layout *layout, const struct mapping *mapping, u64 address,
				    bool builtin)
{
	int fp_saved = 0, outcome = V8_FRAMED;
	u64 code = 0;

	if (!s->registers.return_address && s->registers.leaf_valid && !FORGET(v8->scan)) {
		v8_find_table(s, v8, layout);
		READ_WORD(s->registers.ip, &code);
		v8->distance = v8_return_distance(code, &fp_saved);
		v8->fp_saved = fp_saved;
		if (builtin)
			outcome = v8_builtin_leaf(s, stats, v8, layout, mapping, address, FORGET(v8->distance),
						  FORGET(v8->fp_saved));
		else
			outcome = v8_compiled_leaf(s, stats, v8, layout, mapping, address, FORGET(v8->distance),
						   FORGET(v8->fp_saved));
	}
	if (outcome != V8_FRAMED)
		return outcome;
	return v8_framed(s, stats, v8, layout, mapping, address, builtin);
}

static __always_inline int unwind_frame(struct scratch *s, struct stats *stats)
{
	u64 file_offset, address = step_lookup_address(&s->registers);
	struct v8_walk *v8 = v8_walk_of(s);
	const struct abi_v8_layout *layout;
	const struct mapping *mapping;
	bool builtin;
	int outcome = walk_locate(s, stats, address);

	if (outcome)
		return outcome;
	mapping = walk_mapping(s);
	if (mapping->interpreter && mapping->interpreter_kind != ABI_FRAME_V8) {
		s->interpreter.kind = mapping->interpreter_kind;
		s->interpreter.begun = 0;
		return STEP_INTERPRETER;
	}
	if (!FORGET(v8->interpreter) && (mapping->interpreter || mapping->kind == MAPPING_ANONYMOUS)) {
		if (v8_meet(s, v8, mapping))
			return STEP_ON;
	}
	layout = v8_layout_of(v8);
	file_offset = address - mapping->start + mapping->file_offset;
	builtin = mapping->interpreter && file_offset - v8->builtins.start < v8->builtins.end - v8->builtins.start;
	if (layout && (builtin || mapping->kind == MAPPING_ANONYMOUS))
		return v8_frame(s, stats, v8, layout, mapping, address, builtin);
	v8->droppable = 0;
	walk_record(s, mapping, address);
	return walk_step(s, mapping, address);
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
	for (int i = 0; i < ABI_FRAMES_PER_PROGRAM; i++) {
		outcome = unwind_frame(s, stats);
		if (outcome != STEP_ON && outcome != MAPPING_TRY_AGAIN)
			break;
	}
	walk_on(context, s, stats, outcome, ABI_PROGRAM_UNWIND_V8);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
