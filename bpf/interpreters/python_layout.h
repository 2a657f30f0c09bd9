/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the walk of CPython's frames has to know of one file of it: src/interpreters/python/layout.ts fills it in. Offsets
 * are bytes within the structure that they are named after.
 */
#ifndef HOSTFLAME_PYTHON_LAYOUT_H
#define HOSTFLAME_PYTHON_LAYOUT_H

#include "../abi.h"

/* How frames hang together. */
enum abi_python_style {
	ABI_PYTHON_OBJECTS = 1, /* 3.8 to 3.10: a PyFrameObject for each call of the loop */
	ABI_PYTHON_CFRAMES =
		2, /* 3.11: a call of the loop runs frames up to its is_entry; its _PyCFrame is on the C stack */
	ABI_PYTHON_SHIMS = 3, /* 3.12 and later: up to a frame without code that is itself on the C stack */
};

struct abi_python_layout {
	__abi_u64 runtime;   /* ELF address of _PyRuntime */
	__abi_u64 code_type; /* ELF address of PyCode_Type */
	__abi_u32 style;     /* enum abi_python_style */
	__abi_u32 minor;     /* of version 3 */
	/* _PyRuntimeState */
	__abi_u32 interpreters_head;
	__abi_u32 current_thread; /* gilstate.tstate_current, 0 for none */
	/* PyInterpreterState */
	__abi_u32 interpreter_next;
	__abi_u32 threads_head;
	/* PyThreadState */
	__abi_u32 thread_next;
	__abi_u32 thread_interpreter;
	__abi_u32 thread_id;
	__abi_u32 thread_frame; /* frame, current_frame; or where there is a _PyCFrame, cframe */
	__abi_u32 has_cframe;
	__abi_u32 cframe_frame;
	__abi_u32 cframe_previous;
	/* PyFrameObject or _PyInterpreterFrame, from frame_start on, of which ABI_PYTHON_FRAME_BYTES are read */
	__abi_u32 frame_start;
	__abi_u32 frame_previous;
	__abi_u32 frame_code;
	__abi_u32 frame_instruction; /* f_lasti, or a pointer to an instruction */
	__abi_u32 frame_owner;	     /* owner, or is_entry */
	__abi_u32 owner_shim;	     /* what owner is at least in a frame without code */
	__abi_u32 lasti_unit;	     /* bytes that f_lasti counts */
	/* PyCodeObject, of which ABI_PYTHON_CODE_BYTES are read */
	__abi_u32 type;	     /* of any object: ob_type */
	__abi_u32 code_size; /* what its size follows from: ob_size; before 3.11 co_code itself */
	__abi_u32 code_flags;
	__abi_u32 code_first_line;
	__abi_u32 code_filename;
	__abi_u32 code_name;
	__abi_u32 code_qualified_name; /* the same as code_name before 3.11 */
	__abi_u32 code_line_table;
	__abi_u32 code_instructions;	/* co_code_adaptive */
	__abi_u32 code_first_traceable; /* _co_firsttraceable, 0 before 3.11 */
	__abi_u32 thread_status;	/* of PyThreadState: _status, 0 before 3.12 */
	/* PyUnicodeObject, PyBytesObject */
	__abi_u32 string_length;
	__abi_u32 string_hash;
	__abi_u32 string_state;
	__abi_u32 string_kind_shift; /* of the three bits of the kind within state */
	__abi_u32 string_ascii_bytes;
	__abi_u32 string_compact_bytes;
	__abi_u32 bytes_size;
	__abi_u32 bytes_data;
	__abi_u32
		has_handlers; /* each instruction is a function that the loop's own calls: 3.14 built with tail calls */
};

/* Up to and with owner of every version. A frame is followed by at least a word of its stack. */
#define ABI_PYTHON_FRAME_BYTES 88
/* Up to and with co_linetable. */
#define ABI_PYTHON_CODE_BYTES 160
/* Longer names, and file names, are cut. */
#define ABI_PYTHON_TEXT_BYTES 512
/* A function of some hundred lines; lines of code that lies further on are not known. */
#define ABI_PYTHON_TABLE_BYTES 4096
/* Of a frame whose function has not begun, and of one of which it is not known where in its code it is. */
#define ABI_PYTHON_NOT_BEGUN 0x7fffffff
#define ABI_PYTHON_NOWHERE 0x7ffffffe

/*
 * A code object met for the first time in its process, with all that its frames' names are made of: read at the tick, so
 * that it is there when the process is gone a moment later. Followed by the name, the file name and the line table.
 */
struct abi_python_code {
	__abi_u8 kind; /* ABI_RECORD_PYTHON_CODE */
	__abi_u8 minor;
	__abi_u8 name_width; /* bytes a character: 1, 2, 4; 0 where it could not be read */
	__abi_u8 file_width;
	__abi_u16 name_bytes;
	__abi_u16 file_bytes;
	__abi_u16 table_bytes;
	__abi_u8 table_state; /* enum abi_python_table */
	__abi_u8 unused;
	__abi_u32 pid;
	__abi_u64 start_time_ns;
	__abi_u64 cgroup_id;
	__abi_u64 address;
	__abi_u32 cookie;
	__abi_u32 first_line;
};

enum abi_python_table {
	ABI_PYTHON_TABLE_WHOLE = 0,
	ABI_PYTHON_TABLE_CUT = 1,
	ABI_PYTHON_TABLE_UNREAD = 2,
};

/* Code objects whose record was sent. */
struct abi_python_code_key {
	__abi_u64 address;
	__abi_u64 start_time_ns;
	__abi_u32 pid;
	__abi_u32 cookie;
};

ABI_ASSERT(sizeof(struct abi_python_layout) <= ABI_LAYOUT_BYTES, "");
ABI_ASSERT(sizeof(struct abi_python_layout) % 8 == 0, "");
ABI_ASSERT(sizeof(struct abi_python_code) == 48, "");
ABI_ASSERT(sizeof(struct abi_python_code_key) == 24, "");

#endif
