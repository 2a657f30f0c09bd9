import type { OwnCgroup } from "../host/own-cgroup.js";
import { cpuQuotaOf, memoryLimitOf } from "../host/cgroup-limits.js";

/** What the operator said. */
export interface BudgetOptions {
  /** Bytes; "auto": what the cgroup says. */
  readonly memoryLimit: number | "auto" | "off";
  /** Cores; "auto": what the cgroup says. */
  readonly cpuLimit: number | "auto" | "off";
}

export interface MemoryLimit {
  readonly bytes: number;
  /** By whose account the use is held against it: the kernel kills by a cgroup's; without one the process's own counts. */
  readonly cgroup: OwnCgroup | undefined;
}

export interface BudgetLimits {
  readonly memory: MemoryLimit | undefined;
  readonly cpuCores: number | undefined;
}

/** The own cgroup of each controller; undefined where there is none. */
export interface OwnCgroups {
  readonly memory: OwnCgroup | undefined;
  readonly cpu: OwnCgroup | undefined;
}

/** Of a cgroup's memory left to what comes between two looks, and to what the kernel charges for itself. */
const MARGIN_SHARE = 1 / 16;
const MARGIN_BYTES = 8 << 20;
/** Of a cgroup's CPU quota: a throttled agent does not drain. */
const QUOTA_SHARE = 0.8;

/** The limits that hold: the operator's, but never more than the cgroup's. */
export function budgetLimits(options: BudgetOptions, cgroups: OwnCgroups): BudgetLimits {
  return { memory: memoryLimit(options, cgroups.memory), cpuCores: cpuLimit(options, cgroups.cpu) };
}

function memoryLimit({ memoryLimit: asked }: BudgetOptions, cgroup: OwnCgroup | undefined): MemoryLimit | undefined {
  if (asked === "off") return undefined;
  const limit = cgroup && memoryLimitOf(cgroup);
  const fromCgroup = limit && limit - Math.max(MARGIN_BYTES, limit * MARGIN_SHARE);
  if (fromCgroup === undefined) return asked === "auto" ? undefined : { bytes: asked, cgroup: undefined };
  return { bytes: Math.floor(asked === "auto" ? fromCgroup : Math.min(asked, fromCgroup)), cgroup };
}

function cpuLimit({ cpuLimit: asked }: BudgetOptions, cgroup: OwnCgroup | undefined): number | undefined {
  if (asked === "off") return undefined;
  const quota = cgroup && cpuQuotaOf(cgroup);
  const fromCgroup = quota && quota * QUOTA_SHARE;
  if (asked === "auto") return fromCgroup;
  return fromCgroup === undefined ? asked : Math.min(asked, fromCgroup);
}
