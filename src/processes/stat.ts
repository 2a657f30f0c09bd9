/** What /proc/PID/stat tells that matters here. */
export interface ProcessStat {
  /** When the process started, in clock ticks since boot (field 22). */
  readonly startTicks: number;
  /** Where its stack begins (field 28): another place at each exec, 0 of what has no memory any more. Rounded, from 2^53 up. */
  readonly stackStart: number;
  /** A thread of the kernel's own: it has neither executable nor environment. */
  readonly kernelThread: boolean;
}

/** A clock tick of /proc, nanoseconds: USER_HZ is 100 on x86-64 and arm64, whatever the kernel's own HZ is. */
const TICK_NS = 10_000_000n;
/** PF_KTHREAD of the kernel's include/linux/sched.h, in field 9. */
const PF_KTHREAD = 0x0020_0000;

/**
 * Undefined for what is no stat line. The comm in it may hold anything, spaces and parentheses too: fields follow the
 * last one.
 */
export function parseStat(line: string): ProcessStat | undefined {
  const fields = line
    .slice(line.lastIndexOf(")") + 1)
    .trim()
    .split(" ");
  // Field 3 of proc(5), the state, is the first after the comm.
  const flags = Number(fields[9 - 3]);
  const startTicks = Number(fields[22 - 3]);
  const stackStart = Number(fields[28 - 3] ?? 0);
  if (!line.includes(")") || !Number.isSafeInteger(flags) || !Number.isSafeInteger(startTicks)) return undefined;
  return { startTicks, stackStart, kernelThread: (flags & PF_KTHREAD) !== 0 };
}

/**
 * Whether a process that /proc says started at that tick is the one that the kernel side saw start at that nanosecond:
 * both come from the task's start_boottime, so they agree exactly but for the division. A pid used again within
 * the same 10 ms would be taken for the old process; that takes a whole turn of the pid space in 10 ms. An agent in a
 * time namespace of its own reads shifted ticks, and believes no process: they count as reused.
 */
export function isSameStart(startTicks: number, startTimeNs: bigint): boolean {
  return startTimeNs / TICK_NS === BigInt(startTicks);
}
