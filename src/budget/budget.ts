import type { Clock } from "../util/clock.js";
import { CpuPolicy } from "./cpu-policy.js";
import type { BudgetLimits } from "./limits.js";
import type { MemoryReading } from "./memory-meter.js";
import { MemoryPolicy, NEAR_SHARE } from "./memory-policy.js";
import {
  firstRateLevel,
  NOTHING_SHED,
  RESOURCES,
  shedAt,
  stepOf,
  stepsOf,
  topLevel,
  type Resource,
  type Shed,
  type Step,
} from "./rungs.js";

/** A rung was shed, or taken back. */
export interface BudgetChange {
  readonly resource: Resource;
  readonly step: Step;
  /** The level it led to, or away from. */
  readonly level: number;
  readonly isShed: boolean;
}

export interface BudgetModules {
  readonly clock: Clock;
  readonly limits: BudgetLimits;
  readonly readMemory: () => MemoryReading;
  /** CPU time since the start, seconds. */
  readonly readCpu: () => number;
  /** Samples taken since the start. */
  readonly samples: () => number;
  /** The rate that is wanted, ticks a second. */
  readonly wantedHz: () => number;
  /** Does what is shed now; called at each change. */
  readonly apply: (shed: Shed) => void;
  readonly onChange: (change: BudgetChange) => void;
}

/** How it stands with one resource. */
export interface ResourceStatus {
  readonly resource: Resource;
  readonly level: number;
  /** Bytes, or cores. */
  readonly limit: number;
  readonly use: number;
  /** Rungs shed and taken back since the start, by step. */
  readonly sheds: ReadonlyMap<Step, number>;
  readonly recoveries: ReadonlyMap<Step, number>;
  /** Samples taken while something was shed for it. */
  readonly samplesWhileShed: number;
}

const LOOK_MS = 1000;
const NEAR_LOOK_MS = 250;

interface Account {
  level: number;
  use: number;
  samplesWhileShed: number;
  readonly sheds: Map<Step, number>;
  readonly recoveries: Map<Step, number>;
}

/** Looks at what the agent takes, and sheds when it comes near a limit. Without any limit it does nothing at all. */
export class Budget {
  /** What is shed now. */
  shed: Shed = NOTHING_SHED;
  private readonly memory: MemoryPolicy | undefined;
  private readonly cpu: CpuPolicy | undefined;
  private readonly accounts: Readonly<Record<Resource, Account>> = {
    memory: newAccount("memory"),
    cpu: newAccount("cpu"),
  };
  private samplesBefore = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly modules: BudgetModules) {
    const { memory, cpuCores } = modules.limits;
    this.memory = memory && new MemoryPolicy(memory.bytes);
    this.cpu = cpuCores === undefined ? undefined : new CpuPolicy(cpuCores, firstRateLevel("cpu"));
  }

  /** Looks once now, and then until {@link stop}. */
  start(): void {
    const { limits } = this.modules;
    if (limits.memory === undefined && limits.cpuCores === undefined) return;
    const lookMs = this.look();
    this.timer = setTimeout(() => {
      this.start();
    }, lookMs);
    this.timer.unref();
  }

  /** What is shed stays so: the end needs memory too. */
  stop(): void {
    clearTimeout(this.timer);
  }

  /** One look. Gives when the next is due, milliseconds. */
  look(): number {
    const { clock, readMemory, readCpu, wantedHz } = this.modules;
    const nowMs = clock.monotonicMs();
    this.countSamples();
    let nextMs = LOOK_MS;
    let changed = false;
    if (this.memory !== undefined) {
      const { useBytes, share } = readMemory();
      const account = this.accounts.memory;
      account.use = useBytes;
      const top = topLevel("memory", wantedHz());
      changed = this.move("memory", this.memory.next(account.level, top, share, nowMs)) || changed;
      if (share >= NEAR_SHARE) nextMs = NEAR_LOOK_MS;
    }
    if (this.cpu !== undefined) {
      const account = this.accounts.cpu;
      const top = topLevel("cpu", wantedHz());
      changed = this.move("cpu", this.cpu.next(account.level, top, readCpu(), nowMs)) || changed;
      account.use = this.cpu.useCores;
    }
    if (changed) {
      this.shed = shedAt({ memory: this.accounts.memory.level, cpu: this.accounts.cpu.level }, wantedHz());
      this.modules.apply(this.shed);
    }
    return nextMs;
  }

  /** Of the resources that have a limit. */
  get status(): readonly ResourceStatus[] {
    const { memory, cpuCores } = this.modules.limits;
    const limitOf: Readonly<Record<Resource, number | undefined>> = { memory: memory?.bytes, cpu: cpuCores };
    return RESOURCES.flatMap((resource) => {
      const limit = limitOf[resource];
      return limit === undefined ? [] : [{ resource, limit, ...this.accounts[resource] }];
    });
  }

  /** Each rung between is counted and told, in order. */
  private move(resource: Resource, level: number): boolean {
    const account = this.accounts[resource];
    const before = account.level;
    account.level = level;
    for (let reached = before + 1; reached <= level; reached++) this.tell(resource, reached, true);
    for (let left = before; left > level; left--) this.tell(resource, left, false);
    return level !== before;
  }

  private tell(resource: Resource, level: number, isShed: boolean): void {
    const step = stepOf(resource, level);
    const { sheds, recoveries } = this.accounts[resource];
    const counts = isShed ? sheds : recoveries;
    counts.set(step, (counts.get(step) ?? 0) + 1);
    this.modules.onChange({ resource, step, level, isShed });
  }

  private countSamples(): void {
    const samples = this.modules.samples();
    for (const account of Object.values(this.accounts)) {
      if (account.level > 0) account.samplesWhileShed += samples - this.samplesBefore;
    }
    this.samplesBefore = samples;
  }
}

function newAccount(resource: Resource): Account {
  const zeros = (): Map<Step, number> => new Map(stepsOf(resource).map((step) => [step, 0]));
  return { level: 0, use: 0, samplesWhileShed: 0, sheds: zeros(), recoveries: zeros() };
}
