/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The one way out of a sample. Every program that was entered ends here, with an outcome: there is no early return.
 */
#ifndef HOSTFLAME_SUBMIT_H
#define HOSTFLAME_SUBMIT_H

#include "config.h"
#include "maps.h"

_Static_assert(sizeof(((struct scratch *)0)->frames) >= 8 * ABI_MAX_FRAMES, "kernel and user frames fit");
_Static_assert(__builtin_offsetof(struct scratch, frames) == sizeof(struct abi_sample), "one run of bytes");

/* Wakes the reader when enough is waiting; below that it comes by itself, and the tick saves the interrupt. */
static __always_inline u64 wakeup_flag(struct scratch *s)
{
	if (s->interpreter.wake)
		return BPF_RB_FORCE_WAKEUP;
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >= wakeup_bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static __always_inline void submit(struct scratch *s, struct stats *stats, u8 outcome)
{
	u32 frames = s->kernel_frames + s->user_frames;

	s->sample.outcome = outcome;
	s->sample.kernel_frames = s->kernel_frames;
	s->sample.user_frames = s->user_frames;
	if (frames > ABI_MAX_FRAMES)
		frames = ABI_MAX_FRAMES;
	if (bpf_ringbuf_output(&ring, &s->sample, sizeof(s->sample) + frames * sizeof(u64), wakeup_flag(s)))
		stats->samples_dropped++;
	else
		stats->samples++;
}

#endif
