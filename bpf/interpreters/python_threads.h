/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The PyThreadState whose frames the sampled thread runs: its thread_id is the thread's own, pthread_self(). CPython's
 * Include/cpython/pystate.h, internal/pycore_runtime.h.
 */
#ifndef HOSTFLAME_PYTHON_THREADS_H
#define HOSTFLAME_PYTHON_THREADS_H

#include "runtime.h"
#include "python_walk.h"

/* Entries of the lists that one program looks at, and programs that look. */
#define SEARCH_CALLS 12
#define SEARCH_ROUNDS 8
/* Those that one call looks at. */
#define SEARCH_ENTRIES 8

static __always_inline struct python_walk *walk_of_this_cpu(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&python_walks, &zero);
}

/*
 * pthread_self() is the thread pointer on x86-64; on arm64 it lies below, by the size of the C library's own structure,
 * and another thread's is further away than that.
 */
#if defined(__TARGET_ARCH_arm64)
#define THREAD_ID_BELOW 4096
#else
#define THREAD_ID_BELOW 1
#endif

static __always_inline u64 thread_pointer(void)
{
	void *task = (void *)bpf_get_current_task();
#if defined(__TARGET_ARCH_arm64)
	return BPF_CORE_READ((struct task_struct___arm64 *)task, thread.uw.tp_value);
#else
	return BPF_CORE_READ((struct task_struct___x86_64 *)task, thread.fsbase);
#endif
}

static __always_inline bool is_own_thread(const struct abi_python_layout *layout, u64 thread)
{
	u64 id = 0;

	READ_WORD(thread + layout->thread_id, &id);
	return id && thread_pointer() - id < THREAD_ID_BELOW;
}

/*
 * Whether it is the one of its thread's that runs Python now: one that has let go of the lock, or has gone over to another
 * interpreter, is not (PyThreadState._status.active). Before 3.12 nothing tells.
 */
#define STATUS_ACTIVE (1u << 4)

static __always_inline bool is_active(const struct abi_python_layout *layout, u64 thread)
{
	u32 status = STATUS_ACTIVE;

	if (layout->thread_status)
		bpf_probe_read_user(&status, sizeof(status),
				    (const void *)(unsigned long)(thread + layout->thread_status));
	return status & STATUS_ACTIVE;
}

static __always_inline bool is_tried(struct python_walk *w, u64 thread)
{
	for (u32 i = 0; i < PYTHON_TRIED; i++)
		if (i < w->tried_count && w->tried[i] == thread)
			return true;
	return false;
}

/* Goes on with the frames of this thread state; false where it runs none. */
static __always_inline bool take_thread(struct python_walk *w, const struct abi_python_layout *layout, u64 thread)
{
	u64 frame = 0, cframe = 0;

	if (is_tried(w, thread))
		return false;
	READ_WORD(thread + layout->thread_frame, &frame);
	if (layout->has_cframe && frame) {
		cframe = frame;
		frame = 0;
		READ_WORD(cframe + layout->cframe_frame, &frame);
	}
	if (!frame || w->tried_count >= PYTHON_TRIED)
		return false;
	w->tried[w->tried_count & (PYTHON_TRIED - 1)] = thread;
	w->tried_count++;
	w->frame = w->run_frame = w->chain = frame;
	w->cframe = cframe;
	return true;
}

/*
 * Frames of the thread state that is walked fit. Those of others that were tried before it did not fit only because they are
 * further out: they may be tried again.
 */
static __always_inline void thread_fits(struct python_walk *w)
{
	u32 current = w->tried_count - 1;

	w->tried_shown |= 1u << (current & (PYTHON_TRIED - 1));
	for (u32 i = 0; i < PYTHON_TRIED; i++)
		if (!(w->tried_shown >> i & 1))
			w->tried[i] = 0;
}

/* The quick ways to this thread's state: where it was before, and who holds the interpreter lock. */
static __always_inline bool find_thread(struct scratch *s, struct python_walk *w,
					const struct abi_python_layout *layout)
{
	u32 tid = s->sample.tid;
	u64 thread = 0;
	u64 *known;

	if (layout->current_thread) {
		READ_WORD(w->bias + layout->runtime + layout->current_thread, &thread);
		if (thread && is_own_thread(layout, thread))
			return take_thread(w, layout, thread);
	}
	known = bpf_map_lookup_elem(&python_threads, &tid);
	if (!known)
		return false;
	thread = *known;
	return is_own_thread(layout, thread) && is_active(layout, thread) && take_thread(w, layout, thread);
}

static __always_inline void begin_search(struct python_walk *w, const struct abi_python_layout *layout)
{
	u64 interpreter = 0, thread = 0;

	READ_WORD(w->bias + layout->runtime + layout->interpreters_head, &interpreter);
	if (interpreter)
		READ_WORD(interpreter + layout->threads_head, &thread);
	w->interpreter = interpreter;
	w->thread = thread;
	w->spare = 0;
	w->rounds = 0;
	w->searching = 1;
}

/* Goes on with a thread state that was found. */
static __always_inline bool found_thread(struct scratch *s, struct python_walk *w,
					 const struct abi_python_layout *layout, u64 thread)
{
	u32 tid = s->sample.tid;

	if (!take_thread(w, layout, thread))
		return false;
	/* The innermost is the one to begin with next time. */
	if (!w->runs)
		bpf_map_update_elem(&python_threads, &tid, &thread, BPF_ANY);
	return true;
}

/* Looks at one entry of the lists; false when the search is over. */
static __always_inline bool search_step(struct scratch *s, struct python_walk *w,
					const struct abi_python_layout *layout)
{
	u64 interpreter = FORGET(w->interpreter), thread = FORGET(w->thread), next = 0, owner = 0;

	if (!interpreter) {
		thread = FORGET(w->spare);
		if (thread)
			found_thread(s, w, layout, thread);
		return false;
	}
	if (!thread) {
		READ_WORD(interpreter + layout->interpreter_next, &next);
		w->interpreter = next;
		if (next) {
			READ_WORD(next + layout->threads_head, &thread);
			w->thread = thread;
		}
		return true;
	}
	READ_WORD(thread + layout->thread_interpreter, &owner);
	if (owner != interpreter)
		return false; /* not what the layout says, or under change */
	if (is_own_thread(layout, thread)) {
		if (is_active(layout, thread)) {
			if (found_thread(s, w, layout, thread))
				return false;
		} else if (!w->spare && !is_tried(w, thread)) {
			w->spare = thread;
		}
	}
	READ_WORD(thread + layout->thread_next, &next);
	w->thread = next;
	return true;
}

/* Looks at some of the thread states there are. */
WALK_FUNCTION int python_search_some(void)
{
	struct scratch *s = scratch_of_this_cpu();
	struct python_walk *w = walk_of_this_cpu();
	struct abi_interpreter *interpreter;

	if (!s || !w)
		return 0; /* as above */
	interpreter = interpreter_of(FORGET(w->number));
	if (!interpreter)
		return 0;
	for (u32 i = 0; i < SEARCH_ENTRIES; i++)
		if (!search_step(s, w, (const void *)interpreter->layout)) {
			w->searching = 0;
			break;
		}
	return 0;
}

/* Over all the thread states there are, as far as one program gets. */
static __always_inline void search(struct stats *stats, struct python_walk *w)
{
	u32 tried = FORGET(w->tried_count);

	for (u32 i = 0; i < SEARCH_CALLS && FORGET(w->searching); i++)
		python_search_some();
	if (FORGET(w->searching) && ++w->rounds < SEARCH_ROUNDS)
		return;
	w->searching = 0;
	if (FORGET(w->tried_count) != tried)
		return;
	if (!tried)
		stats->python_no_thread++;
	w->found_none = 1;
}

#endif
