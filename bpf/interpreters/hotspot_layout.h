/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Where a libjvm.so has what hotspot.bpf.c reads: offsets in bytes from the start of a structure, as the file itself says
 * them for debuggers (hotspot/share/runtime/vmStructs.cpp); src/interpreters/hotspot/layout.ts fills it in.
 *
 * The words of a frame (abi.h, "Frames"), by type:
 *
 *   type                          address     position                       cookie
 *   ABI_HOTSPOT_INTERPRETED       Method *    bytecode index, 16 bits        of the method: below
 *   ABI_HOTSPOT_COMPILED          nmethod *   instruction - code's start     _compile_id, its low 28 bits
 *   ABI_HOTSPOT_STUB              CodeBlob *  0                              mix(mix(0, _size), code's start)
 *
 * Of a caller the instruction is its return address minus one, as everywhere.
 *
 * Methods of generated classes come to lie where others lay ten thousand times a minute, and all are compared: 28 bits are too few
 * for these. A method's cookie has 44, of two hashes: the low 28 bits of that of seed 0 as those of every frame, and the low 16 of
 * that of seed 1 above the bytecode's index, which a class file has 16 bits for (JVMS 4.7.3). In 32 bits without sign, each address
 * cut to its low 32:
 *
 *   mix(h, v) = let x = (h ^ v) * 0x9e3779b1 in x ^ (x >> 15)
 *   h = mix(seed, ConstMethod *)
 *   h = mix(h, Symbol * of the method's name)
 *   h = mix(h, Symbol * of the class's name)
 *   h = mix(h, hash of the method's name | hash of the class's name << 16)
 *
 * where the hash of a Symbol are the two bytes at symbol_hash: a random number that it was given when it was made. A Symbol,
 * a Method and its class that come to lie where others lay differ by those.
 */
#ifndef HOSTFLAME_HOTSPOT_LAYOUT_H
#define HOSTFLAME_HOTSPOT_LAYOUT_H

#include "../abi.h"

/* hotspot.bpf.c keeps a CodeBlob or nmethod as far as this; the last word that is needed of one lies below. */
#define ABI_HOTSPOT_BLOB_BYTES 384

enum abi_hotspot_frame {
	ABI_HOTSPOT_INTERPRETED = 0,
	ABI_HOTSPOT_COMPILED = 1,
	ABI_HOTSPOT_STUB = 2,
};

/* How versions differ in more than offsets. */
enum abi_hotspot_form {
	ABI_HOTSPOT_ONE_HEAP = 1,      /* heaps is a CodeHeap *, not a GrowableArray<CodeHeap *> *: 8 */
	ABI_HOTSPOT_BEGIN_POINTER = 2, /* blob_code_begin is an address, not a distance from the blob: 9 to 22 */
	ABI_HOTSPOT_NARROW = 4,	       /* header size and frame-complete offset have 16 bits: 23 on */
	ABI_HOTSPOT_DEOPT_POINTER = 8, /* nmethod_deopt* are addresses, not distances from the nmethod: 9 to 22 */
	ABI_HOTSPOT_ENTRY_POINTER =
		16, /* nmethod_entry is an address, not 16 bits of distance from the code: up to 22 */
};

struct abi_hotspot_layout {
	/* ELF addresses of static fields. */
	__abi_u64 heaps;	    /* CodeCache::_heaps, or _heap */
	__abi_u64 interpreter;	    /* AbstractInterpreter::_code, a StubQueue * */
	__abi_u64 call_stub_return; /* StubRoutines::_call_stub_return_address */
	__abi_u32 form;		    /* enum abi_hotspot_form */
	/* GrowableArray */
	__abi_u16 array_length;
	__abi_u16 array_data;
	/* CodeHeap: reserved memory, and that of the segment map */
	__abi_u16 heap_low;
	__abi_u16 heap_high;
	__abi_u16 heap_segments;
	__abi_u16 heap_log2_segment;
	__abi_u16 block_bytes; /* HeapBlock: a CodeBlob begins behind it */
	/* StubQueue */
	__abi_u16 queue_buffer;
	__abi_u16 queue_limit;
	/* CodeBlob */
	__abi_u16 blob_bytes;
	__abi_u16 blob_size;
	__abi_u16 blob_header_size;
	__abi_u16 blob_code_begin;
	__abi_u16 blob_frame_complete;
	__abi_u16 blob_frame_size; /* words */
	/* nmethod */
	__abi_u16 nmethod_bytes;
	__abi_u16 nmethod_compile_id;
	__abi_u16 nmethod_entry;       /* verified */
	__abi_u16 nmethod_original_pc; /* where in a frame the address is kept that a deoptimisation replaced */
	__abi_u16 nmethod_deopt;
	__abi_u16 nmethod_deopt_handle; /* of calls of a method handle */
	/* Interpreted frames, bytes below the frame pointer */
	__abi_u16 frame_bcp;
	/* Method, ConstMethod, ConstantPool, Klass, Symbol */
	__abi_u16 method_const;
	__abi_u16 const_bytes; /* the bytecodes lie behind it */
	__abi_u16 const_constants;
	__abi_u16 const_code_size;
	__abi_u16 const_name_index;
	__abi_u16 pool_bytes; /* the entries lie behind it */
	__abi_u16 pool_holder;
	__abi_u16 klass_name;
	__abi_u16 symbol_hash;
	__abi_u16 unused;
};
ABI_ASSERT(sizeof(struct abi_hotspot_layout) <= ABI_LAYOUT_BYTES, "");

#endif
