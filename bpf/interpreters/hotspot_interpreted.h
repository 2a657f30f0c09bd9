/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * A frame of the template interpreter: a standard one, with the method and the bytecode's place below the frame pointer
 * (hotspot/cpu: frame_x86.hpp, frame_aarch64.hpp), which before it stands are in registers.
 */
#ifndef HOSTFLAME_INTERPRETERS_HOTSPOT_INTERPRETED_H
#define HOSTFLAME_INTERPRETERS_HOTSPOT_INTERPRETED_H

#include "hotspot.h"

/* Bytes below the frame pointer: sp of the sender, method. The same on both architectures, and in all versions. */
#define HOTSPOT_SENDER_SP 8
#define HOTSPOT_METHOD 24
/* From there upward to the return address a frame is read in one piece. */
#define HOTSPOT_WINDOW 72
#define HOTSPOT_CONST_METHOD_BYTES 64
/* A method has at most 65535 words of locals (JVMS 4.11), and an adapter some below them. */
#define HOTSPOT_MAX_LOCALS_BYTES (8 * 66000)

/*
 * Of a leaf at a method's entry: the method, and the sender's sp, which lies on the stack; later the bytecode's place is in that
 * register, which does not. hotspot/cpu: templateInterpreterGenerator_x86.cpp (rbx, r13), _aarch64.cpp (x12, and x19, before 17 x13).
 */
#if defined(__TARGET_ARCH_arm64)
#define HOTSPOT_ENTRY_METHOD(registers) ((registers)->leaf[12])
#define HOTSPOT_ENTRY_SENDER(registers) ((registers)->bx)
#define HOTSPOT_BCP(registers) 0 /* x22 is not among what is kept of a leaf */
/* A call leaves the return address in a register, and it is not on top of the stack. */
#define HOTSPOT_LINKS 1
#define HOTSPOT_RETURN_REGISTER(registers) ((registers)->lr)
#else
#define HOTSPOT_LINKS 0
/* The interpreter and its adapters take it from the stack while they push locals. */
#define HOTSPOT_RETURN_REGISTER(registers) ((registers)->leaf[0])
#define HOTSPOT_ENTRY_METHOD(registers) ((registers)->leaf[3])
#define HOTSPOT_ENTRY_SENDER(registers) ((registers)->leaf[13])
#define HOTSPOT_BCP(registers) ((registers)->leaf[13])
#endif

static __always_inline u32 hotspot_mix(u32 h, u32 value)
{
	u32 mixed = (h ^ value) * 0x9e3779b1u;

	return mixed ^ mixed >> 15;
}

/* What a method's cookie is made of; false when something of it could not be read. */
static __always_inline bool hotspot_identify_method(struct hotspot_walk *h, const volatile struct abi_hotspot_layout *l)
{
	u64 pool = HOTSPOT_FIELD(h, u64, l->const_constants);
	u32 name_index = HOTSPOT_FIELD(h, u16, l->const_name_index);

	return !READ_WORD(pool + l->pool_holder, &h->class) && !READ_WORD(h->class + l->klass_name, &h->class_name) &&
	       !READ_WORD(h->class_name + l->symbol_hash, &h->class_hash) &&
	       !READ_WORD(pool + l->pool_bytes + 8 * (u64)name_index, &h->name) &&
	       !READ_WORD(h->name + l->symbol_hash, &h->name_hash);
}

/* hotspot_layout.h says how the cookie is made of two of them. */
static __always_inline u32 hotspot_method_hash(struct hotspot_walk *h, u32 seed)
{
	u32 hash = hotspot_mix(seed, (u32)h->const_method);

	hash = hotspot_mix(hash, (u32)h->name);
	hash = hotspot_mix(hash, (u32)h->class_name);
	return hotspot_mix(hash, h->name_hash | (u32)h->class_hash << 16);
}

/* A leaf whose frame is not there yet: its method is in a register. */
static __always_inline void hotspot_enter(const struct abi_registers *r, struct hotspot_walk *h)
{
	u64 sender = HOTSPOT_ENTRY_SENDER(r), room = sender - r->sp;

	HOTSPOT_SET(h->entering, 0);
	if (r->return_address || !r->leaf_valid || room > HOTSPOT_MAX_LOCALS_BYTES || sender & 7)
		return;
	if (r->fp - r->sp < room)
		return;
	HOTSPOT_SET(h->entering, 1);
	HOTSPOT_SET(h->method, HOTSPOT_ENTRY_METHOD(r));
	HOTSPOT_SET(h->bcp[0], 0);
	HOTSPOT_SET(h->bcp[1], 0);
}

/* The method of a frame that stands; whether there was such a frame. */
static __always_inline bool hotspot_read_interpreted(const struct abi_registers *r, struct hotspot_walk *h,
						     const volatile struct abi_hotspot_layout *l)
{
	u64 fp = r->fp, sender;

	if (fp < r->sp || fp & 7 ||
	    bpf_probe_read_user(h->words, HOTSPOT_WINDOW, (const void *)(unsigned long)(fp - HOTSPOT_WINDOW)))
		return false;
	HOTSPOT_SET(h->method, HOTSPOT_FIELD(h, u64, HOTSPOT_WINDOW - HOTSPOT_METHOD));
	HOTSPOT_SET(h->bcp[0], HOTSPOT_FIELD(h, u64, HOTSPOT_WINDOW - (u64)l->frame_bcp));
	HOTSPOT_SET(h->bcp[1], 0);
	/* A leaf has it in a register, and in its frame only what it was at the last call. */
	if (!r->return_address && r->leaf_valid)
		HOTSPOT_SET(h->bcp[1], HOTSPOT_BCP(r));
	sender = HOTSPOT_FIELD(h, u64, HOTSPOT_WINDOW - HOTSPOT_SENDER_SP);
	HOTSPOT_SET(h->candidates[0].end, fp);
	HOTSPOT_SET(h->candidates[0].sp, sender > fp ? sender : fp + 16);
	HOTSPOT_SET(h->candidates[0].keeps_fp, 0);
	HOTSPOT_SET(h->candidates[0].certain, 1);
	return true;
}

/* Describes the frame of h->method; false where that is no method, or its bytecode lies elsewhere. */
static __always_inline bool hotspot_describe_method(struct hotspot_walk *h, const volatile struct abi_hotspot_layout *l)
{
	u64 method = FORGET(h->method), codes, index;
	u32 code_size;

	if (READ_WORD(method + l->method_const, &h->const_method) ||
	    bpf_probe_read_user(h->words, HOTSPOT_CONST_METHOD_BYTES, (const void *)(unsigned long)h->const_method))
		return false;
	code_size = HOTSPOT_FIELD(h, u16, l->const_code_size);
	codes = h->const_method + l->const_bytes;
	/*
	 * A native method has none: 0, or once it has called the JVM, where they would begin. JDK 8 has the index itself there
	 * while it collects garbage.
	 */
	index = FORGET(h->bcp[0]);
	if (index - codes <= code_size)
		index -= codes;
	if (FORGET(h->bcp[1]) - codes <= code_size)
		index = FORGET(h->bcp[1]) - codes;
	else if (index > code_size)
		return false;
	if (!hotspot_identify_method(h, l))
		return false;
	HOTSPOT_SET(h->frame_type, ABI_HOTSPOT_INTERPRETED);
	HOTSPOT_SET(h->frame_address, method);
	HOTSPOT_SET(h->frame_cookie, hotspot_method_hash(h, 0));
	HOTSPOT_SET(h->frame_position, (u32)(u16)index | hotspot_method_hash(h, 1) << 16);
	return true;
}

/* The caller of a method whose frame is not there yet: the return address is on top of the stack, or in a register. */
static __always_inline void hotspot_plan_entering(const struct abi_registers *r, struct hotspot_walk *h)
{
	u64 sender = HOTSPOT_ENTRY_SENDER(r);
	int fp_saved = 0;

	HOTSPOT_SET(h->leaf.around[1], 0);
	bpf_probe_read_user(&h->leaf.around[1], sizeof(h->leaf.around[1]), (const void *)(unsigned long)r->ip);
	HOTSPOT_SET(h->leaf.distance, arch_return_distance(FORGET(h->leaf.around[1]), 1, &fp_saved));
	if (FORGET(h->leaf.distance) < 0)
		HOTSPOT_SET(h->leaf.distance, 0);
	HOTSPOT_SET(h->register_sp, r->sp + 8);
	if (sender > r->sp)
		HOTSPOT_SET(h->register_sp, sender);
	HOTSPOT_SET(h->candidates[0].end, r->sp - 8 + (u64)FORGET(h->leaf.distance));
	HOTSPOT_SET(h->candidates[0].sp, FORGET(h->register_sp));
	HOTSPOT_SET(h->candidates[0].keeps_fp, 1);
	HOTSPOT_SET(h->candidates[0].certain, 0);
	if (HOTSPOT_LINKS)
		HOTSPOT_SET(h->candidates[0].end, 0);
}

/* Describes an interpreted frame and where its caller may be; false leaves it an address. */
static __always_inline bool hotspot_interpreted(struct scratch *s, struct hotspot_walk *h,
						const volatile struct abi_hotspot_layout *l)
{
	const struct abi_registers *r = &s->registers;

	hotspot_enter(r, h);
	if (!FORGET(h->entering) && !hotspot_read_interpreted(r, h, l))
		return false;
	if (!hotspot_describe_method(h, l))
		return false;
	if (FORGET(h->entering))
		hotspot_plan_entering(r, h);
	return true;
}

#endif
