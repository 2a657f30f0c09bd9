// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * A sample has met a file whose rows are not there yet. Rather than cut its stack, send what is needed to finish it
 * in user space: the registers, the executable mappings of the process, a copy of the stack. The process may be gone
 * a moment later, so nothing is left to be read from /proc but the files themselves.
 */
#include "../executable.h"
#include "../submit.h"
#include "function.h"

/*
 * Leaves of a maple tree, or mappings of a red-black tree, visited by one program; then it tail-calls itself. A chain
 * covers a process of some two thousand mappings with the one, of five hundred with the other.
 */
#define LEAVES_PER_PROGRAM 6
#define MAPPINGS_PER_PROGRAM 24

static __always_inline struct first_sight_buffer *buffer_of_this_cpu(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&first_sight_buffers, &cpu);
}

/* Whether this CPU may send one more copy now. */
static __always_inline bool copy_allowed(struct scratch *s, struct stats *stats)
{
	u64 second = s->sample.time_ns / NANOSECONDS_PER_SECOND;

	if (second != s->copies_second) {
		s->copies_second = second;
		s->copies = 0;
	}
	if (s->copies >= first_sights_per_second) {
		stats->first_sights_refused_rate++;
		return false;
	}
	/* Samples come first: copies leave them an eighth of the ring, some thousand samples. */
	if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) + sizeof(struct first_sight_buffer) >
	    ring_bytes - ring_bytes / 8) {
		stats->first_sights_refused_ring++;
		return false;
	}
	s->copies++;
	return true;
}

static __always_inline void begin(struct scratch *s, struct first_sight_buffer *buffer)
{
	const struct mapping *current = &s->cache[FORGET(s->current) % MAPPING_CACHE_ENTRIES];
	struct abi_first_sight *head = &buffer->head;
	struct abi_mapping *first = (void *)buffer->tail;

	head->kind = ABI_RECORD_FIRST_SIGHT;
	head->mappings_truncated = 0;
	/* The mapping that it is all about comes first, whatever the limit cuts; s->key is still its file's. */
	head->mapping_count = 1;
	first->start = current->start;
	first->end = current->end;
	first->file_offset = current->file_offset;
	first->key = s->key;
	head->stack_bytes = 0;
	head->stack_truncated = 0;
	head->stack_start = s->registers.sp;
	head->other_stack_bytes = 0;
	head->other_stack_start = 0;
	head->cpu = s->sample.cpu;
	head->sequence = s->sample.sequence;
	head->pid = s->sample.pid;
	head->registers = s->registers;
}

/* Adds one mapping to the list. */
static __always_inline void append(struct scratch *s, struct first_sight_buffer *buffer, u64 vma_address, u64 start,
				   u64 end)
{
	struct vm_area_struct *vma = (void *)vma_address;
	u32 count = FORGET(buffer->head.mapping_count);
	struct abi_mapping *mapping;

	if (count >= ABI_MAX_MAPPINGS) {
		buffer->head.mappings_truncated = 1;
		return;
	}
	mapping = (void *)&buffer->tail[count * sizeof(struct abi_mapping)];
	file_key_of(s, vma_address, start, &s->key); /* all zero for anonymous memory, which is listed too */
	mapping->key = s->key;
	mapping->start = start;
	mapping->end = end;
	mapping->file_offset = s->key.generation == ABI_GENERATION_VDSO && !s->key.inode
				       ? 0
				       : BPF_CORE_READ(vma, vm_pgoff) << PAGE_SHIFT_OF_PGOFF;
	buffer->head.mapping_count = count + 1;
}

/* Adds the VMA if it is executable. */
static __always_inline void consider(struct scratch *s, struct first_sight_buffer *buffer, u64 vma_address)
{
	struct vm_area_struct *vma = (void *)vma_address;

	if (!vma || !(BPF_CORE_READ(vma, vm_flags) & VM_EXEC))
		return;
	append(s, buffer, vma_address, BPF_CORE_READ(vma, vm_start), BPF_CORE_READ(vma, vm_end));
}

/* Where to go on, past the last address that was looked at; false at the end of the address space. */
static __always_inline bool go_on_after(struct scratch *s, u64 limit)
{
	bool more = limit < USER_ADDRESS_END && limit >= FORGET(s->collect_next);

	FORGET(s->collect_next) = limit + 1;
	return more;
}

/* Looks at all mappings of the leaf that has s->collect_next. A walk for each would be a walk for each gap too. */
static __always_inline bool visit_leaf(struct scratch *s, struct first_sight_buffer *buffer)
{
	struct walk *walk = &s->walk;
	u64 only = maple_walk(walk, s->mm, FORGET(s->collect_next));

	u64 limit = FORGET(walk->leaf_limit);

	if (!limit) {
		consider(s, buffer, only); /* the whole tree is this entry; or it changed under the walk */
		return false;
	}
	for (u32 slot = 0; slot < MAPLE_RANGE_SLOTS; slot++) {
		/* This word is the pivot of the slot before, if there is one: the leaf may have ended with that. */
		if (slot > 0 && (walk->node[slot] == 0 || walk->node[slot] >= limit))
			break;
		consider(s, buffer, walk->node[MAPLE_RANGE_SLOTS + slot]);
	}
	return go_on_after(s, limit);
}

/* Looks at the first mapping that ends above s->collect_next. */
static __always_inline bool visit_mapping(struct scratch *s, struct first_sight_buffer *buffer)
{
	u64 vma = rb_walk(&s->walk, s->mm, FORGET(s->collect_next));

	consider(s, buffer, vma);
	return vma && go_on_after(s, FORGET(s->walk.limit));
}

/* Looks at the next leaf, or the next mapping; 0 when all was seen. */
WALK_FUNCTION int first_sight_visit(void)
{
	struct scratch *s = scratch_of_this_cpu();
	struct first_sight_buffer *buffer = buffer_of_this_cpu();

	if (!s || !buffer)
		return 0; /* arrays, in which this CPU has its element: cannot happen */
	return bpf_core_field_exists(struct mm_struct___maple, mm_mt) ? visit_leaf(s, buffer)
								      : visit_mapping(s, buffer);
}

/* Goes on collecting; false when all was seen. */
static __always_inline bool collect(void)
{
	u32 visits = bpf_core_field_exists(struct mm_struct___maple, mm_mt) ? LEAVES_PER_PROGRAM : MAPPINGS_PER_PROGRAM;
	bool more = true;

	for (u32 i = 0; i < visits && more; i++)
		more = first_sight_visit();
	return more;
}

/*
 * Copies memory of the process behind the first `before` bytes of the tail, page by page, so that a page that is not
 * there ends the copy cleanly. Keeps in *copied_bytes how many it were; false when there were to be more.
 */
static __always_inline bool copy_range(struct first_sight_buffer *buffer, u32 before, u64 from, u64 length, int pieces,
				       u32 *copied_bytes)
{
	FORGET(*copied_bytes) = 0;
	for (int i = 0; i < pieces; i++) {
		u32 copied = FORGET(*copied_bytes);
		u64 piece = COPY_BYTES - ((from + copied) & (COPY_BYTES - 1));
		u32 at = before + copied;

		if (copied >= length)
			break;
		if (piece > length - copied)
			piece = length - copied;
		/* Always so; said here, in the registers that are used, for older verifiers forget. */
		barrier_var(at);
		barrier_var(piece);
		if (at > sizeof(buffer->tail) - COPY_BYTES || piece > COPY_BYTES)
			break;
		if (bpf_probe_read_user(&buffer->tail[at], piece, (void *)(from + copied)))
			return false;
		FORGET(*copied_bytes) = copied + piece;
	}
	return true;
}

/* Copies the stack from a little below sp upward, to the end of its mapping or of the buffer. */
static __always_inline void copy_stack(struct scratch *s, struct stats *stats, struct first_sight_buffer *buffer)
{
	struct abi_first_sight *head = &buffer->head;
	u64 sp = s->registers.sp, below, start, end, length;
	u32 mappings_bytes = FORGET(head->mapping_count) * sizeof(struct abi_mapping);

	if (!vma_find(s, stats, sp, &start, &end))
		return;
	/* Where the stack begins just above a page that was never touched, there is nothing below. */
	if (sp - start >= ABI_RED_ZONE && !bpf_probe_read_user(&below, sizeof(below), (void *)(sp - ABI_RED_ZONE)))
		sp -= ABI_RED_ZONE;
	head->stack_start = sp;
	length = end - sp;
	if (length > ABI_MAX_STACK_COPY) {
		length = ABI_MAX_STACK_COPY;
		head->stack_truncated = 1;
	}
	if (!copy_range(buffer, mappings_bytes, sp, length, ABI_MAX_STACK_COPY / COPY_BYTES + 1, &head->stack_bytes))
		head->stack_truncated = 1;
}

/*
 * Copies from where the frame pointer leads, if that is another stack: a frame begins there that the next one is above
 * of. Code without frame pointers has any value in that register.
 */
static __always_inline void copy_other_stack(struct scratch *s, struct stats *stats, struct first_sight_buffer *buffer)
{
	struct abi_first_sight *head = &buffer->head;
	u64 fp = s->registers.fp, outer_fp, start, end, length;
	u32 before = FORGET(head->mapping_count) * sizeof(struct abi_mapping) + FORGET(head->stack_bytes);

	if (fp & 7 || fp - head->stack_start < FORGET(head->stack_bytes))
		return;
	if (bpf_probe_read_user(&outer_fp, sizeof(outer_fp), (void *)fp) || outer_fp <= fp)
		return;
	if (!vma_find(s, stats, fp, &start, &end) || outer_fp >= end)
		return;
	head->other_stack_start = fp;
	length = end - fp;
	if (length > ABI_MAX_OTHER_STACK_COPY)
		length = ABI_MAX_OTHER_STACK_COPY;
	copy_range(buffer, before, fp, length, ABI_MAX_OTHER_STACK_COPY / COPY_BYTES + 1, &head->other_stack_bytes);
}

static __always_inline void send(struct scratch *s, struct stats *stats, struct first_sight_buffer *buffer)
{
	u32 length = sizeof(buffer->head) + buffer->head.mapping_count * sizeof(struct abi_mapping) +
		     buffer->head.stack_bytes + buffer->head.other_stack_bytes;

	if (length > sizeof(*buffer))
		length = sizeof(*buffer);
	/* Wake the reader at once: the process may live a few milliseconds only, and its files are to be opened. */
	if (bpf_ringbuf_output(&ring, buffer, length, BPF_RB_FORCE_WAKEUP)) {
		stats->first_sights_refused_ring++;
		return;
	}
	stats->first_sights++;
	s->sample.flags |= ABI_SAMPLE_FIRST_SIGHT;
}

SEC("perf_event")
int first_sight(struct bpf_perf_event_data *context)
{
	struct scratch *s = scratch_of_this_cpu();
	struct stats *stats = stats_of_this_cpu();
	struct first_sight_buffer *buffer = buffer_of_this_cpu();

	if (!s || !stats || !buffer)
		return 0; /* arrays, in which this CPU has its element: cannot happen */
	if (!s->collecting) {
		if (!copy_allowed(s, stats)) {
			submit(s, stats, ABI_OUTCOME_UNKNOWN_EXECUTABLE);
			return 0;
		}
		begin(s, buffer);
		s->collecting = 1;
		s->collect_next = 0;
	}
	if (collect()) {
		bpf_tail_call(context, &programs, ABI_PROGRAM_FIRST_SIGHT);
		/* The chain is at its end: send the mappings found so far. */
		buffer->head.mappings_truncated = 1;
	}
	if (buffer->head.mappings_truncated)
		stats->first_sight_mappings_cut++;
	s->collecting = 0;
	copy_stack(s, stats, buffer);
	copy_other_stack(s, stats, buffer);
	send(s, stats, buffer);
	submit(s, stats, ABI_OUTCOME_UNKNOWN_EXECUTABLE);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
