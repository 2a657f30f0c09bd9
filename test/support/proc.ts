import { readFileSync } from "node:fs";
import { parseStat } from "#src/processes/stat.js";

/** The sampled start time of a process that lives, as exactly as /proc has it: the first nanosecond of its tick. */
export function startTimeNs(pid: number): bigint {
  const stat = parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
  if (stat === undefined) throw new Error(`/proc/${pid}/stat has no start time`);
  return BigInt(stat.startTicks) * 10_000_000n;
}
