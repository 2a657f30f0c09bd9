/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The working memory of python.bpf.c: of one sample, over all of its tail calls. A value read back from it is any value to
 * the verifier (scratch.h).
 */
#ifndef HOSTFLAME_PYTHON_WALK_H
#define HOSTFLAME_PYTHON_WALK_H

#include "../kernel.h"
#include "python_layout.h"

/* Code objects that one program may meet for the first time: a frame each. */
#define PYTHON_FRESH ABI_FRAMES_PER_PROGRAM
/* Thread states of the interpreters that a thread runs, nested; one may be tried before it is its turn. */
#define PYTHON_TRIED 8

#define PYTHON_FRAME_MASK 127
#define PYTHON_CODE_MASK 255
_Static_assert(ABI_PYTHON_FRAME_BYTES <= PYTHON_FRAME_MASK + 1, "");
_Static_assert(ABI_PYTHON_CODE_BYTES <= PYTHON_CODE_MASK + 1, "");

struct python_fresh {
	u64 address;
	u32 cookie;
	u32 interpreter;
};

struct python_string {
	u64 length;
	u64 data;
	u64 bytes;
	u32 state;
	u32 width;
};

struct python_walk {
	u64 bias;	 /* of the interpreter's file: what is added to its ELF addresses */
	u64 code_type;	 /* where PyCode_Type is in this process */
	u64 interpreter; /* the list walk: PyInterpreterState and PyThreadState to look at next */
	u64 thread;
	u64 spare;		 /* the first that is the thread's own and not active */
	u64 tried[PYTHON_TRIED]; /* thread states whose frames were walked, or did not fit */
	u32 tried_count;
	u32 tried_shown; /* of them, by bit: some of its frames were recorded */
	u32 searching;
	u32 rounds;	/* programs that searched */
	u32 found_none; /* a search has found no further thread state: there is none */
	u64 chain;	/* the first frame of the thread state */
	u64 frame;	/* next one to record, 0 when the chain has ended */
	u64 cframe;	/* 3.11: of the call of the loop that runs it */
	/* The call of the loop that the walk is at: its native frame, the piece of C stack that is its own. */
	u64 native;
	u64 low;
	u64 high;
	u32 outcome; /* of the step to its caller */
	u32 in_run;
	u32 number; /* of the interpreters map */
	u32 fresh_count;
	u64 run_frame;	  /* the first one of the run */
	u32 run_frames;	  /* frames recorded before it */
	u32 skip;	  /* calls of the loop that have no frame yet: 3.8 to 3.10 */
	u32 runs;	  /* calls of the loop whose frames were recorded */
	u32 first_frames; /* frames recorded before the first call of the loop */
	u32 again;	  /* the walk is made once more */
	struct abi_registers first;
	/* Of a loop whose instructions are functions: where its run ends, and how far it was looked for. */
	u64 shim;
	u64 scout;
	u32 scouting;
	u32 at;		 /* python.bpf.c: AT_ */
	u32 keep_native; /* the native frame of the call of the loop is of another function, too */
	/* The frame that was read last. */
	u64 previous;
	u64 code;
	u32 flags;
	u32 cookie;
	u32 position;
	/* Larger than what is copied into them: fields are found by masks, which have no other case to follow. */
	u8 frame_bytes[PYTHON_FRAME_MASK + 1 + 8];
	u8 code_bytes[PYTHON_CODE_MASK + 1 + 8];
	u64 text[8];
	struct python_fresh fresh[PYTHON_FRESH];
	struct python_string string;
	u32 used; /* bytes of record */
	struct {
		struct abi_python_code head;
		/* One piece more, for the verifier's arithmetic. */
		u8 tail[2 * ABI_PYTHON_TEXT_BYTES + 2 * ABI_PYTHON_TABLE_BYTES];
	} record;
};

#endif
