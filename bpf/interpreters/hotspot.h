/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the walk of a JVM's stacks keeps: of the process, where its code cache lies, read once out of the process itself;
 * of the sample, the piece of code that its current frame is in.
 *
 * hotspot/share: code/codeCache.cpp, memory/heap.cpp, interpreter/abstractInterpreter.cpp.
 */
#ifndef HOSTFLAME_INTERPRETERS_HOTSPOT_H
#define HOSTFLAME_INTERPRETERS_HOTSPOT_H

#include "hotspot_code.h"
#include "hotspot_layout.h"
#include "runtime.h"

/* Non-nmethods, profiled and not; one more in versions to come. */
#define HOTSPOT_HEAPS 4
/* A power of two above ABI_HOTSPOT_BLOB_BYTES, for the verifier's arithmetic. */
#define HOTSPOT_BLOB_WORDS 64

/* A code heap: reserved memory, so that it never changes, and its map of segments. */
struct hotspot_heap {
	u64 low;
	u64 high;
	u64 segments;
	u64 log2_segment;
};

/* Of a process, in abi_runtime.words behind the first, which is 1 once they are complete. */
struct hotspot_process {
	u64 low; /* of all heaps together */
	u64 high;
	u64 interpreter_low;
	u64 interpreter_high;
	u64 call_stub_return;
	struct hotspot_heap heaps[HOTSPOT_HEAPS];
};
_Static_assert(sizeof(struct hotspot_process) + 8 <= 8 * ABI_RUNTIME_WORDS, "fits the words of a runtime");

/* What a frame is; its program's branches leave it here, and meet again. */
enum hotspot_kind {
	HOTSPOT_UNKNOWN = 0,
	HOTSPOT_INTERPRETED_FRAME = 1,
	HOTSPOT_COMPILED_FRAME = 2,
	HOTSPOT_STUB_FRAME = 3,
};

/* Where the caller's frame pointer and, above it, its address may lie, in order of trial. */
#define HOTSPOT_CANDIDATES 3

struct hotspot_candidate {
	u64 end; /* 0: none */
	u64 sp;	 /* the caller's */
	u32 keeps_fp;
	u32 certain; /* else it must lead into the code cache */
};

struct hotspot_walk {
	struct hotspot_process process; /* high is 0 while it is not known */
	struct hotspot_heap heap;	/* of the current frame */
	u64 segment;
	u64 blob;
	u64 code_begin;
	u64 frame_bytes;
	u64 method;
	u64 bcp[2];
	struct hotspot_leaf leaf;
	u64 frame_address; /* the frame as it will be recorded */
	u32 frame_type;
	u32 frame_cookie;
	u32 frame_position;
	u32 kind; /* enum hotspot_kind */
	u32 entering;
	u32 interpreter; /* as abi_runtime has it */
	u32 java;	 /* a frame of Java was pushed in this sample */
	int outcome; /* why the walk left its loop */
	u64 register_sp; /* the caller's, where its address is in a register */
	struct hotspot_candidate candidates[HOTSPOT_CANDIDATES];
	u64 caller[2]; /* its frame pointer and its address, as read */
	u64 caller_sp;
	u32 caller_keeps_fp;
	u32 found;
	/* What is read on the way; not on the BPF stack, whose slots make states that differ to the verifier. */
	u64 const_method;
	u64 class;
	u64 class_name;
	u64 name;
	u64 original;
	u64 key;
	u16 class_hash;
	u16 name_hash;
	u8 hop;
	u8 one;
	u16 unused;
	u64 words[HOTSPOT_BLOB_WORDS]; /* the blob's, or a structure's */
};
_Static_assert(sizeof(struct hotspot_walk) <= 8 * INTERPRETER_STATE_WORDS, "fits the scratch");

static __always_inline struct hotspot_walk *hotspot_walk_of(struct scratch *s)
{
	return (struct hotspot_walk *)s->interpreter.state;
}

/* Fields of what words hold; an offset beyond it reads another word of it. */
#define HOTSPOT_FIELD(h, type, offset)                                                                                 \
	(*(volatile type *)((u8 *)(h)->words + ((offset) & (8 * HOTSPOT_BLOB_WORDS - sizeof(type)))))

/* The layout of a file; of some file where there is none, for a loop that knows no code cache and never looks at it. */
static __always_inline const volatile struct abi_hotspot_layout *hotspot_layout_of(u32 interpreter)
{
	struct abi_interpreter *found = interpreter_of(interpreter ? interpreter : 1);

	return found ? (const volatile struct abi_hotspot_layout *)found->layout : 0;
}

static __always_inline bool hotspot_in_code(const struct hotspot_walk *h, u64 address)
{
	return address >= h->process.low && address < h->process.high;
}

/* One code heap into its place; whether it was there. */
static __always_inline bool hotspot_read_heap(struct hotspot_walk *h, const volatile struct abi_hotspot_layout *l, u64 address,
					      struct hotspot_heap *to)
{
	u32 log2 = 0;

	if (READ_WORD(address + l->heap_low, &to->low) || READ_WORD(address + l->heap_high, &to->high) ||
	    READ_WORD(address + l->heap_segments, &to->segments) || READ_WORD(address + l->heap_log2_segment, &log2))
		return false;
	to->log2_segment = log2 & 31;
	if (!h->process.high || to->low < h->process.low)
		h->process.low = to->low;
	if (to->high > h->process.high)
		h->process.high = to->high;
	return to->low && to->low < to->high && to->segments;
}

static __always_inline bool hotspot_read_heaps(struct hotspot_walk *h, const volatile struct abi_hotspot_layout *l, u64 address)
{
	u64 data, heap;
	u32 count = 0;

	if (l->form & ABI_HOTSPOT_ONE_HEAP)
		return hotspot_read_heap(h, l, address, &h->process.heaps[0]);
	if (READ_WORD(address + l->array_length, &count) || READ_WORD(address + l->array_data, &data) || !count)
		return false;
	for (u32 i = 0; i < HOTSPOT_HEAPS; i++) {
		if (i >= count)
			break;
		if (READ_WORD(data + 8 * i, &heap) || !hotspot_read_heap(h, l, heap, &h->process.heaps[i]))
			return false;
	}
	return true;
}

/* Where this process's JVM has its code, into h->process; whether all of it is there yet. */
static __always_inline bool hotspot_read_process(struct hotspot_walk *h, const volatile struct abi_hotspot_layout *l, u64 bias)
{
	struct hotspot_process *p = &h->process;
	u64 heaps, queue;
	u32 limit = 0;

	if (READ_WORD(bias + l->heaps, &heaps) || !heaps || !hotspot_read_heaps(h, l, heaps))
		return false;
	if (READ_WORD(bias + l->interpreter, &queue) || !queue ||
	    READ_WORD(queue + l->queue_buffer, &p->interpreter_low) || READ_WORD(queue + l->queue_limit, &limit))
		return false;
	p->interpreter_high = p->interpreter_low + limit;
	if (READ_WORD(bias + l->call_stub_return, &p->call_stub_return))
		return false;
	return p->interpreter_low && p->call_stub_return;
}

/*
 * Enters the JVM's part of a sample: at a frame in libjvm.so, which tells whose the process is, or at one in the code cache
 * of a process that is known. From the first on the walk begins again where it had first met memory without a file.
 */
static __always_inline void hotspot_begin(struct scratch *s, struct stats *stats)
{
	const struct mapping *mapping = walk_mapping(s);
	struct hotspot_walk *h = hotspot_walk_of(s);
	struct abi_runtime *runtime = runtime_of_process(s);
	const volatile struct abi_hotspot_layout *layout;
	struct abi_interpreter *file;
	bool in_file = mapping->interpreter && mapping->interpreter_kind == ABI_FRAME_HOTSPOT;

	s->interpreter.begun = 1;
	__builtin_memset(&h->process, 0, sizeof(h->process));
	h->java = 0;
	h->interpreter = 0;
	if (in_file && (!runtime || runtime->kind != ABI_FRAME_HOTSPOT || runtime->interpreter != mapping->interpreter)) {
		file = interpreter_of(mapping->interpreter);
		if (!file)
			return; /* the map is an array: cannot happen */
		runtime = runtime_note(s, ABI_FRAME_HOTSPOT, mapping->interpreter,
				       mapping->start - mapping->file_offset - file->ranges[0].bias);
		s->interpreter.wake = 1;
	}
	if (!runtime || runtime->kind != ABI_FRAME_HOTSPOT)
		return;
	layout = hotspot_layout_of(runtime->interpreter);
	if (!layout)
		return;
	h->interpreter = runtime->interpreter;
	if (runtime->words[0]) {
		__builtin_memcpy(&h->process, runtime->words + 1, sizeof(h->process));
	} else if (hotspot_read_process(h, layout, runtime->load_bias)) {
		__builtin_memcpy(runtime->words + 1, &h->process, sizeof(h->process));
		runtime->words[0] = 1;
	} else {
		stats->hotspot_unready++;
		h->process.high = 0;
		return;
	}
	if (in_file)
		runtime_resume(s);
}

/* Records the frame that h describes; false when there is no room. */
static __always_inline bool hotspot_push(struct scratch *s, struct stats *stats, struct hotspot_walk *h)
{
	u64 address = FORGET(h->frame_address);
	u32 cookie = FORGET(h->frame_cookie), type = FORGET(h->frame_type);

	if (!push_interpreter_frame(s, ABI_FRAME_HOTSPOT, type, address, cookie, FORGET(h->frame_position)))
		return false;
	stats->hotspot_frames++;
	if (type == ABI_HOTSPOT_STUB || FORGET(h->java))
		return true;
	HOTSPOT_SET(h->java, 1);
	HOTSPOT_SET(h->one, 1);
	h->key = address ^ (u64)cookie << 36 ^ (u64)s->sample.pid * 0x9e3779b97f4a7c15ull;
	if (!bpf_map_lookup_elem(&hotspot_known, &h->key)) {
		bpf_map_update_elem(&hotspot_known, &h->key, &h->one, BPF_ANY);
		s->interpreter.wake = 1;
	}
	return true;
}

#endif
