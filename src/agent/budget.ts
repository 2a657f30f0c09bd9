import { Budget, type BudgetChange } from "../budget/budget.js";
import { CpuMeter } from "../budget/cpu-meter.js";
import { budgetLimits, type BudgetLimits } from "../budget/limits.js";
import { readMemory } from "../budget/memory-meter.js";
import { ceilingOf, describeShed, type Shed } from "../budget/rungs.js";
import type { Capture } from "../capture/capture.js";
import { ownCgroup } from "../host/own-cgroup.js";
import type { AgentOptions } from "../model/agent-options.js";
import type { Log } from "../model/log.js";
import type { NameCache } from "../naming/name-cache.js";
import { systemClock } from "../util/clock.js";
import type { BpfTime } from "./bpf-time.js";
import type { BudgetSizes } from "./budget-sizes.js";
import type { PartHealth } from "./health.js";
import type { SamplingRate } from "./sampling-rate.js";

const MIB = 1 << 20;
/** What is left of a budget of bytes while it is shed. */
const SHED_SHARE = 4;
/** With less the agent sheds on any busy node, and may be killed for what it needs all the same. */
const COMFORTABLE_BYTES = 104 * MIB;
/** Smaller windows take more to name than they save: each has most of a node's functions in it. */
const LEAST_WINDOW_BYTES = 2 * MIB;
/** How long an idle worker stays while caches are shed; it is called again and again while a window is named. */
const SHED_IDLE_MS = 200;
/** Conversions have half of what the CPU's limit allows, while they are shed. */
const CONVERSIONS_SHARE = 0.5;

/** The limits that this process runs under. */
export function ownLimits(options: Pick<AgentOptions, "memoryLimit" | "cpuLimit">): BudgetLimits {
  return budgetLimits(options, { memory: ownCgroup("memory"), cpu: ownCgroup("cpu") });
}

/** Names of one kind of frames. */
interface BudgetedNames {
  asksOn: boolean;
  resize: (bytes: number) => void;
}

/** What sheds. */
export interface BudgetParts {
  readonly limits: BudgetLimits;
  readonly sizes: BudgetSizes;
  readonly capture: Capture;
  readonly names: NameCache;
  readonly bound: { readonly budgeted: readonly BudgetedNames[] };
  readonly worker: { idleMs?: number | undefined; endIdle: () => boolean };
  readonly intakes: () => readonly { spare: boolean }[];
  readonly rate: Pick<SamplingRate, "setCeiling">;
  /** The rate that is wanted, ticks a second. */
  readonly wantedHz: () => number;
  readonly bpfTime: Pick<BpfTime, "measure" | "taskSeconds">;
  /** Collects garbage, and gives memory that nobody uses back. */
  readonly release: () => void;
  readonly log: Log;
}

export interface AgentBudget {
  readonly budget: Budget;
  /** A window is about to be named, which takes memory, and the event loop for itself: makes room before. */
  windowEnded(): void;
}

/** It looks once it is started. */
export function openBudget(parts: BudgetParts): AgentBudget {
  const { limits, capture, wantedHz, bpfTime, log } = parts;
  const taskTicks = (): number => capture.sampler.counters().ticks;
  const cpu = new CpuMeter({ taskTicks, taskSeconds: () => bpfTime.taskSeconds });
  const { memory } = limits;
  const shedder = new Shedder(parts);
  const budget = new Budget({
    clock: systemClock,
    limits,
    readMemory: () => (memory === undefined ? { useBytes: 0, share: 0 } : readMemory(memory)),
    readCpu: () => cpu.read(),
    samples: () => capture.sampler.counters().samples,
    wantedHz,
    apply: (shed) => {
      shedder.apply(shed);
    },
    onChange: (change) => {
      if (change.isShed && change.resource === "memory") parts.release();
      if (change.resource === "cpu") bpfTime.measure(); // what a tick costs has changed with the load
      tell(change, budget, log);
    },
  });
  log.info("budget", { memoryLimitBytes: memory?.bytes, cpuLimitCores: limits.cpuCores });
  if (memory !== undefined && memory.bytes < COMFORTABLE_BYTES) {
    log.warn("memory_limit_small", { limit: memory.bytes, comfortable: COMFORTABLE_BYTES });
  }
  return {
    budget,
    windowEnded: () => {
      if (budget.shed.caches) parts.release();
    },
  };
}

/** For /readyz. */
export function budgetHealth(budget: Budget, wantedHz: number): PartHealth {
  const { status, shed } = budget;
  if (status.length === 0) return { state: "off", detail: "neither memory nor CPU is limited." };
  const uses = status.map(({ resource, use, limit }) =>
    resource === "memory"
      ? `${Math.round(use / MIB)} of ${Math.round(limit / MIB)} MiB`
      : `${(use * 100).toFixed(1)} of ${(limit * 100).toFixed(1)} % of a core`,
  );
  const taken = `${uses.join(" and ")} taken`;
  const what = describeShed(shed, wantedHz);
  return what === ""
    ? { state: "ok", detail: `${taken}.` }
    : { state: "degraded", detail: `${taken}; shed: ${what}. Raise the limit, or lower --frequency.` };
}

function tell({ resource, step, level, isShed }: BudgetChange, { status }: Budget, log: Log): void {
  const { use, limit } = status.find((one) => one.resource === resource) ?? { use: 0, limit: 0 };
  const fields = { resource, step, steps: level, use, limit };
  if (isShed) log.warn("budget_shed", fields);
  else log.info("budget_recovered", fields);
}

/** Does what is to be shed, each step by the part whose it is. */
class Shedder {
  private readonly idleMs: number | undefined;

  constructor(private readonly parts: BudgetParts) {
    this.idleMs = parts.worker.idleMs;
  }

  apply(shed: Shed): void {
    const { parts } = this;
    const { capture, sizes } = parts;
    this.caches(shed.caches, sizes);
    parts.names.asksOn = !shed.symbols;
    for (const kind of parts.bound.budgeted) kind.asksOn = !shed.symbols;
    this.conversions(shed.conversions);
    const share = shed.tables ? SHED_SHARE : 1;
    capture.tables.resize(sizes.unwindBytes / share);
    capture.firstSights.resize(sizes.pendingBytes / share);
    capture.windowMemoryBytes = Math.max(LEAST_WINDOW_BYTES, sizes.windowBytes / share);
    parts.rate.setCeiling(ceilingOf(shed, parts.wantedHz()));
  }

  private caches(isShed: boolean, { nameBytes, boundBytes }: BudgetSizes): void {
    const { names, bound, worker, intakes } = this.parts;
    const share = isShed ? SHED_SHARE : 1;
    names.resize(nameBytes / share);
    for (const kind of bound.budgeted) kind.resize(boundBytes / share);
    for (const intake of intakes()) intake.spare = isShed;
    worker.idleMs = isShed ? SHED_IDLE_MS : this.idleMs;
    if (isShed) worker.endIdle();
  }

  private conversions(isShed: boolean): void {
    const { capture, limits } = this.parts;
    const { conversions } = capture;
    if (isShed) conversions.restFactor = 1 / ((limits.cpuCores ?? 1) * CONVERSIONS_SHARE);
    else conversions.hurry();
  }
}
