/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What a Python frame runs: which code object it is, told apart from others that had its memory before; and what its
 * names are made of, handed to user space the first time. CPython's Include/cpython/code.h, unicodeobject.h.
 */
#ifndef HOSTFLAME_PYTHON_CODE_H
#define HOSTFLAME_PYTHON_CODE_H

#include "runtime.h"
#include "python_walk.h"

#define READ_BYTES(address, destination, bytes)                                                                        \
	bpf_probe_read_user(destination, bytes, (const void *)(unsigned long)(address))

/* A field of a structure that was copied; user space has checked the offset. */
#define FRAME_FIELD(w, type, offset) (*(const type *)((w)->frame_bytes + ((offset) & PYTHON_FRAME_MASK)))
#define CODE_FIELD(w, type, offset) (*(const type *)((w)->code_bytes + ((offset) & PYTHON_CODE_MASK)))

/* Copies the fixed part of the code object; false where there is none, or something else. */
static __always_inline bool python_read_code(struct python_walk *w, const struct abi_python_layout *layout, u64 code)
{
	if (!code || READ_BYTES(code, w->code_bytes, ABI_PYTHON_CODE_BYTES))
		return false;
	return CODE_FIELD(w, u64, layout->type) == w->code_type;
}

static __always_inline u64 mix(u64 hash, u64 value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
	return hash ^ (hash >> 29);
}

/*
 * Code objects that take each other's memory are often of one size and kind, down to the addresses of their strings. So the
 * name itself counts: by its hash where it has one, which interned strings do, else by its last bytes.
 */
static __always_inline u64 python_hash_name(struct python_walk *w, const struct abi_python_layout *layout, u64 name,
					    u64 hash)
{
	u64 length = 0, own = 0;
	u32 bytes;

	READ_WORD(name + layout->string_length, &length);
	READ_WORD(name + layout->string_hash, &own);
	hash = mix(hash, length);
	if (own != ~0ull)
		return mix(hash, own);
	__builtin_memset(w->text, 0, sizeof(w->text));
	bytes = length < sizeof(w->text) ? length : sizeof(w->text);
	name += layout->string_ascii_bytes + length - bytes;
	if (!READ_BYTES(name, w->text, bytes & 127))
		for (u32 i = 0; i < 8; i++)
			hash = mix(hash, w->text[i]);
	return hash;
}

/* Of the code object in w->code_bytes. */
static __always_inline u32 python_cookie(struct python_walk *w, const struct abi_python_layout *layout)
{
	u64 hash = CODE_FIELD(w, u32, layout->code_first_line);

	hash = mix(hash, CODE_FIELD(w, u32, layout->code_flags));
	hash = mix(hash, CODE_FIELD(w, u64, layout->code_size));
	hash = mix(hash, CODE_FIELD(w, u64, layout->code_line_table));
	hash = python_hash_name(w, layout, CODE_FIELD(w, u64, layout->code_qualified_name), hash);
	return (hash >> 20) & 0xfffffff;
}

/* Where the characters of a string are, and how many bytes: w->string. */
static __always_inline void python_find_string(struct python_walk *w, const struct abi_python_layout *layout, u64 object)
{
	struct python_string *string = &w->string;
	u32 state = 0, width;
	u64 length = 0;

	string->width = 0;
	string->bytes = 0;
	if (!object || READ_WORD(object + layout->string_length, &length) ||
	    READ_WORD(object + layout->string_state, &state))
		return;
	/* kind:3, compact:1, ascii:1 */
	state >>= layout->string_kind_shift & 31;
	width = state & 7;
	if (!(state & 8) || (width != 1 && width != 2 && width != 4) || length > 0xffffff)
		return; /* a string of the old form, which names do not have, or no string */
	string->data = object + ((state & 16) ? layout->string_ascii_bytes : layout->string_compact_bytes);
	string->bytes = length * width;
	string->width = width;
}

/* Appends so many bytes of the process to the record: how many there are then. */
static __always_inline u32 python_append(struct python_walk *w, u64 address, u64 bytes, u32 limit)
{
	u32 used = FORGET(w->used), size = bytes < limit ? bytes : limit;

	if (used > 2 * ABI_PYTHON_TEXT_BYTES + ABI_PYTHON_TABLE_BYTES || size > ABI_PYTHON_TABLE_BYTES)
		return 0;
	if (!size || READ_BYTES(address, w->record.tail + used, size))
		return 0;
	w->used = used + size;
	return size;
}

/* Hands one code object over; false when it has to be tried again. */
static __always_inline bool python_hand_over(struct scratch *s, struct stats *stats, struct python_walk *w,
					     const struct abi_python_layout *layout, u64 address, u32 cookie)
{
	struct abi_python_code_key key = { .address = address,
					   .start_time_ns = s->sample.start_time_ns,
					   .pid = s->sample.pid,
					   .cookie = cookie };
	struct abi_python_code *head = &w->record.head;
	u64 table, size = 0;
	u32 sent = 1, bytes;

	if (bpf_map_lookup_elem(&python_codes, &key) || !python_read_code(w, layout, address))
		return true;
	w->used = 0;
	head->kind = ABI_RECORD_PYTHON_CODE;
	head->minor = layout->minor;
	head->unused = 0;
	head->pid = key.pid;
	head->start_time_ns = key.start_time_ns;
	head->cgroup_id = s->sample.cgroup_id;
	head->address = address;
	head->cookie = cookie;
	head->first_line = CODE_FIELD(w, u32, layout->code_first_line);
	python_find_string(w, layout, CODE_FIELD(w, u64, layout->code_qualified_name));
	head->name_bytes = python_append(w, w->string.data, w->string.bytes, ABI_PYTHON_TEXT_BYTES);
	head->name_width = head->name_bytes ? w->string.width : 0;
	python_find_string(w, layout, CODE_FIELD(w, u64, layout->code_filename));
	head->file_bytes = python_append(w, w->string.data, w->string.bytes, ABI_PYTHON_TEXT_BYTES);
	head->file_width = head->file_bytes ? w->string.width : 0;
	table = CODE_FIELD(w, u64, layout->code_line_table);
	head->table_bytes = 0;
	head->table_state = ABI_PYTHON_TABLE_UNREAD;
	if (table && !READ_WORD(table + layout->bytes_size, &size)) {
		head->table_bytes = python_append(w, table + layout->bytes_data, size, ABI_PYTHON_TABLE_BYTES);
		if (head->table_bytes || !size)
			head->table_state = head->table_bytes == size ? ABI_PYTHON_TABLE_WHOLE : ABI_PYTHON_TABLE_CUT;
	}
	bytes = FORGET(w->used);
	if (bytes > 2 * ABI_PYTHON_TEXT_BYTES + ABI_PYTHON_TABLE_BYTES)
		return true; /* cannot be */
	if (bpf_ringbuf_output(&ring, &w->record, sizeof(*head) + bytes, wakeup_flag(s))) {
		stats->python_codes_lost++;
		return false;
	}
	stats->python_codes++;
	/* What could not be read now, a page that is not there, is tried again the next time. */
	if (head->name_width && head->file_width && head->table_state != ABI_PYTHON_TABLE_UNREAD)
		bpf_map_update_elem(&python_codes, &key, &sent, BPF_ANY);
	return true;
}

#endif
