// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Walks stacks of CPython 3.8 to 3.14. A native frame in the interpreter's loop stands for the Python frames that this call
 * of the loop runs: one before 3.11, since then up to the one that the call was made for. They are recorded in its place;
 * all other native frames stay.
 *
 * Which calls of the loop have which frames: since 3.11 each call has a structure of its own on the C stack, so that an
 * address tells. Before, a call that has just begun, or is ending, has none, and the chain of frames ends one call too
 * early: then the first one is taken for that call, and the walk is made once more.
 */
#include "python_code.h"
#include "python_threads.h"

/* The runtime's thread states have to be searched before the walk goes on; never submitted. */
#define STEP_SEARCH 251
/* What a frame is: w->flags. */
#define FRAME_HAS_CODE 1
#define FRAME_INSIDE 2 /* it lies in the piece of C stack of the call of the loop */
#define FRAME_SHIM 4   /* the last one of a run */

/* The walk has just met the interpreter's file: s->current is its mapping. */
static __always_inline bool begin(struct scratch *s, struct python_walk *w)
{
	const struct mapping *mapping = walk_mapping(s);
	const struct abi_python_layout *layout;
	struct abi_interpreter *interpreter;

	w->number = mapping->interpreter;
	interpreter = interpreter_of(w->number);
	if (!interpreter)
		return false;
	layout = (const void *)interpreter->layout;
	w->bias = mapping->start - mapping->file_offset - interpreter->ranges[0].bias;
	w->code_type = w->bias + layout->code_type;
	w->tried_count = 0;
	w->tried_shown = 0;
	w->searching = 0;
	w->found_none = 0;
	w->again = 0;
	w->frame = 0;
	w->chain = 0;
	w->in_run = 0;
	w->shim = 0;
	w->scouting = 0;
	w->fresh_count = 0;
	w->skip = 0;
	w->runs = 0;
	if (!find_thread(s, w, layout))
		begin_search(w, layout);
	return true;
}

static __always_inline bool is_loop(const struct abi_interpreter *interpreter, u64 offset)
{
	for (u32 i = 0; i < ABI_CODE_RANGES; i++)
		if (i < interpreter->range_count && offset >= interpreter->ranges[i].start &&
		    offset < interpreter->ranges[i].end)
			return true;
	return false;
}

/* The call of the loop ends with its native frame alone. */
static __always_inline int run_native(struct scratch *s, struct python_walk *w)
{
	s->user_frames = w->run_frames;
	push_frame(s, w->native);
	w->in_run = 0;
	w->shim = 0;
	return w->outcome;
}

static __always_inline int run_end(struct scratch *s, struct python_walk *w)
{
	if (s->user_frames == w->run_frames)
		return run_native(s, w);
	/* The loop's function is a part of its caller's: that one is shown, too. */
	if (w->keep_native)
		push_frame(s, w->native);
	thread_fits(w);
	w->runs++;
	w->in_run = 0;
	w->shim = 0;
	return w->outcome;
}

/* The frames of this thread state are not this call's, or there are no more: perhaps those of another one are. */
static __always_inline int run_misfit(struct scratch *s, struct stats *stats, struct python_walk *w,
				      const struct abi_python_layout *layout)
{
	s->user_frames = w->run_frames;
	if (!w->found_none) {
		begin_search(w, layout);
		return STEP_SEARCH;
	}
	stats->python_misaligned++;
	w->frame = w->run_frame;
	if (!w->frame && layout->style == ABI_PYTHON_OBJECTS && !w->again && w->runs) {
		w->again = w->skip = 1;
		w->frame = w->chain;
		w->runs = 0;
		w->in_run = 0;
		s->registers = w->first;
		s->user_frames = w->first_frames;
		return STEP_ON;
	}
	return run_native(s, w);
}

/* Notes what is to be handed over once the frames are recorded. */
static __always_inline void note_code(struct scratch *s, struct python_walk *w, u64 code, u32 cookie)
{
	struct abi_python_code_key key = {
		.address = code, .start_time_ns = s->sample.start_time_ns, .pid = s->sample.pid, .cookie = cookie
	};
	u32 at = FORGET(w->fresh_count);

	if (at >= PYTHON_FRESH || bpf_map_lookup_elem(&python_codes, &key))
		return;
	w->fresh[at].address = code;
	w->fresh[at].cookie = cookie;
	w->fresh_count = at + 1;
}

/* Bytes into the code of the instruction that runs. */
static __always_inline u32 position_of(struct python_walk *w, const struct abi_python_layout *layout, u64 code)
{
	u64 offset;

	if (layout->style == ABI_PYTHON_OBJECTS) {
		s32 last = FRAME_FIELD(w, u32, layout->frame_instruction);

		return last < 0 ? ABI_PYTHON_NOT_BEGUN : last * layout->lasti_unit;
	}
	offset = FRAME_FIELD(w, u64, layout->frame_instruction) - code - layout->code_instructions;
	if (offset == (u64)-2)
		return ABI_PYTHON_NOT_BEGUN;
	return offset < 0x10000000 ? offset : ABI_PYTHON_NOWHERE;
}

/* Code objects begin with so many bytes at most that only make the frame. */
#define FIRST_BYTES 256
#define OWNED_BY_GENERATOR 1

/*
 * Whether a frame is still being made, as CPython's _PyFrame_IsIncomplete has it: sys._getframe passes over it. The
 * trampoline that __init__ is called by never gets any further.
 */
static __always_inline bool is_incomplete(const struct abi_python_layout *layout, u64 code, u8 owner, u32 position)
{
	u32 first = 0;

	if (!layout->code_first_traceable || owner == OWNED_BY_GENERATOR)
		return false;
	if (position == ABI_PYTHON_NOT_BEGUN)
		return true;
	if (position >= FIRST_BYTES)
		return false;
	bpf_probe_read_user(&first, sizeof(first), (const void *)(unsigned long)(code + layout->code_first_traceable));
	return position / 2 < first;
}

/* Copies one frame and what it runs, and says what it is: w->flags. False where it cannot be read. */
static __always_inline bool read_frame(struct python_walk *w, const struct abi_python_layout *layout, u64 frame)
{
	u32 flags = 0;

	if (READ_BYTES(frame + layout->frame_start, w->frame_bytes, ABI_PYTHON_FRAME_BYTES))
		return false;
	w->previous = FRAME_FIELD(w, u64, layout->frame_previous);
	/* Since 3.14 the low bits say who counts the reference. */
	w->code = FRAME_FIELD(w, u64, layout->frame_code) & ~7ull;
	if (python_read_code(w, layout, w->code))
		flags |= FRAME_HAS_CODE;
	if (frame >= w->low && frame < w->high)
		flags |= FRAME_INSIDE;
	w->flags = flags;
	if (layout->style == ABI_PYTHON_SHIMS && FRAME_FIELD(w, u8, layout->frame_owner) >= layout->owner_shim &&
	    /* 3.14 has frames of that owner, with code, to call __init__. */
	    (layout->minor < 14 || FORGET(w->flags) != FRAME_HAS_CODE))
		w->flags |= FRAME_SHIM;
	return true;
}

/* Records the frame that was read last; false when there is no room. */
static __always_inline bool record_frame(struct scratch *s, struct stats *stats, struct python_walk *w,
					 const struct abi_python_layout *layout)
{
	u8 owner = FRAME_FIELD(w, u8, layout->frame_owner + (layout->style == ABI_PYTHON_CFRAMES));

	w->position = position_of(w, layout, w->code);
	if (is_incomplete(layout, w->code, owner, FORGET(w->position)))
		return true;
	w->cookie = python_cookie(w, layout);
	if (!push_interpreter_frame(s, ABI_FRAME_PYTHON, 0, FORGET(w->code), FORGET(w->cookie), FORGET(w->position)))
		return false;
	stats->python_frames++;
	note_code(s, w, FORGET(w->code), FORGET(w->cookie));
	return true;
}

/* One frame of the run. */
static __always_inline int run_step(struct scratch *s, struct stats *stats, struct python_walk *w,
				    const struct abi_python_layout *layout)
{
	u64 frame = FORGET(w->frame);

	if (!frame || (layout->style == ABI_PYTHON_CFRAMES && w->cframe >= w->high))
		return run_misfit(s, stats, w, layout);
	if (!read_frame(w, layout, frame)) {
		stats->python_unreadable++;
		w->frame = w->run_frame = 0;
		w->found_none = w->again = 1;
		return run_end(s, w);
	}
	if (FORGET(w->flags) & FRAME_SHIM) {
		if (frame >= w->high)
			return run_misfit(s, stats, w, layout);
		w->frame = w->previous;
		/* Below: of a call of the loop whose native frame was not known for one. */
		return (FORGET(w->flags) & FRAME_INSIDE) ? run_end(s, w) : STEP_ON;
	}
	w->frame = w->previous;
	if (!(FORGET(w->flags) & FRAME_HAS_CODE))
		stats->python_no_code++;
	else if (!record_frame(s, stats, w, layout))
		return ABI_OUTCOME_TOO_DEEP;
	if (layout->style == ABI_PYTHON_OBJECTS)
		return run_end(s, w);
	if (layout->style == ABI_PYTHON_CFRAMES && FRAME_FIELD(w, u8, layout->frame_owner)) { /* is_entry */
		bool below = w->cframe < w->low;

		READ_WORD(w->cframe + layout->cframe_previous, &w->cframe);
		return below ? STEP_ON : run_end(s, w);
	}
	return STEP_ON;
}

/*
 * A loop whose instructions are functions is small, and compilers make it a part of whatever calls it: no range of code
 * tells where it is. But the frame without code that ends its run lies in its piece of C stack; so that one is looked for
 * first, a frame of the run at a time. w->shim is its address, NO_SHIM where there is none.
 */
#define NO_SHIM 1

static __always_inline void scout(struct python_walk *w, const struct abi_python_layout *layout)
{
	u64 frame = FORGET(w->scout), type = 0;

	if (!frame || READ_BYTES(frame, w->frame_bytes, ABI_PYTHON_FRAME_BYTES)) {
		w->shim = NO_SHIM;
		return;
	}
	w->scout = FRAME_FIELD(w, u64, layout->frame_previous);
	if (FRAME_FIELD(w, u8, layout->frame_owner) < layout->owner_shim)
		return;
	READ_WORD((FRAME_FIELD(w, u64, layout->frame_code) & ~7ull) + layout->type, &type);
	if (type != w->code_type)
		w->shim = frame;
}

/* The function of the instruction, which the loop has called: a part of it. */
static __always_inline void drop_handler(struct scratch *s, struct python_walk *w)
{
	u32 last = s->kernel_frames + s->user_frames - 1;

	if (s->user_frames && last < ABI_MAX_FRAMES &&
	    s->frames[last] >> ABI_FRAME_ADDRESS_BITS == w->native >> ABI_FRAME_ADDRESS_BITS)
		s->user_frames--;
	w->run_frames = s->user_frames;
}

/* Where the walk is: a call of the loop, or of something else. w->at */
#define AT_ELSEWHERE 0
#define AT_LOOP 1
#define AT_INTERPRETER 2 /* in its file: the stack will tell */

static __always_inline int unwind_frame(struct scratch *s, struct stats *stats, struct python_walk *w)
{
	u64 address = step_lookup_address(&s->registers);
	const struct abi_python_layout *layout;
	struct abi_interpreter *interpreter = interpreter_of(FORGET(w->number));
	const struct mapping *mapping;
	int outcome;

	if (!interpreter)
		return ABI_OUTCOME_TABLE_CORRUPT;
	layout = (const void *)interpreter->layout;
	if (FORGET(w->in_run))
		return run_step(s, stats, w, layout);
	if (layout->has_handlers && !FORGET(w->shim)) {
		if (!w->scouting)
			w->scout = w->frame;
		w->scouting = 1;
		scout(w, layout);
		/* Further out there may be frames of another thread state. */
		if (FORGET(w->shim) == NO_SHIM && w->runs && !w->found_none) {
			w->shim = w->scouting = 0;
			begin_search(w, layout);
			return STEP_SEARCH;
		}
		return STEP_ON;
	}
	w->scouting = 0;
	outcome = walk_locate(s, stats, address);
	if (outcome)
		return outcome;
	mapping = walk_mapping(s);
	if (mapping->interpreter && mapping->interpreter_kind != ABI_FRAME_PYTHON) {
		s->interpreter.kind = mapping->interpreter_kind;
		s->interpreter.begun = 0;
		return STEP_INTERPRETER;
	}
	w->at = AT_ELSEWHERE;
	w->keep_native = 0;
	if (mapping->interpreter == w->number) {
		if (is_loop(interpreter, address - mapping->start + mapping->file_offset))
			w->at = AT_LOOP;
		else if (layout->has_handlers)
			w->at = w->keep_native = AT_INTERPRETER;
	}
	/* One that has begun, or ends, without a frame of its own. */
	if (w->skip && w->at == AT_LOOP) {
		w->skip = 0;
		w->at = AT_ELSEWHERE;
	}
	w->native = frame_of(mapping, address);
	w->low = s->registers.sp;
	w->run_frame = w->frame;
	w->run_frames = s->user_frames;
	if (!FORGET(w->at)) {
		walk_record(s, mapping, address);
	} else if (!w->runs && !w->again && layout->style == ABI_PYTHON_OBJECTS) {
		w->first = s->registers;
		w->first_frames = s->user_frames;
	}
	outcome = walk_step(s, mapping, address);
	if (!FORGET(w->at))
		return outcome;
	w->outcome = outcome;
	w->high = outcome == STEP_ON ? s->registers.sp : ~0ull;
	if (layout->has_handlers) {
		if (w->shim < w->low || w->shim >= w->high) {
			push_frame(s, w->native);
			return outcome;
		}
		drop_handler(s, w);
	}
	w->in_run = 1;
	return STEP_ON;
}

/* Walks some frames, as far as nothing has to be searched first. */
WALK_FUNCTION int python_walk_some(void)
{
	struct scratch *s = scratch_of_this_cpu();
	struct stats *stats = stats_of_this_cpu();
	struct python_walk *w = walk_of_this_cpu();
	int outcome = STEP_ON;

	if (!s || !stats || !w)
		return ABI_OUTCOME_TAIL_CALL_FAILED; /* arrays that have this CPU's element: cannot happen */
	for (int i = 0; i < WALK_FRAMES_PER_CALL; i++) {
		if (FORGET(w->searching) || !walk_goes_on(outcome))
			break;
		outcome = unwind_frame(s, stats, w);
	}
	return outcome;
}

/* Hands over the last of the code objects that were met for the first time; 0 when that is all that can be. */
WALK_FUNCTION int python_hand_over_one(void)
{
	struct scratch *s = scratch_of_this_cpu();
	struct stats *stats = stats_of_this_cpu();
	struct python_walk *w = walk_of_this_cpu();
	struct abi_interpreter *interpreter;
	u32 at;

	if (!s || !stats || !w)
		return 0; /* as above */
	interpreter = interpreter_of(FORGET(w->number));
	at = FORGET(w->fresh_count) - 1;
	if (!interpreter || at >= PYTHON_FRESH)
		return 0;
	w->fresh_count = at;
	return python_hand_over(s, stats, w, (const void *)interpreter->layout, FORGET(w->fresh[at].address),
				FORGET(w->fresh[at].cookie));
}

SEC("perf_event")
int unwind_python(struct bpf_perf_event_data *context)
{
	struct scratch *s = scratch_of_this_cpu();
	struct stats *stats = stats_of_this_cpu();
	struct python_walk *w = walk_of_this_cpu();
	int outcome = STEP_ON;

	if (!s || !stats || !w)
		return 0; /* all are arrays, and this CPU has its element in each: cannot happen */
	if (!s->interpreter.begun) {
		s->interpreter.begun = 1;
		if (!begin(s, w))
			outcome = ABI_OUTCOME_TABLE_CORRUPT;
	}
	if (outcome == STEP_ON && FORGET(w->searching))
		search(stats, w);
	for (int i = 0; i < ABI_FRAMES_PER_PROGRAM / WALK_FRAMES_PER_CALL; i++) {
		if (FORGET(w->searching) || !walk_goes_on(outcome))
			break;
		outcome = python_walk_some();
	}
	if (outcome == STEP_SEARCH)
		outcome = STEP_ON;
	for (int i = 0; i < PYTHON_FRESH && python_hand_over_one(); i++)
		;
	w->fresh_count = 0;
	walk_on(context, s, stats, outcome, ABI_PROGRAM_UNWIND_PYTHON);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
