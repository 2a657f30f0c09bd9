import { readFileSync } from "node:fs";
import path from "node:path";
import { errnoOf } from "../util/errno.js";
import type { OwnCgroup } from "./own-cgroup.js";

/** What v1 writes for "none" is a little below 2^63; no machine has so much. */
const NO_LIMIT = 2 ** 50;

/** The least of the memory limits of a cgroup and those above it, bytes; undefined when none has one. */
export function memoryLimitOf({ version, directory, above }: OwnCgroup): number | undefined {
  const file = version === 1 ? "memory.limit_in_bytes" : "memory.max";
  const limits = [directory, ...above].map((at) => wholeNumber(read(path.join(at, file))));
  const least = Math.min(...limits.map((limit) => limit ?? Infinity));
  return least < NO_LIMIT ? least : undefined;
}

/** The least of the CPU quotas of a cgroup and those above it, cores; undefined when none has one. */
export function cpuQuotaOf({ version, directory, above }: OwnCgroup): number | undefined {
  const quotas = [directory, ...above].map((at) => {
    const [quota, period] =
      version === 1
        ? [read(path.join(at, "cpu.cfs_quota_us")), read(path.join(at, "cpu.cfs_period_us"))]
        : read(path.join(at, "cpu.max")).split(" "); // "max 100000"
    const cores = (wholeNumber(quota) ?? Infinity) / (wholeNumber(period ?? "") ?? 0);
    return cores > 0 ? cores : Infinity;
  });
  const least = Math.min(...quotas);
  return Number.isFinite(least) ? least : undefined;
}

/**
 * Bytes of a cgroup that its limit is held against and that reclaim would not give back for nothing: all that it is charged,
 * kernel memory and BPF maps among it, less pages of files that nobody has mapped. Those fill up to any limit and are
 * let go before anybody is killed. Undefined when it cannot be read.
 */
export function memoryUseOf({ version, directory }: OwnCgroup): number | undefined {
  const charged = wholeNumber(read(path.join(directory, version === 1 ? "memory.usage_in_bytes" : "memory.current")));
  const statistics = read(path.join(directory, "memory.stat"));
  if (charged === undefined || statistics === "") return undefined;
  const field = (name: string): number =>
    wholeNumber(new RegExp(`^${name} (\\d+)$`, "m").exec(statistics)?.[1] ?? "") ?? 0;
  const [total, mapped] = version === 1 ? ["total_", "total_mapped_file"] : ["", "file_mapped"];
  const files = field(`${total}inactive_file`) + field(`${total}active_file`);
  return Math.max(0, charged - Math.max(0, files - field(mapped)));
}

function wholeNumber(text: string | undefined): number | undefined {
  const digits = (text ?? "").trim();
  return /^\d{1,20}$/.test(digits) ? Number(digits) : undefined;
}

/** "" when it is not there, or not to be read: then nothing is known. */
function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch (error) {
    if (errnoOf(error) === "") throw error;
    return "";
  }
}
