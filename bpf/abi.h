/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What crosses between the kernel and user space: records in the ring, rows and rules of unwind tables, keys and values
 * of maps, limits. The only header that both sides include; TypeScript's offsets are generated from the BTF of what it
 * compiles to (src/native/abi.generated.ts).
 *
 * Rules of change: enums are append-only and carry explicit values; to retire one, drop it and leave a hole. Every
 * struct has its size asserted, and no padding that is not named. Integers are in the byte order of the machine.
 */
#ifndef HOSTFLAME_ABI_H
#define HOSTFLAME_ABI_H

#ifdef __BPF__
typedef unsigned char __abi_u8;
typedef unsigned short __abi_u16;
typedef unsigned int __abi_u32;
typedef unsigned long long __abi_u64;
typedef short __abi_s16;
typedef int __abi_s32;
#else
#include <stdint.h>
typedef uint8_t __abi_u8;
typedef uint16_t __abi_u16;
typedef uint32_t __abi_u32;
/* Not uint64_t, which is a long here and there: one printf format serves both sides. */
typedef unsigned long long __abi_u64;
typedef int16_t __abi_s16;
typedef int32_t __abi_s32;
#endif

/* ---- Limits ------------------------------------------------------------------------------------------------- */

/* The kernel's own default (kernel.perf_event_max_stack); bpf_get_stack gives no more unless that is raised. */
#define ABI_MAX_KERNEL_FRAMES 127
/* Recursion of a few hundred levels is ordinary (parsers, tree walks). */
#define ABI_MAX_USER_FRAMES 576
#define ABI_MAX_FRAMES 703
/*
 * One program of the unwinder walks so many frames before it tail-calls itself: 33 programs fit in a chain (measured
 * on 5.10 to 7.2), 29 of them cover ABI_MAX_USER_FRAMES, and four are left to collect a first sight. More frames a
 * program would mean fewer tail calls, and a verifier that takes longer than the rest of the start.
 */
#define ABI_FRAMES_PER_PROGRAM 20
#define ABI_COMM_BYTES 16
/* What a first-sight record copies of the user stack: a recursion of 400 frames of 160 bytes. */
#define ABI_MAX_STACK_COPY 65536
/* And of another stack that the frame pointer leads to, from there upward: goroutines that call C are not deep. */
#define ABI_MAX_OTHER_STACK_COPY 8192
/*
 * The copy begins below the stack pointer: an epilogue has popped registers whose rules still point at their slots,
 * and a leaf keeps values in the red zone (System V psABI, 3.2.2).
 */
#define ABI_RED_ZONE 128
/* A big C++ server maps about a hundred libraries; more than this many executable mappings are counted. */
#define ABI_MAX_MAPPINGS 128
/* Rules are shared by all executables. All of /usr/lib of a Debian with LLVM, node and a JVM uses about a quarter. */
#define ABI_MAX_RULES 16384
/* A run of pushes or pops is one row of at most this many bytes: its rule has 16 bits to say where each one ends. */
#define ABI_RUN_BYTES 16
/* An unwind table is cut in pages of this many bytes of code, so that a row's address fits in 16 bits. */
#define ABI_PAGE_SHIFT 16
/* Executables known at once. A frame has room for 20 bits of executable id; ids are not reused in one run. */
#define ABI_EXECUTABLE_ID_BITS 20
#define ABI_FRAME_ADDRESS_BITS 40
/*
 * Cgroups known at once. A node of 250 pods has about a thousand, one of systemd a hundred more; the rest is room for
 * those that come and go within a window, whose entries are forgotten at its end.
 */
#define ABI_MAX_CGROUPS 8192
/*
 * Levels of a cgroup's path that are copied, from the root down: a container of a node that is itself a container under
 * systemd lies on level 7, and what it makes in itself is its own choice.
 */
#define ABI_CGROUP_LEVELS 16
/* NAME_MAX and its NUL. */
#define ABI_CGROUP_NAME_BYTES 256
/* Files of interpreters known at once: each version of each, of each image that is on the node. */
#define ABI_MAX_INTERPRETERS 128
/* Pieces of an interpreter's file that its program tells apart: its loop, the parts that a linker moved away from it. */
#define ABI_CODE_RANGES 8
/* Room for offsets of the runtime's structures, as its own header bpf/interpreters/<kind>.h has them. */
#define ABI_LAYOUT_BYTES 512
/* Processes at once whose runtime compiles code while it runs. */
#define ABI_MAX_RUNTIMES 2048
/* What a language may keep of each of those. */
#define ABI_RUNTIME_WORDS 24

/* ---- Frames ------------------------------------------------------------------------------------------------- */

/*
 * A frame is one u64:
 *
 *   63..60 kind   59..40 executable id   39..0 file offset of the instruction   (ABI_FRAME_NATIVE)
 *   63..60 kind   59..0  virtual address                                        (ABI_FRAME_ANONYMOUS)
 *   63..60 kind   59..48 what it is to the kind   47..0 address of what runs     (an interpreter's)
 *   the address itself, whose upper bits are all ones                           (ABI_FRAME_KERNEL)
 *
 * Of an instruction that called, the frame holds its return address minus one, so that it lies inside the call and
 * inside the caller; a leaf, and what a signal interrupted, is exact. Kernel frames are as bpf_get_stack gives them:
 * the first exact, the others return addresses.
 *
 * An interpreter's frame is followed by a second word of it, which counts as a frame wherever frames are counted:
 *
 *   63..60 ABI_FRAME_DETAIL   59..32 cookie   31..0 where in what runs
 *
 * What runs (a code object, a method) lies in memory that is used again for another: the cookie is 28 bits that tell the two
 * apart, made of what the runtime does not change while it lives.
 *
 * Frames other than native and kernel ones mean something in their own process only: a sample that has one says so
 * (ABI_SAMPLE_PROCESS_BOUND), and stacks of two processes are two, though their words be the same.
 *
 * File offsets, not ELF addresses, because a mapping gives them without the file's program headers being known: a
 * frame of a file that nobody has opened yet is already in its final form. ELF address = file offset + (p_vaddr −
 * p_offset) of the segment, one addition in user space.
 */
enum abi_frame_kind {
	ABI_FRAME_NATIVE = 0,
	ABI_FRAME_ANONYMOUS = 1, /* executable memory without a file, or as good as without one: JIT code */
	/* 2..13: interpreters. Each has its program bpf/interpreters/<kind>.bpf.c, in this slot of the tail-call map. */
	ABI_FRAME_PYTHON = 2,  /* CPython */
	ABI_FRAME_V8 = 3,      /* JavaScript: Node.js */
	ABI_FRAME_HOTSPOT = 4, /* the JVM of OpenJDK */
	ABI_FRAME_DETAIL = 14, /* the second word of the frame before it */
	ABI_FRAME_KERNEL = 15,
};

/* ---- Records in the ring ------------------------------------------------------------------------------------ */

enum abi_record_kind {
	ABI_RECORD_SAMPLE = 1,
	ABI_RECORD_FIRST_SIGHT = 2,
	ABI_RECORD_CGROUP = 3,
	ABI_RECORD_PYTHON_CODE = 4, /* bpf/interpreters/python_layout.h */
};

/* Why a stack ended. Every sample has exactly one. */
enum abi_outcome {
	ABI_OUTCOME_COMPLETE = 0,	    /* reached the root: undefined return address, or a kernel thread's end */
	ABI_OUTCOME_UNKNOWN_EXECUTABLE = 1, /* a file without rows yet; a first-sight record precedes if flagged */
	ABI_OUTCOME_TOO_DEEP = 2,	    /* ABI_MAX_USER_FRAMES reached */
	ABI_OUTCOME_NO_MAPPING = 3,	    /* the address is in no mapping of the process */
	ABI_OUTCOME_NOT_EXECUTABLE = 4,	    /* the address is in a mapping without execute permission */
	ABI_OUTCOME_UNSUPPORTED_RULE = 5,   /* CFI that the rows cannot express */
	ABI_OUTCOME_STACK_UNREADABLE = 6,   /* a word of the user stack could not be read */
	ABI_OUTCOME_STACK_NOT_GROWING = 7,  /* the next frame would not lie further up the stack */
	ABI_OUTCOME_NO_FRAME_POINTER = 8,   /* no rows for the address, and the frame pointer leads nowhere */
	ABI_OUTCOME_TABLE_CORRUPT = 9,	    /* a page index or rule number out of range */
	ABI_OUTCOME_TAIL_CALL_FAILED = 10,  /* the next program of the chain could not be entered */
	ABI_OUTCOME_NO_USER_REGISTERS = 11, /* the task's user registers could not be read */
	/* Set in user space only, when a first-sight sample could not be finished: */
	ABI_OUTCOME_COPY_REFUSED = 12, /* first sight, but no copy of the stack: rate limit or full ring */
	ABI_OUTCOME_COPY_TOO_SHORT =
		13, /* first sight: the stack, or the list of mappings, goes on beyond what was copied */
	ABI_OUTCOME_FILE_UNAVAILABLE = 14, /* first sight: the file could not be opened before the window ended */
	ABI_OUTCOME_PENDING_DROPPED = 15,  /* first sight: too many bytes of copies were waiting */
	ABI_OUTCOME_NO_ROOM = 16,	   /* first sight: the file's rows were evicted a moment ago */
	ABI_OUTCOME_COUNT = 17,
};

enum abi_sample_flag {
	ABI_SAMPLE_FIRST_SIGHT = 1, /* a first-sight record with the same cpu and sequence precedes */
	ABI_SAMPLE_KERNEL_MODE = 2, /* the tick hit the kernel */
	ABI_SAMPLE_KERNEL_STACK_TRUNCATED = 4,
	ABI_SAMPLE_PROCESS_BOUND = 8, /* at least one frame is neither native nor the kernel's */
};

/* Followed by (kernel_frames + user_frames) u64 frames, leaf first: kernel frames, then user frames. */
struct abi_sample {
	__abi_u8 kind;	  /* ABI_RECORD_SAMPLE */
	__abi_u8 outcome; /* enum abi_outcome */
	__abi_u8 flags;	  /* enum abi_sample_flag */
	__abi_u8 weight;  /* ticks that it stands for: the divisor of its cgroup */
	__abi_u16 kernel_frames;
	__abi_u16 user_frames;
	__abi_u32 pid; /* thread group id, in the initial pid namespace */
	__abi_u32 tid;
	__abi_u64 time_ns;	 /* CLOCK_MONOTONIC */
	__abi_u64 start_time_ns; /* of the thread group leader, CLOCK_BOOTTIME; with pid, the process key */
	__abi_u64 cgroup_id;	 /* in the hierarchy of enum abi_hierarchy */
	__abi_u32 cpu;
	__abi_u32 sequence;	   /* of this cpu's samples, wraps */
	char comm[ABI_COMM_BYTES]; /* NUL-terminated */
};

/*
 * A file as the kernel knows it. Inode numbers are reused, so generation, size and change time belong to it: a
 * replaced or rewritten file is another file. ctime cannot be set back by whoever owns the file; mtime can.
 * The vDSO, which has no file, is {0, 0, 0, 0, ABI_GENERATION_VDSO}; in a first sight anonymous memory is all zero.
 */
struct abi_file_key {
	__abi_u64 inode;
	__abi_u64 size;
	__abi_u64 ctime_ns; /* seconds * 1e9 + nanoseconds since the epoch */
	__abi_u32 device;   /* kernel's s_dev: major << 20 | minor */
	__abi_u32 generation;
};
#define ABI_GENERATION_VDSO 1

/* One executable mapping of a process. */
struct abi_mapping {
	__abi_u64 start;
	__abi_u64 end;
	__abi_u64 file_offset; /* of start, bytes */
	struct abi_file_key key;
};

/* Registers that an unwind step reads and writes, then the leaf's others, for CFAs based on one of them. */
struct abi_registers {
	__abi_u64 ip;
	__abi_u64 sp;
	__abi_u64 fp;	      /* rbp, x29 */
	__abi_u64 bx;	      /* rbx: what glibc's lazy binder keeps its frame in. arm64: unused */
	__abi_u64 lr;	      /* x30. x86-64: unused */
	__abi_u64 leaf[17];   /* x86-64: by DWARF number, 0..16 (System V psABI, figure 3.36). Only in the leaf frame */
	__abi_u32 leaf_valid; /* 1 until a signal frame was passed: what it interrupted had other values in them */
	__abi_u32 return_address; /* 1 when ip is a return address: look up ip - 1 */
};

/*
 * Precedes the sample (same cpu and sequence) whose unwinding stopped at a file without rows, with all that is needed
 * to finish it elsewhere. Followed by mapping_count struct abi_mapping, by stack_bytes of the user stack from stack_start upward,
 * and by other_stack_bytes of the stack that registers.fp leads to where that is another: C that Go called runs on the
 * thread's own stack, and what called it has its frames on the goroutine's.
 */
struct abi_first_sight {
	__abi_u8 kind; /* ABI_RECORD_FIRST_SIGHT */
	__abi_u8 mappings_truncated;
	__abi_u16 mapping_count; /* [0] is that of the file that was met; all of them, in address order, follow */
	__abi_u32 stack_bytes;
	__abi_u32 cpu;
	__abi_u32 sequence;
	__abi_u32 pid;
	__abi_u32 stack_truncated; /* 1 when the stack's mapping goes on beyond the copy */
	__abi_u32 other_stack_bytes;
	__abi_u32 unused;
	__abi_u64 stack_start; /* virtual address of the first copied byte, up to ABI_RED_ZONE below registers.sp */
	__abi_u64 other_stack_start; /* the same of the other stack */
	struct abi_registers registers;
};

/* ---- Cgroups ------------------------------------------------------------------------------------------------ */

/* Which cgroup of a task is meant: that of cgroup v2, or that of a controller's own hierarchy (v1). */
enum abi_hierarchy {
	ABI_HIERARCHY_V2 = 0,
	ABI_HIERARCHY_CPUACCT = 1,
	ABI_HIERARCHY_CPU = 2,
	ABI_HIERARCHY_MEMORY = 3,
	ABI_HIERARCHY_PIDS = 4,
};

/*
 * The first tick of a cgroup: what it is called, while it is there. Followed by names_bytes: the names of its directories
 * from the deepest that is told up to the one below the root, each with its NUL; none for the root itself. A name may
 * be anything but "." and "..", without slash, NUL or newline: what lies in a container the container may have named.
 */
struct abi_cgroup_sight {
	__abi_u8 kind;	    /* ABI_RECORD_CGROUP */
	__abi_u8 truncated; /* 1: it lies deeper than ABI_CGROUP_LEVELS, and the levels below are left out */
	__abi_u16 names_bytes;
	__abi_u32 level; /* of the cgroup; 0 is the root */
	__abi_u64 id;	 /* of its kernfs node: 64 bits, and never given to another */
};

enum abi_cgroup_flag {
	ABI_CGROUP_ANNOUNCED = 1, /* its record is in the ring, or was */
};

/* What the cgroups map holds for a cgroup id. User space sets the divisor; the rest is counted in the kernel. */
struct abi_cgroup {
	__abi_u32 divisor; /* one tick in so many is sampled, at most 255; 0 refuses all */
	__abi_u32 flags;   /* enum abi_cgroup_flag */
	__abi_u64 ticks;   /* that hit it, sampled or not */
	__abi_u64 refused; /* of those, refused by a divisor of 0 */
};

/* ---- Interpreters ------------------------------------------------------------------------------------------- */

/*
 * A piece of an interpreter's file by file offset. bias is p_vaddr - p_offset of its segment: what an address of the
 * file's own (of a symbol, say) is in a process is that address + (mapping's start - its file offset) - bias.
 */
struct abi_code_range {
	__abi_u64 start;
	__abi_u64 end;
	__abi_u64 bias;
	__abi_u32 role; /* what it is to the interpreter: its header says */
	__abi_u32 unused;
};

/* What is known of one file of an interpreter: found once, in user space, for all processes that map it. */
struct abi_interpreter {
	__abi_u32 kind; /* enum abi_frame_kind */
	__abi_u32 range_count;
	struct abi_code_range ranges[ABI_CODE_RANGES];
	__abi_u8 layout[ABI_LAYOUT_BYTES]; /* struct abi_<kind>_layout */
};

/*
 * A process whose runtime compiles code while it runs: whose the anonymous executable memory is. Written by the
 * interpreter's program when it first meets the runtime's own code in the process. Where stacks of compiled code end before
 * they come to it, user space looks for the runtime's file, and writes where it found one: kind is ABI_FRAME_NATIVE then,
 * and words[0] an address in the file's code.
 */
struct abi_runtime {
	__abi_u64 start_time_ns; /* with the pid, the process key */
	__abi_u64 load_bias;	 /* added to an address of the runtime's file */
	__abi_u32 kind;		 /* enum abi_frame_kind */
	__abi_u32 interpreter;	 /* as abi_executable has it */
	__abi_u32 exec_id; /* of the process's exec: a child that has not yet called it runs its parent's runtime */
	__abi_u32 unused;
	__abi_u64 words[ABI_RUNTIME_WORDS];
};

/* Slots of the tail-call map. 0 to 13 are unwind_<kind> of enum abi_frame_kind. */
enum abi_program {
	ABI_PROGRAM_UNWIND_NATIVE = ABI_FRAME_NATIVE,
	ABI_PROGRAM_UNWIND_PYTHON = ABI_FRAME_PYTHON,
	ABI_PROGRAM_UNWIND_V8 = ABI_FRAME_V8,
	ABI_PROGRAM_UNWIND_HOTSPOT = ABI_FRAME_HOTSPOT,
	ABI_PROGRAM_FIRST_SIGHT = 16,
	ABI_PROGRAM_COUNT = 17,
};

/* ---- Unwind tables ------------------------------------------------------------------------------------------ */

/*
 * The rows of one executable are one BPF array of u64 elements, mapped into user space and of exactly the size needed:
 *
 *   elements [0, pages)        the page index: struct abi_page, one for each 64 KiB of file offset from base_page
 *   elements [pages, …)        rows, two to an element, of one page after the other; a page begins on an element
 *
 * Within a page rows are sorted by low; the first has low 0, whatever rule is in force there. A page with an odd
 * number of rows repeats its last row. A page without code has elements = 0.
 */
struct abi_page {
	__abi_u32 first;    /* element where its rows begin */
	__abi_u32 elements; /* how many */
};

/* From (page << 16 | low) of file offset on, up to the next row, this rule holds. */
struct abi_row {
	__abi_u16 low;
	__abi_u16 rule; /* index of rules; the first few have fixed meanings: enum abi_fixed_rule */
};

struct abi_row_pair {
	struct abi_row row[2];
};

enum abi_fixed_rule {
	ABI_RULE_NONE = 0,	    /* no unwind information here: follow the frame pointer */
	ABI_RULE_END = 1,	    /* the return address is undefined: this is the root */
	ABI_RULE_UNSUPPORTED = 2,   /* there is CFI, but no rule can say it */
	ABI_RULE_SIGNAL = 3,	    /* the kernel's signal frame: all registers from the saved context */
	ABI_RULE_FRAME_POINTER = 4, /* a standard frame: CFA = fp + 16, return address and fp at CFA - 8, CFA - 16 */
	ABI_RULE_FIRST_FREE = 5,
};

enum abi_cfa_kind {
	ABI_CFA_SP = 0,	      /* sp + cfa_offset, and in a run (struct abi_rule) 8 more or less for each push or pop */
	ABI_CFA_FP = 1,	      /* fp + cfa_offset */
	ABI_CFA_BX = 2,	      /* bx + cfa_offset */
	ABI_CFA_LEAF = 3,     /* leaf[cfa_register] + cfa_offset; where step.h, step_leaf_register, allows it */
	ABI_CFA_DEREF_SP = 4, /* *(sp + cfa_offset) + cfa_addend */
	ABI_CFA_DEREF_FP = 5, /* *(fp + cfa_offset) + cfa_addend */
	ABI_CFA_PLT = 6,      /* sp + cfa_offset + ((ip & 15) >= cfa_addend ? 8 : 0): what linkers emit for .plt */
	ABI_CFA_INDEXED = 7,  /* *(sp + cfa_offset + 8 * leaf[cfa_register]) + cfa_addend: libcrypto's bn_mul_mont */
	ABI_CFA_FP_SWITCH =
		8, /* fp + cfa_offset, on whatever stack: the callee runs on another one (Go's systemstack) */
};

/* Where the caller's value of a register is. */
enum abi_save_kind {
	ABI_SAVE_SAME = 0,    /* unchanged */
	ABI_SAVE_CFA = 1,     /* *(CFA + offset) */
	ABI_SAVE_FP = 2,      /* *(fp + offset), with this frame's fp */
	ABI_SAVE_SP = 3,      /* *(sp + offset), with this frame's sp */
	ABI_SAVE_UNKNOWN = 4, /* lost: later rules that need it end the stack */
	ABI_SAVE_PUSHED = 5,  /* *(CFA + offset) where that is at or above sp, else unchanged: in a run */
};

/*
 * Prologues and epilogues push and pop up to seven registers, each in a byte or two, and the CFA moves with each: seven
 * rows, and two thirds of all rows of a large C++ or Rust library. A run of them is one row instead, whose rule has the
 * kind ABI_CFA_SP, 8 or -8 in cfa_register, and in bit n - 1 of cfa_addend whether a push or pop ends n bytes into the
 * row. Its registers are ABI_SAVE_PUSHED: below sp they are not pushed yet, or popped already. Without a run both are 0.
 */
struct abi_rule {
	__abi_u8 cfa_kind;     /* enum abi_cfa_kind */
	__abi_u8 cfa_register; /* DWARF number, for ABI_CFA_LEAF and ABI_CFA_INDEXED; of a run 8 or -8 */
	__abi_u8 fp_kind;      /* enum abi_save_kind, low nibble; ra_kind in the high nibble */
	__abi_u8 bx_kind;      /* enum abi_save_kind */
	__abi_s32 cfa_offset;
	__abi_s16 cfa_addend;
	__abi_s16 fp_offset;
	__abi_s16 ra_offset; /* ra_kind SAME: the return address is in lr (arm64) */
	__abi_s16 bx_offset;
};

/* What the executables map holds for a file key. */
enum abi_executable_state {
	ABI_EXECUTABLE_PENDING = 0, /* known, rows on their way (or evicted): first-sight samples go on */
	ABI_EXECUTABLE_READY = 1,   /* rows in tables[id's slot] */
	ABI_EXECUTABLE_NO_ROWS = 2, /* no unwind information at all: follow the frame pointer */
	/* Memory that has a file for technical reasons (memfd, shared memory), and no executable in it: as if it had none. */
	ABI_EXECUTABLE_ANONYMOUS = 3,
};

struct abi_executable {
	__abi_u32 id;	     /* 20 bits */
	__abi_u32 state;     /* enum abi_executable_state */
	__abi_u32 slot;	     /* of the tables map */
	__abi_u32 base_page; /* file offset >> 16 of the first page */
	__abi_u32 pages;
	__abi_u32 elements;	    /* of the whole table, index included */
	__abi_u64 hits;		    /* mappings looked up; what eviction goes by. Racy, as a count for ranking may be */
	__abi_u32 interpreter;	    /* 1 + key of the interpreters map; 0: none, or one that is not asked for */
	__abi_u32 interpreter_kind; /* enum abi_frame_kind */
};

#ifdef __cplusplus
#define ABI_ASSERT static_assert
#else
#define ABI_ASSERT _Static_assert
#endif
ABI_ASSERT(sizeof(struct abi_sample) == 64, "a header of one cache line");
ABI_ASSERT(sizeof(struct abi_cgroup_sight) == 16, "");
ABI_ASSERT(sizeof(struct abi_cgroup) == 24, "");
ABI_ASSERT(sizeof(struct abi_file_key) == 32, "");
ABI_ASSERT(sizeof(struct abi_mapping) == 56, "");
ABI_ASSERT(sizeof(struct abi_registers) == 184, "");
ABI_ASSERT(sizeof(struct abi_first_sight) == 48 + 184, "");
ABI_ASSERT(sizeof(struct abi_row_pair) == 8, "what a BPF array rounds a value up to anyway");
ABI_ASSERT(sizeof(struct abi_page) == 8, "shares the array with the rows");
ABI_ASSERT(sizeof(struct abi_rule) == 16, "");
ABI_ASSERT(sizeof(struct abi_executable) == 40, "");
ABI_ASSERT(sizeof(struct abi_code_range) == 32, "");
ABI_ASSERT(sizeof(struct abi_interpreter) == 8 + 32 * ABI_CODE_RANGES + ABI_LAYOUT_BYTES, "");
ABI_ASSERT(sizeof(struct abi_runtime) == 32 + 8 * ABI_RUNTIME_WORDS, "");
ABI_ASSERT(ABI_MAX_FRAMES == ABI_MAX_KERNEL_FRAMES + ABI_MAX_USER_FRAMES, "");

#endif
