/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the instructions at the place of a leaf say of its frame, in code that HotSpot compiled: before a frame is there,
 * and when it is there no more. hotspot/cpu: macroAssembler_x86.cpp (verified_entry), c1_MacroAssembler_x86.cpp
 * (build_frame), x86_64.ad (MachPrologNode, MachEpilogNode), macroAssembler_aarch64.cpp (build_frame, remove_frame).
 */
#ifndef HOSTFLAME_INTERPRETERS_HOTSPOT_CODE_H
#define HOSTFLAME_INTERPRETERS_HOTSPOT_CODE_H

#include "../scratch.h"

/* Where a frame stands. */
enum hotspot_stage {
	HOTSPOT_WHOLE = 0,  /* return address and frame pointer lie at the frame's end */
	HOTSPOT_NONE = 1,   /* sp points to the return address (arm64: lr has it); fp is the caller's */
	HOTSPOT_PUSHED = 2, /* sp points to the caller's fp, and above it lies the return address */
	HOTSPOT_MOVED = 3,  /* sp is where it will be; fp is still the caller's and nothing is stored but the return address */
};

/* A leaf, and what its code says. */
struct hotspot_leaf {
	u64 around[3];	     /* from 8 bytes before its instruction to 16 behind it */
	u32 before_complete; /* it is in front of where its frame stands */
	u32 before_entry;    /* and of where it is entered: only the receiver's class is compared there */
	u32 stage;	     /* enum hotspot_stage */
	int distance;	     /* arch_return_distance() */
	u32 fp_saved;
	u32 unused;
};

/* Stores what the verifier is not to remember (scratch.h): branches that end in such a store are one path behind it. */
#define HOTSPOT_SET(field, value) (*(volatile typeof(field) *)&(field) = (value))

/* How a leaf's frame stands, into leaf->stage. What is certain comes last. */

#if defined(__TARGET_ARCH_arm64)

#define HOTSPOT_RET 0xd65f03c0u
#define HOTSPOT_IS_STP_FP_LR(code) (((code)&0xffc07fff) == 0xa9007bfd) /* stp x29, x30, [sp, #n] */

static __always_inline bool hotspot_returns(u64 code)
{
	return (u32)code == HOTSPOT_RET;
}

static __always_inline void hotspot_stage_of(struct hotspot_leaf *leaf)
{
	u64 code = leaf->around[1];

	HOTSPOT_SET(leaf->stage, HOTSPOT_WHOLE);
	if (FORGET(leaf->before_complete))
		HOTSPOT_SET(leaf->stage, HOTSPOT_NONE);
	if (FORGET(leaf->before_complete) && HOTSPOT_IS_STP_FP_LR((u32)code))
		HOTSPOT_SET(leaf->stage, HOTSPOT_MOVED);
	if (FORGET(leaf->before_entry) || (u32)code == HOTSPOT_RET || code >> 32 == HOTSPOT_RET)
		HOTSPOT_SET(leaf->stage, HOTSPOT_NONE);
}

#else

static __always_inline bool hotspot_returns(u64 code)
{
	return (code & 0xff) == 0xc3;
}

static __always_inline void hotspot_stage_of(struct hotspot_leaf *leaf)
{
	u64 code = leaf->around[1], more = leaf->around[2];
	u32 first = code & 0xff, two = code & 0xffff, three = code & 0xffffff, four = (u32)code;

	HOTSPOT_SET(leaf->stage, HOTSPOT_WHOLE);
	if (FORGET(leaf->before_complete))
		HOTSPOT_SET(leaf->stage, HOTSPOT_NONE);
	/* The barrier at a method's entry, behind the frame: cmp dword [r15 + n], m; jne or je; call */
	if (FORGET(leaf->before_complete) && (three == 0x7f8141 || three == 0xbf8141 || first == 0x75 || first == 0x74))
		HOTSPOT_SET(leaf->stage, HOTSPOT_WHOLE);
	if (FORGET(leaf->before_complete) && (first == 0xe8 || two == 0x850f || two == 0x840f))
		HOTSPOT_SET(leaf->stage, HOTSPOT_WHOLE);
	/* mov [rsp + n], rbp */
	if (FORGET(leaf->before_complete) && (four == 0x246c8948 || four == 0x24ac8948))
		HOTSPOT_SET(leaf->stage, HOTSPOT_MOVED);
	/* sub rsp, behind push rbp or without it; mov rbp, rsp */
	if (FORGET(leaf->before_complete) && (three == 0xec8148 || three == 0xec8348) && leaf->around[0] >> 56 == 0x55)
		HOTSPOT_SET(leaf->stage, HOTSPOT_PUSHED);
	if (FORGET(leaf->before_complete) && (three == 0xec8b48 || three == 0xe58948))
		HOTSPOT_SET(leaf->stage, HOTSPOT_PUSHED);
	if (FORGET(leaf->before_entry))
		HOTSPOT_SET(leaf->stage, HOTSPOT_NONE);
	/* push rbp, and then sub or mov */
	if (two == 0x4855 || two == 0x8b55)
		HOTSPOT_SET(leaf->stage, HOTSPOT_NONE);
	/* pop rbp; and behind it a poll, if there is one: cmp rsp, [r15 + n]; ja */
	if (first == 0x5d)
		HOTSPOT_SET(leaf->stage, HOTSPOT_PUSHED);
	if (three == 0x673b49 || three == 0xa73b49 || (two == 0x870f && ((code >> 48) & 0xff) == 0xc3))
		HOTSPOT_SET(leaf->stage, HOTSPOT_NONE);
	/* Before JDK 16: test eax, [rip + n], or mov r10, [r15 + n]; test eax, [r10] */
	if ((two == 0x0585 && ((code >> 48) & 0xff) == 0xc3) || four == 0xc3028541)
		HOTSPOT_SET(leaf->stage, HOTSPOT_NONE);
	if ((three == 0x578b4d && code >> 32 == 0xc3028541) ||
	    (three == 0x978b4d && code >> 56 == 0x41 && (more & 0xffffff) == 0xc30285))
		HOTSPOT_SET(leaf->stage, HOTSPOT_NONE);
	if (first == 0xc3) /* ret */
		HOTSPOT_SET(leaf->stage, HOTSPOT_NONE);
}

#endif

#endif
