/** Executables known at once; the kernel side's tables of them are sized by it. */
export const MAX_EXECUTABLES = 4096;
/** Stack copies that wait for rows. At 999 Hz under full load 16 MiB gave up 1.8 % of a minute while node was converted. */
export const PENDING_BYTES = 32 << 20;

/** While a file is new each tick on it leaves a copy of its stack in the ring, 8 KiB mostly; the event loop may be late by half a second. */
const RING_BYTES_PER_TICK = (8 << 10) / 2;
const LEAST_RING_BYTES = 2 << 20;
export const MOST_RING_BYTES = 16 << 20;

/** A power of two: what the ring takes at a rate of ticks a second on each of so many CPUs. */
export function ringBytesFor(frequencyHz: number, cpus: number): number {
  const wanted = Math.max(LEAST_RING_BYTES, frequencyHz * cpus * RING_BYTES_PER_TICK);
  return Math.min(MOST_RING_BYTES, 2 ** Math.ceil(Math.log2(wanted)));
}
