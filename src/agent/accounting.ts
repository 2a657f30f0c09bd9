import type { CgroupTable } from "../capture/cgroups.js";
import type { Window } from "../capture/window.js";
import type { CpuAccounting } from "../host/cpu-accounting.js";
import type { CgroupId, CgroupPath } from "../model/cgroup.js";
import type { Owner } from "../model/owner.js";

export interface AccountingModules {
  readonly cgroups: CgroupTable;
  /** Ticks that samples which wait for rows stand for: they are of this window and will be in a later one. */
  readonly waitingTicks: () => ReadonlyMap<CgroupId, number>;
  readonly owner: (cgroup: CgroupId) => Owner;
  readonly divisor: (cgroup: CgroupId) => number;
  readonly accounting: CpuAccounting;
}

/** Of fewer ticks chance alone makes several per cent. */
const ENOUGH_TICKS = 1000;

/**
 * The CPU time that was sampled in each container against what the kernel's own accounting of its cgroup says: the proof that
 * nothing is missing. Containers count that were known, and wanted, through a whole window.
 */
export class AccountingCheck {
  /** Usage of each container's own cgroup when the present window began. */
  private before: ReadonlyMap<CgroupId, bigint> = new Map();
  /** Usage when sampling ended, of a window that is over and not yet counted. */
  private atRest: ReadonlyMap<CgroupId, bigint> | undefined;
  /** Cgroups that were refused for a part of the present window. */
  private readonly interrupted = new Set<CgroupId>();
  /** Ticks by cgroup that waited then. */
  private waitingBefore: ReadonlyMap<CgroupId, number> = new Map();
  sampledSeconds = 0;
  accountedSeconds = 0;
  /** Of the last window: |sampled / accounted - 1|, the worst of containers with enough samples; undefined without any. */
  worstDeviation: number | undefined;
  /** Of the last window. */
  containers = 0;

  constructor(private readonly modules: AccountingModules) {}

  /** Why there is nothing to compare with, and what to do; "" when there is. */
  get problem(): string {
    return this.modules.accounting.problem;
  }

  /** Nothing is sampled from now on, or something is again: what is used meanwhile is nobody's to find. */
  rest(resting: boolean): void {
    if (resting) {
      this.atRest = this.usageOf(this.containerRoots());
    } else {
      this.atRest = undefined;
      this.before = this.usageOf(this.containerRoots());
    }
  }

  /** It is refused for a part of the present window. */
  refused(cgroup: CgroupId): void {
    this.interrupted.add(cgroup);
  }

  /** To be called as a window ends, before anything else takes time; periodNs: of one tick in it. */
  windowEnded(window: Window, periodNs: number): void {
    const roots = this.containerRoots();
    const after = this.atRest ?? this.usageOf(roots);
    const waiting = this.modules.waitingTicks();
    const ticks = ticksOf(window);
    for (const [cgroup, count] of waiting) ticks.set(cgroup, (ticks.get(cgroup) ?? 0) + count);
    for (const [cgroup, count] of this.waitingBefore) ticks.set(cgroup, (ticks.get(cgroup) ?? 0) - count);
    this.compare(ticksByRoot(ticks, roots, this.modules.cgroups), after, periodNs);
    this.before = after;
    this.waitingBefore = waiting;
    this.interrupted.clear();
  }

  private usageOf(roots: ReadonlyMap<string, CgroupPath>): Map<CgroupId, bigint> {
    const usages = new Map<CgroupId, bigint>();
    for (const path of roots.values()) {
      const usage = this.modules.accounting.usageNs(path);
      if (usage !== undefined) usages.set(path.id, usage);
    }
    return usages;
  }

  private compare(ticks: ReadonlyMap<CgroupId, number>, after: ReadonlyMap<CgroupId, bigint>, periodNs: number): void {
    this.worstDeviation = undefined;
    this.containers = 0;
    for (const [cgroup, usage] of after) {
      const before = this.before.get(cgroup);
      if (before === undefined || usage < before || this.interrupted.has(cgroup)) continue;
      const count = ticks.get(cgroup) ?? 0;
      const sampled = (count * periodNs) / 1e9;
      const accounted = Number(usage - before) / 1e9;
      this.containers++;
      this.sampledSeconds += sampled;
      this.accountedSeconds += accounted;
      if (count >= ENOUGH_TICKS && accounted > 0) {
        this.worstDeviation = Math.max(this.worstDeviation ?? 0, Math.abs(sampled / accounted - 1));
      }
    }
  }

  /** By their path as text: the cgroups that are a container's own, not one below it, and are sampled. */
  private containerRoots(): ReadonlyMap<string, CgroupPath> {
    const { cgroups, owner, divisor } = this.modules;
    const roots = new Map<string, CgroupPath>();
    for (const cgroup of cgroups.ids()) {
      const path = cgroups.path(cgroup);
      const { containerId } = owner(cgroup);
      if (path === undefined || path.truncated || containerId === undefined || divisor(cgroup) === 0) continue;
      if (path.names.at(-1)?.includes(containerId) === true) roots.set(path.names.join("/"), path);
    }
    return roots;
  }
}

function ticksOf(window: Window): Map<CgroupId, number> {
  const threads = window.threads.threads();
  const ticks = new Map<CgroupId, number>();
  const samples = window.samples();
  for (let row = 0; row < samples.length; row++) {
    const { cgroup } = threads[samples.thread[row]];
    ticks.set(cgroup, (ticks.get(cgroup) ?? 0) + samples.ticks[row]);
  }
  return ticks;
}

/** Of each root's cgroup and all below it, as the kernel accounts them. */
function ticksByRoot(
  ticks: ReadonlyMap<CgroupId, number>,
  roots: ReadonlyMap<string, CgroupPath>,
  cgroups: CgroupTable,
): ReadonlyMap<CgroupId, number> {
  const sums = new Map<CgroupId, number>();
  for (const [cgroup, count] of ticks) {
    const root = rootAbove(cgroups.path(cgroup)?.names ?? [], roots);
    if (root !== undefined) sums.set(root, (sums.get(root) ?? 0) + count);
  }
  return sums;
}

function rootAbove(names: readonly string[], roots: ReadonlyMap<string, CgroupPath>): CgroupId | undefined {
  for (let length = names.length; length > 0; length--) {
    const root = roots.get(names.slice(0, length).join("/"));
    if (root !== undefined) return root.id;
  }
  return undefined;
}
