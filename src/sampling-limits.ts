/** Executables known at once; the kernel side's tables of them are sized by it. */
export const MAX_EXECUTABLES = 4096;
/** Stack copies that wait for rows. At 999 Hz under full load 16 MiB gave up 1.8 % of a minute while node was converted. */
export const PENDING_BYTES = 32 << 20;
const MOST_PENDING_BYTES = 256 << 20;
/** While a file is new each tick on it leaves a copy of its stack, of so many bytes mostly. */
const COPY_BYTES = 8 << 10;
/** For so long a file may be new on a busy machine, whose every program is new when sampling begins. */
const NEW_SECONDS = 4;

/** What waits when every tick on each of so many CPUs has to; for whoever may take as much for a while. */
export function pendingBytesFor(frequencyHz: number, cpus: number): number {
  return Math.min(MOST_PENDING_BYTES, Math.max(PENDING_BYTES, frequencyHz * cpus * COPY_BYTES * NEW_SECONDS));
}

/** The event loop may be late by so much. */
const LATE_SECONDS = 0.5;
const LEAST_RING_BYTES = 2 << 20;
export const MOST_RING_BYTES = 16 << 20;

/** A power of two: what the ring takes at a rate of ticks a second on each of so many CPUs. */
export function ringBytesFor(frequencyHz: number, cpus: number): number {
  const wanted = Math.max(LEAST_RING_BYTES, frequencyHz * cpus * COPY_BYTES * LATE_SECONDS);
  return Math.min(MOST_RING_BYTES, 2 ** Math.ceil(Math.log2(wanted)));
}
