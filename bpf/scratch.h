/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The working memory of one tick. It lives in a map, not on the BPF stack (512 bytes), and outlives the tail calls of
 * one sample. It is also where loop state is kept: a value read back from a map is any value to the verifier, so that
 * the paths of a search meet again after each round instead of multiplying (binary search with its bounds in
 * registers: over a million instructions on every kernel up to 7.2).
 */
#ifndef HOSTFLAME_SCRATCH_H
#define HOSTFLAME_SCRATCH_H

#include "abi.h"
#include "kernel.h"

/* Bounds of the search for a row (unwind/rows.h). */
struct row_search {
	u32 low;
	u32 high;
};

/* Sizes of include/linux/maple_tree.h on 64 bits: a node is 256 bytes. */
#define MAPLE_NODE_WORDS 32

/* An executable mapping and what is known of its file; valid for one sample. */
struct mapping {
	u64 start;
	u64 end;
	u64 file_offset; /* of start */
	u32 kind;	 /* enum mapping_kind */
	u32 id;		 /* of the executable */
	u32 slot;
	u32 base_page;
	u32 pages;
	u32 interpreter;      /* 1 + key of the interpreters map, 0 for none */
	u32 interpreter_kind; /* whose: enum abi_frame_kind */
	u32 announced;	      /* user space has met the file, whatever it knows of it yet */
};

enum mapping_kind {
	MAPPING_UNKNOWN = 0,   /* a file without rows yet */
	MAPPING_ROWS = 1,      /* a file with rows */
	MAPPING_NO_ROWS = 2,   /* a file that has no unwind information */
	MAPPING_ANONYMOUS = 3, /* no file */
};

/* Most of a stack lies in two or three mappings: the program, libc, one more. */
#define MAPPING_CACHE_ENTRIES 4

/* A walk of the mapping tree. */
struct walk {
	u64 entry;
	u64 limit;	/* last address of the slot that was reached */
	u64 leaf_limit; /* last address of the leaf that was reached, whose words are in node; 0 when none was */
	u64 vma;
	u64 node[MAPLE_NODE_WORDS];
};

/* The way from a cgroup to the root. */
struct path_walk {
	u64 node;
	u32 level;
	u32 bytes; /* of names, so far */
};

/* What an interpreter's program keeps from frame to frame of one sample; its header says what. */
#define INTERPRETER_STATE_WORDS 128

struct interpreter_walk {
	u32 kind;	   /* whose program walks this sample now; ABI_FRAME_NATIVE until one was needed */
	u32 begun;	   /* that program has been entered, and state is its own */
	u32 runtime_asked; /* whose the anonymous memory of this process is has been looked up */
	u32 resume_valid; /* resume holds where the first frame in anonymous memory was met, its owner then not known */
	u32 resume_frames;
	u32 wake;    /* the reader is to come at once: something is to be read while the process lives */
	u64 look_at; /* located in place of the current frame: a runtime's file may lie there; 0 for none */
	u64 state[INTERPRETER_STATE_WORDS];
	struct abi_registers resume;
};

struct scratch {
	struct abi_sample sample;
	u64 frames[ABI_MAX_FRAMES + 1]; /* follow the header in the record */
	struct abi_registers registers;
	struct walk walk;
	struct row_search search;
	struct path_walk path;
	struct interpreter_walk interpreter;
	struct abi_runtime runtime; /* where a new one is put together */
	struct abi_file_key key;
	u64 mm;
	u64 vdso;	  /* where this process has it, 0 for none */
	u64 collect_next; /* first-sight: address to look for mappings from */
	u32 user_frames;
	u32 kernel_frames;
	u32 current; /* index in cache of the mapping of the current frame */
	u32 cache_next;
	u32 collecting;	    /* first-sight: the chain is in the middle of its list */
	u32 mapping_missed; /* the last walk found nothing */
	struct mapping cache[MAPPING_CACHE_ENTRIES];
	/* Of this CPU, kept from sample to sample: */
	u32 sequence;
	u32 copies; /* first-sight copies in copies_second */
	u64 copies_second;
};

/* The stack is copied in pieces of a page: what is not there ends the copy, not the sample. */
#define COPY_BYTES 4096

struct first_sight_buffer {
	struct abi_first_sight head;
	/* The mappings, then the stacks right behind the last of them; one piece more, for the verifier's arithmetic. */
	u8 tail[sizeof(struct abi_mapping) * ABI_MAX_MAPPINGS + ABI_MAX_STACK_COPY + ABI_MAX_OTHER_STACK_COPY +
		COPY_BYTES];
};

/* Reads a field of the scratch as a value the verifier knows nothing of. */
#define FORGET(field) (*(volatile typeof(field) *)&(field))

#endif
