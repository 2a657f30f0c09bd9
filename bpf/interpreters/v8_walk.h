/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What V8's program keeps of one sample, and how it reads V8's objects. Everything it reads is the process's own word:
 * an object is believed by the type in its map, and nothing is followed further than a fixed number of steps.
 */
#ifndef HOSTFLAME_INTERPRETERS_V8_WALK_H
#define HOSTFLAME_INTERPRETERS_V8_WALK_H

#include "runtime.h"
#include "v8_layout.h"

/* Pointers to objects carry it (V8's include/v8-internal.h, kHeapObjectTag); weak ones carry 3, and a cleared one is just 3. */
#define V8_TAG 1
#define V8_WEAK_TAG 3
/* Map::instance_type, u16. */
#define V8_MAP_TYPE 12
/* A Smi's value is its upper half (kSmiShiftSize). */
#define V8_SMI(word) ((u32)((word) >> 32))
/* JSDispatchEntry: the code pointer is the upper 48 bits of the second word, whose lowest bit is the collector's. */
#define V8_DISPATCH_INDEX_SHIFT 8
#define V8_DISPATCH_ENTRY_BYTES 16
#define V8_DISPATCH_CODE_SHIFT 16
/* CodeWrapper::code, FeedbackCell::value. */
#define V8_FIRST_FIELD 8

/* abi_runtime.words: where the process has its dispatch table, 0 while not known. */
#define V8_WORD_DISPATCH_TABLE 0

/* Words below the frame pointer (src/execution/frame-constants.h), by their index in v8_walk.frame. */
enum v8_slot {
	V8_SLOT_BYTECODE_OFFSET = 0, /* fp - 40, a Smi. Of interpreted frames */
	V8_SLOT_BYTECODE_ARRAY = 1,
	V8_SLOT_ARGUMENT_COUNT = 2,
	V8_SLOT_FUNCTION = 3,
	V8_SLOT_CONTEXT = 4, /* fp - 8; a Smi there is the type of a frame that no function of JavaScript has */
	V8_SLOTS = 5,
};

#define V8_ENTRIES 2
/* Slots of a feedback vector that are read at a time. */
#define V8_SLOTS_AT_ONCE 8
/* Of how many slots code that replaced a running loop is looked for in, in all frames of a sample. */
#define V8_MAX_SCAN 32

/* Ranges of the file: offsets. */
struct v8_range {
	u64 start;
	u64 end;
};

struct v8_walk {
	u64 frame[V8_SLOTS];
	u64 slots[V8_SLOTS_AT_ONCE];
	u64 function; /* tagged, as all that follow */
	u64 shared;
	u64 code;
	u64 start; /* of its instructions */
	u64 word;
	u64 table; /* the dispatch table */
	struct v8_range builtins;
	struct v8_range entries[V8_ENTRIES];
	u32 size;
	u32 flags;
	u32 script_id;
	u32 literal_id;
	u32 interpreter; /* 1 + key of the interpreters map; 0: not known yet */
	u32 droppable;	 /* frames of the stack when the last was one of the interpreter's loop, 0 when it was not */
	u32 leaf_handler; /* that one was the leaf, in a handler without a frame: its registers are the interpreter's */
	u32 scan;	  /* slot to look in next for code of the frame that the walk is at; 0 is none */
	u32 scans;	  /* made in this sample */
	u32 found;
	u32 distance; /* of the leaf's return address, and whether its fp lies below that */
	u32 fp_saved;
};

_Static_assert(sizeof(struct v8_walk) <= 8 * INTERPRETER_STATE_WORDS, "fits");

static __always_inline struct v8_walk *v8_walk_of(struct scratch *s)
{
	return (struct v8_walk *)s->interpreter.state;
}

/* What is known of the node that the sample runs; NULL while that is not known. */
static __always_inline const struct abi_v8_layout *v8_layout_of(struct v8_walk *v8)
{
	u32 number = FORGET(v8->interpreter);
	struct abi_interpreter *interpreter = number ? interpreter_of(number) : (struct abi_interpreter *)0;

	return interpreter ? (const struct abi_v8_layout *)interpreter->layout : (const struct abi_v8_layout *)0;
}

/* A word of an object; 0 where it is not there. */
static __always_inline u64 v8_field(u64 object, u32 offset)
{
	u64 word = 0;

	READ_WORD(object - V8_TAG + offset, &word);
	return word;
}

static __always_inline u32 v8_field32(u64 object, u32 offset)
{
	u32 word = 0;

	READ_WORD(object - V8_TAG + offset, &word);
	return word;
}

/* The type in an object's map; 0, which is that of a string, for what is no object. */
static __always_inline u32 v8_type(u64 object)
{
	u64 map;
	__abi_u16 type = 0;

	if (!(object & V8_TAG))
		return 0;
	map = v8_field(object, 0);
	READ_WORD(map - V8_TAG + V8_MAP_TYPE, &type);
	return type;
}

/* The function's shared information, with what tells it from another; whether it is one. */
static __always_inline bool v8_read_function(struct v8_walk *v8, const struct abi_v8_layout *layout, u64 function)
{
	u64 script, shared = v8_field(function, layout->function_shared);

	v8->function = function;
	v8->shared = shared;
	if (!(function & V8_TAG) || v8_type(shared) != layout->type_shared)
		return false;
	v8->literal_id = v8_field32(shared, layout->shared_literal_id);
	script = v8_field(shared, layout->shared_script);
	v8->script_id = 0;
	if (v8_type(script) == layout->type_script)
		v8->script_id = V8_SMI(v8_field(script, layout->script_id));
	return true;
}

/* Reads where code lies; whether it is code and the instruction is in it. */
static __always_inline bool v8_read_code(struct v8_walk *v8, const struct abi_v8_layout *layout, u64 code, u64 address)
{
	u64 start;

	v8->code = code;
	if (v8_type(code) != layout->type_code)
		return false;
	start = layout->code_start ? v8_field(code, layout->code_start) : code - V8_TAG + layout->code_instructions;
	v8->start = start;
	v8->size = v8_field32(code, layout->code_size);
	v8->flags = v8_field32(code, layout->code_flags);
	return address - start < v8->size;
}

/* The code that the function has now. */
static __always_inline u64 v8_function_code(struct v8_walk *v8, const struct abi_v8_layout *layout)
{
	u64 entry;

	if (layout->function_code)
		return v8_field(v8->function, layout->function_code);
	if (!FORGET(v8->table))
		return 0;
	entry = FORGET(v8->table) +
		(u64)(v8_field32(v8->function, layout->function_dispatch) >> V8_DISPATCH_INDEX_SHIFT) *
			V8_DISPATCH_ENTRY_BYTES;
	v8->word = 0;
	READ_WORD(entry + 8, &v8->word);
	return v8->word >> V8_DISPATCH_CODE_SHIFT | V8_TAG;
}

static __always_inline u32 v8_cookie(struct scratch *s, struct v8_walk *v8, u32 code_size)
{
	u32 hash = v8->script_id * 0x9e3779b1u;

	hash = (hash ^ v8->literal_id) * 0x85ebca6bu;
	hash = (hash ^ s->sample.tid) * 0xc2b2ae35u;
	hash = (hash ^ code_size) * 0x27d4eb2fu;
	return (hash ^ hash >> 15) & 0x0fffffff;
}

/* Splitmix64's finalizer (Steele, Lea, Flood: Fast splittable pseudorandom number generators). */
static __always_inline u64 v8_hash(u64 word)
{
	word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9ull;
	word = (word ^ word >> 27) * 0x94d049bb133111ebull;
	return word ^ word >> 31;
}

/* Wakes the reader for a function that is new to it, so that it is read before its process ends. */
static __always_inline void v8_wake(struct scratch *s, u64 address, u32 cookie)
{
	u64 key = v8_hash(address ^ (u64)cookie << 36) ^ s->sample.pid;
	u8 known = 1;

	if (bpf_map_lookup_elem(&v8_known, &key))
		return;
	bpf_map_update_elem(&v8_known, &key, &known, BPF_ANY);
	s->interpreter.wake = 1;
}

/* Records a frame of JavaScript; false when there is no room. */
static __always_inline bool v8_push(struct scratch *s, struct stats *stats, struct v8_walk *v8, u32 code, u32 position)
{
	bool optimised = code == ABI_V8_CODE_MAGLEV || code == ABI_V8_CODE_TURBOFAN;
	u64 address = (optimised ? v8->code : v8->shared) & ~(u64)V8_TAG;
	u32 cookie = v8_cookie(s, v8, optimised ? v8->size : 0);
	u32 type = code | (FORGET(v8->interpreter) - 1) << ABI_V8_TYPE_INTERPRETER_SHIFT;

	stats->v8_frames++;
	v8_wake(s, address, cookie);
	return push_interpreter_frame(s, ABI_FRAME_V8, type, address, cookie, position);
}

#endif
