import type { ProcessKey } from "../model/process-key.js";

/** The longest time between two ticks at twenty a second or more. */
const SPREAD_MS = 50;
/** What is so young may end soon. */
const YOUNG_NS = 1_000_000_000n;

/**
 * How long to wait before names are read that a sample has asked for: in milliseconds, any up to the time between two ticks. Read at
 * once, they would be read right after a tick, always, and no tick would ever find the agent at it: its work would be counted as that
 * of whom it displaces. Of a process that has hardly begun they are read at once.
 */
export function offBeatMs({ startTimeNs }: ProcessKey): number {
  const isYoung = process.hrtime.bigint() - startTimeNs < YOUNG_NS;
  return isYoung ? 0 : Math.random() * SPREAD_MS;
}
