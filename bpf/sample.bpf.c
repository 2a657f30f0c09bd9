// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The tick: who runs here, is it asked for, its kernel stack, its user registers; then on to the unwinder.
 */
#include "cgroup.h"
#include "executable.h"
#include "submit.h"
#include "unwind/regs.h"

const volatile u32 filter_pids = 0;
const volatile u32 filter_comms = 0;
const volatile u32 cgroup_hierarchy = ABI_HIERARCHY_V2;
const volatile u32 first_sights_per_second = 400;
const volatile u32 wakeup_bytes = 262144;
const volatile u32 ring_bytes = 2097152;

static __always_inline bool asked_for(u32 pid, const char *comm)
{
	if (filter_pids && !bpf_map_lookup_elem(&pids, &pid))
		return false;
	if (filter_comms && !bpf_map_lookup_elem(&comms, comm))
		return false;
	return true;
}

static __always_inline void identify(struct scratch *s, struct task_struct *task, u64 pid_tgid, u8 weight)
{
	struct abi_sample *sample = &s->sample;

	sample->kind = ABI_RECORD_SAMPLE;
	sample->flags = 0;
	sample->weight = weight;
	sample->pid = pid_tgid >> 32;
	sample->tid = (u32)pid_tgid;
	sample->time_ns = bpf_ktime_get_ns();
	sample->start_time_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	sample->cpu = bpf_get_smp_processor_id();
	sample->sequence = s->sequence++;
}

static __always_inline void take_kernel_stack(struct bpf_perf_event_data *context, struct scratch *s,
					      struct stats *stats)
{
	long bytes = bpf_get_stack(context, s->frames, ABI_MAX_KERNEL_FRAMES * sizeof(u64), 0);

	if (bytes <= 0) {
		stats->kernel_stack_failures++;
		return;
	}
	s->kernel_frames = (u32)bytes / sizeof(u64);
	if (s->kernel_frames >= ABI_MAX_KERNEL_FRAMES)
		s->sample.flags |= ABI_SAMPLE_KERNEL_STACK_TRUNCATED;
}

/* The registers that user space will come back with, of a task that is in the kernel. */
static __always_inline bool read_task_registers(struct task_struct *task, struct arch_user_registers *registers)
{
	void *saved;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		saved = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	else
		saved = BPF_CORE_READ(task, stack) + ARCH_THREAD_SIZE - bpf_core_type_size(struct pt_regs);
	return bpf_probe_read_kernel(registers, sizeof(*registers), saved) == 0;
}

SEC("perf_event")
int on_tick(struct bpf_perf_event_data *context)
{
	struct scratch *s = scratch_of_this_cpu();
	struct stats *stats = stats_of_this_cpu();
	u64 pid_tgid = bpf_get_current_pid_tgid();
	struct arch_user_registers saved;
	struct task_struct *task;
	struct mm_struct *mm;
	bool kernel_mode;
	u32 weight;

	if (!s || !stats)
		return 0; /* both are arrays, and this CPU has its element in each: cannot happen */
	if (!pid_tgid) {
		stats->idle_ticks++;
		return 0;
	}
	stats->ticks++;
	/* On 6.1 the helper ends a name without clearing what a longer one left behind it; and the name is a key. */
	__builtin_memset(s->sample.comm, 0, sizeof(s->sample.comm));
	bpf_get_current_comm(s->sample.comm, sizeof(s->sample.comm));
	if (!asked_for(pid_tgid >> 32, s->sample.comm)) {
		stats->filtered_ticks++;
		return 0;
	}

	task = (void *)bpf_get_current_task();
	weight = cgroup_weigh(s, stats, task);
	if (!weight)
		return 0;
	s->kernel_frames = 0;
	s->user_frames = 0;
	s->collecting = 0;
	s->mapping_missed = 0;
	s->interpreter.kind = ABI_FRAME_NATIVE;
	s->interpreter.begun = 0;
	s->interpreter.runtime_asked = 0;
	s->interpreter.resume_valid = 0;
	s->interpreter.look_at = 0;
	s->interpreter.wake = 0;
	identify(s, task, pid_tgid, weight);
	kernel_mode = !arch_user_mode(&context->regs);
	if (kernel_mode) {
		s->sample.flags |= ABI_SAMPLE_KERNEL_MODE;
		take_kernel_stack(context, s, stats);
	}

	mm = BPF_CORE_READ(task, mm);
	if (!mm) { /* a kernel thread, or a process that has given its memory back while exiting */
		submit(s, stats, ABI_OUTCOME_COMPLETE);
		return 0;
	}
	s->mm = (u64)mm;
	s->vdso = (u64)BPF_CORE_READ(mm, context.vdso);
	mapping_cache_reset(s);
	if (kernel_mode) {
		if (!read_task_registers(task, &saved)) {
			submit(s, stats, ABI_OUTCOME_NO_USER_REGISTERS);
			return 0;
		}
		arch_load_registers(&s->registers, &saved, true);
	} else {
		arch_load_registers(&s->registers, (void *)&context->regs, false);
		/*
		 * Ends this branch differently from the other, or clang joins the last loads of both into one through
		 * a pointer to either, and the verifier wants the context's offsets in the instruction (arm64, 6.12).
		 */
		asm volatile("" ::: "memory");
	}
	bpf_tail_call(context, &programs, ABI_PROGRAM_UNWIND_NATIVE);
	stats->tail_call_failures++;
	submit(s, stats, ABI_OUTCOME_TAIL_CALL_FAILED);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
