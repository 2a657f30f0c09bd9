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
/* Of an object, at most, read at once. The fields of interest are words and half words in it. */
#define V8_OBJECT_WORDS 16
#define V8_OBJECT_BYTES_MASK (8 * V8_OBJECT_WORDS - 1)

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

/* Objects at a time that are looked at as code; also the slots of a feedback vector that are read at a time. */
#define V8_CANDIDATES 8
_Static_assert(V8_CANDIDATES >= 2 + V8_CODES, "all that a function refers to");
/* Times that slots are read, in all frames of a sample. */
#define V8_MAX_SCAN 32

/*
 * Less than ABI_FRAMES_PER_PROGRAM, for the verifier's sake: 33 programs of a chain walk 462 frames. A function's frame takes two of
 * ABI_MAX_USER_FRAMES words, so that a stack of functions is cut by that first.
 */
#define V8_FRAMES_PER_PROGRAM 14
#ifdef FUNCTIONS_ARE_CALLED
#define V8_FRAMES_PER_CALL 2
#else
#define V8_FRAMES_PER_CALL V8_FRAMES_PER_PROGRAM
#endif

enum v8_act {
	V8_STAY = 0, /* nothing yet: another round */
	V8_NATIVE = 1,
	V8_FUNCTION = 2,
};

/* Where it was looked for which node the process runs. */
enum v8_met {
	V8_MET_ANONYMOUS = 1,
	V8_MET_FILE = 2,
};

enum v8_how {
	V8_BY_ROWS = 0,
	V8_BY_FRAME_POINTER = 1,
	V8_BY_DISTANCE = 2,
};

/* The map that was met last among objects of one purpose, and the type that it tells. */
struct v8_known_map {
	u64 map;
	u32 type;
};

struct v8_walk {
	u64 frame[V8_SLOTS];
	u64 candidates[V8_CANDIDATES]; /* for the code that holds the instruction */
	u64 object[V8_OBJECT_WORDS];   /* the beginning of the one that was read last */
	u64 function;		       /* tagged, as all that follow */
	u64 shared;
	struct v8_known_map shared_map;
	struct v8_known_map code_map;
	u64 shared_data;
	u64 script;
	u64 code;
	u64 start; /* of its instructions */
	u64 word;
	u64 table; /* the dispatch table */
	u32 size;
	u32 flags;
	u32 script_id; /* of script */
	u32 literal_id;
	u32 interpreter;  /* 1 + key of the interpreters map; 0: not known yet */
	u32 droppable;	  /* frames of the stack when the last was one of the interpreter's loop, 0 when it was not */
	u32 leaf_handler; /* that one was the leaf, in a handler without a frame: its registers are the interpreter's */
	u32 scan;	  /* slot to look in next for code of the frame that the walk is at; 0 is none */
	u32 scanning;
	u32 scans; /* made in this sample */
	u32 found;
	u32 act;     /* enum v8_act: what is to be recorded */
	u32 how;     /* enum v8_how: the way to the caller */
	u32 handler; /* it may be a frame of the interpreter's loop */
	u32 type;    /* enum abi_v8_code */
	u32 position;
	u32 leaf;
	u32 met;       /* enum v8_met */
	u32 leaf_done; /* the leaf was looked at as one without a frame */
	u32 is_function;
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
	struct abi_interpreter *interpreter = interpreter_of(FORGET(v8->interpreter));

	if (!interpreter)
		return (struct abi_v8_layout *)0;
	/* Or the compiler adds the offset before it asks whether there is anything to add it to, which the verifier refuses. */
	asm volatile("" : "+r"(interpreter));
	return (const struct abi_v8_layout *)interpreter->layout;
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

/* The type that a map tells; 0, which is that of a string, for what cannot be read. */
static __always_inline u32 v8_map_type(u64 map)
{
	__abi_u16 type = 0;

	READ_WORD(map - V8_TAG + V8_MAP_TYPE, &type);
	return type;
}

/* The type in an object's map. */
static __always_inline u32 v8_type(u64 object)
{
	return v8_map_type(v8_field(object, 0));
}

/*
 * Reads the beginning of an object into v8->object, all zeros where it is not there. A read costs the same for a word and for all
 * of them, and a frame needs a dozen.
 */
static __always_inline void v8_read_object(struct v8_walk *v8, u64 object, u32 bytes)
{
	bpf_probe_read_user(v8->object, bytes & V8_OBJECT_BYTES_MASK, (const void *)(unsigned long)(object - V8_TAG));
}

static __always_inline u64 v8_object_word(struct v8_walk *v8, u32 offset)
{
	return v8->object[offset / 8 % V8_OBJECT_WORDS];
}

static __always_inline u32 v8_object_word32(struct v8_walk *v8, u32 offset)
{
	return ((u32 *)v8->object)[offset / 4 % (2 * V8_OBJECT_WORDS)];
}

/* The type of the object that was read last: mostly its map is that of the frame before, and nothing is read. */
static __always_inline u32 v8_object_type(struct v8_walk *v8, struct v8_known_map *known)
{
	if (FORGET(v8->object[0]) != FORGET(known->map)) {
		known->map = v8->object[0];
		known->type = v8_map_type(v8->object[0]);
	}
	return FORGET(known->type);
}

/*
 * The function's shared information, with what tells it from another; whether it is one. Its neighbours on the stack are often of one
 * script.
 */
static __always_inline bool v8_read_function(struct v8_walk *v8, const struct abi_v8_layout *layout)
{
	u64 script;

	v8->shared = v8_field(v8->function, layout->function_shared);
	v8_read_object(v8, v8->shared, layout->shared_bytes);
	if (v8_object_type(v8, &v8->shared_map) != layout->type_shared)
		return false;
	v8->shared_data = v8_object_word(v8, layout->shared_data);
	v8->literal_id = v8_object_word32(v8, layout->shared_literal_id);
	script = v8_object_word(v8, layout->shared_script);
	if (script == FORGET(v8->script))
		return true;
	v8->script = script;
	v8->script_id = v8_type(script) == layout->type_script ? V8_SMI(v8_field(script, layout->script_id)) : 0;
	return true;
}

/*
 * Reads where code lies; its type is left in v8->word. Without branches whose outcome is in a register, because each doubles the
 * verifier's work.
 */
static __always_inline void v8_read_code(struct v8_walk *v8, const struct abi_v8_layout *layout, u64 code)
{
	u64 start;

	code &= ~(u64)(V8_WEAK_TAG - V8_TAG);
	/* Where code lies in a space of its own, what is outside refers to a wrapper. */
	v8_read_object(v8, code, V8_FIRST_FIELD + 8);
	v8->code = v8_object_type(v8, &v8->code_map) == layout->type_code ? code : v8->object[V8_FIRST_FIELD / 8];
	code = FORGET(v8->code);
	v8_read_object(v8, code, layout->code_bytes);
	v8->word = v8_object_type(v8, &v8->code_map);
	start = v8_object_word(v8, layout->code_start);
	v8->start = layout->code_start ? start : code - V8_TAG + layout->code_instructions;
	v8->size = v8_object_word32(v8, layout->code_size);
	v8->flags = v8_object_word32(v8, layout->code_flags);
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
static __always_inline bool v8_push(struct scratch *s, struct stats *stats, struct v8_walk *v8)
{
	u32 code = FORGET(v8->type), interpreter = FORGET(v8->interpreter) - 1, cookie;
	u64 address = v8->shared;
	u32 size = 0;

	if (code == ABI_V8_CODE_MAGLEV || code == ABI_V8_CODE_TURBOFAN) {
		address = v8->code;
		size = v8->size;
	}
	address &= ~(u64)V8_TAG;
	cookie = v8_cookie(s, v8, size);
	stats->v8_frames++;
	v8_wake(s, address, cookie);
	return push_interpreter_frame(s, ABI_FRAME_V8, code | interpreter << ABI_V8_TYPE_INTERPRETER_SHIFT, address,
				      cookie, FORGET(v8->position));
}

#endif
