/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Whose a process's anonymous executable memory is. A runtime that compiles is known by its own file, which some frame of
 * its stacks lies in; the frames of compiled code come before that one. So the walk remembers where it first met such
 * memory, and when the runtime's file shows up, the interpreter's program notes the process (the next sample knows at once)
 * and walks from there again.
 */
#ifndef HOSTFLAME_INTERPRETERS_RUNTIME_H
#define HOSTFLAME_INTERPRETERS_RUNTIME_H

#include "../unwind/walk.h"

/* What is known of a file of an interpreter, by mapping.interpreter; NULL for none. */
static __always_inline struct abi_interpreter *interpreter_of(u32 number)
{
	u32 key = number - 1;

	return bpf_map_lookup_elem(&interpreters, &key);
}

/* Counts the program's execs: start_time_ns stays, and all that was known of its memory does not (fs/exec.c, begin_new_exec). */
static __always_inline u32 exec_id_of_process(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, self_exec_id);
}

/* The entry of this sample's process, if it has one. */
static __always_inline struct abi_runtime *runtime_of_process(struct scratch *s)
{
	u32 pid = s->sample.pid;
	struct abi_runtime *runtime = bpf_map_lookup_elem(&runtimes, &pid);

	if (!runtime || runtime->start_time_ns != s->sample.start_time_ns)
		return 0;
	/* Where one was sought is looked at, and nothing else is believed of it. */
	if (runtime->kind != ABI_FRAME_NATIVE && runtime->exec_id != exec_id_of_process())
		return 0;
	return runtime;
}

/*
 * At a frame in anonymous memory, in the native program: true when a runtime's program is to go on, whose kind is then
 * s->interpreter.kind. Else s->interpreter.look_at is set where a file of one may lie. Looked up once a sample.
 */
static __always_inline bool runtime_owns_anonymous(struct scratch *s)
{
	struct abi_runtime *runtime;

	if (s->interpreter.runtime_asked)
		return false;
	s->interpreter.runtime_asked = 1;
	runtime = runtime_of_process(s);
	if (runtime && runtime->kind != ABI_FRAME_NATIVE) {
		s->interpreter.kind = runtime->kind;
		return true;
	}
	s->interpreter.look_at = runtime ? runtime->words[0] : 0;
	s->interpreter.resume = s->registers;
	s->interpreter.resume_frames = s->user_frames;
	s->interpreter.resume_valid = 1;
	return false;
}

/*
 * Notes that the process runs the interpreter whose file was met, loaded so far from where the file says; its words are
 * zero. Gives the entry; NULL where the map had no room.
 */
static __always_inline struct abi_runtime *runtime_note(struct scratch *s, u32 kind, u32 interpreter, u64 load_bias)
{
	u32 pid = s->sample.pid;

	__builtin_memset(&s->runtime, 0, sizeof(s->runtime));
	s->runtime.start_time_ns = s->sample.start_time_ns;
	s->runtime.load_bias = load_bias;
	s->runtime.kind = kind;
	s->runtime.interpreter = interpreter;
	s->runtime.exec_id = exec_id_of_process();
	bpf_map_update_elem(&runtimes, &pid, &s->runtime, BPF_ANY);
	return bpf_map_lookup_elem(&runtimes, &pid);
}

/* Back to the first frame in anonymous memory, where the walk had passed one; whether it had. */
static __always_inline bool runtime_resume(struct scratch *s)
{
	if (!s->interpreter.resume_valid)
		return false;
	s->interpreter.resume_valid = 0;
	s->registers = s->interpreter.resume;
	s->user_frames = s->interpreter.resume_frames;
	return true;
}

#endif
