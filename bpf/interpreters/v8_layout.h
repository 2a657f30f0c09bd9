/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the walk of V8's frames is told of a file (src/interpreters/v8/), and what its frames say.
 *
 * A frame's words (abi.h, "Frames"): the type is enum abi_v8_code in bits 0..3 and the key of the interpreters map in bits 4..11.
 * The address, without its tag, is the SharedFunctionInfo for all but MAGLEV and TURBOFAN, which have the Code object. The position
 * of INTERPRETED is the offset of the bytecode, 0 for the first; that of UNKNOWN is 0; the others' is the distance of the
 * instruction (of a call, its return address minus one) from the beginning of the code.
 *
 * The cookie is made of what stays while objects move, in u32:
 *
 *   h = script_id * 0x9e3779b1
 *   h = (h ^ function_literal_id) * 0x85ebca6b
 *   h = (h ^ tid) * 0xc2b2ae35
 *   h = (h ^ code_size) * 0x27d4eb2f
 *   cookie = (h ^ h >> 15) & 0x0fffffff
 *
 * script_id is Script::id, 0 where SharedFunctionInfo::script is no Script; both ids are the frame's function's, in optimised code those
 * of the outermost. tid is the sample's: workers of one process have heaps that are equal to the byte. code_size is
 * Code::instruction_size of MAGLEV and TURBOFAN, else 0.
 */
#ifndef HOSTFLAME_INTERPRETERS_V8_LAYOUT_H
#define HOSTFLAME_INTERPRETERS_V8_LAYOUT_H

#include "../abi.h"

enum abi_v8_code {
	ABI_V8_CODE_INTERPRETED = 0,
	ABI_V8_CODE_BASELINE = 1,
	ABI_V8_CODE_MAGLEV = 2,
	ABI_V8_CODE_TURBOFAN = 3,
	ABI_V8_CODE_UNKNOWN = 4, /* compiled code of a function, and not the code that the function has now */
};
#define ABI_V8_TYPE_INTERPRETER_SHIFT 4

/* Of the file. */
struct abi_v8_code_piece {
	__abi_u64 start; /* offset */
	__abi_u64 size;
};

/* Offsets are bytes from the beginning of an object; 0 where a version has no such field. */
struct abi_v8_layout {
	struct abi_v8_code_piece builtins; /* the embedded builtins, without unwind information */
	struct abi_v8_code_piece
		entries[2]; /* InterpreterEntryTrampoline, the interpreter's loop; and its twin for profiling */
	__abi_u16 function_shared;
	__abi_u16 function_code;
	__abi_u16 function_dispatch;
	__abi_u16 function_feedback_cell;
	__abi_u16 shared_data;
	__abi_u16 shared_script;
	__abi_u16 shared_literal_id;
	__abi_u16 script_id;
	__abi_u16 code_start;	     /* of a pointer */
	__abi_u16 code_instructions; /* of the instructions themselves */
	__abi_u16 code_size;
	__abi_u16 code_flags;
	__abi_u16 bytecode_data;
	__abi_u16 vector_length;
	__abi_u16 vector_slots;
	__abi_u16 type_shared;
	__abi_u16 type_script;
	__abi_u16 type_bytecode;
	__abi_u16 type_code;
	__abi_u16 type_vector;
	__abi_u8 kind_mask;
	__abi_u8 kind_baseline;
	__abi_u8 kind_maglev;
	__abi_u8 kind_turbofan;
	__abi_u8 marker_stub;  /* type of a frame of a stub: bytecode handlers have it */
	__abi_u8 entry_push;   /* bytes from the beginning of the entry trampoline to where it sets its frame up */
	__abi_u8 entry_built;  /* and to where the frame is complete */
	__abi_u8 code_push;    /* bytes from the beginning of optimised code to where it sets its frame up */
	__abi_u8 shared_bytes; /* from an object's beginning to the end of the last field of it that is read */
	__abi_u8 code_bytes;
	__abi_u8 unused[2];
	/* From the isolate's root register to the pointer to the dispatch table. */
	__abi_u32 dispatch_table;
};

ABI_ASSERT(sizeof(struct abi_v8_layout) == 48 + 56, "");
ABI_ASSERT(sizeof(struct abi_v8_layout) <= ABI_LAYOUT_BYTES, "");

#endif
