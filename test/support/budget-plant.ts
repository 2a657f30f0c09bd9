import { Budget, type BudgetChange } from "#src/budget/budget.js";
import { ceilingOf, type Shed } from "#src/budget/rungs.js";
import type { Clock } from "#src/util/clock.js";

const MIB = 1 << 20;

/** What an agent takes, as it follows from what is shed and from the load at a moment. */
export interface Plant {
  readonly wantedHz: number;
  /** Cores, from the rate in effect. */
  readonly cores?: (rateHz: number, shed: Shed, second: number) => number;
  /** MiB that it would hold in the long run; it gets there within seconds. */
  readonly mebibytes?: (rateHz: number, shed: Shed, second: number) => number;
  readonly limitCores?: number;
  readonly limitMebibytes?: number;
}

export interface Moment {
  readonly second: number;
  readonly level: number;
  readonly rateHz: number;
  readonly cores: number;
  readonly mebibytes: number;
}

/** Of the way to what it would hold, the part that is gone in a second. */
const MEMORY_PACE = 0.4;

/** An agent that is simulated, under the real budget, by a clock of its own. */
export class SimulatedAgent {
  readonly moments: Moment[] = [];
  readonly changes: (BudgetChange & { readonly second: number })[] = [];
  readonly budget: Budget;
  private ms = 0;
  private usedSeconds = 0;
  private mebibytes: number;
  private samples = 0;
  private rateHz: number;

  constructor(private readonly plant: Plant) {
    const { wantedHz, limitCores, limitMebibytes } = plant;
    this.rateHz = wantedHz;
    this.mebibytes = 60;
    const clock: Clock = { wallMs: () => this.ms, monotonicMs: () => this.ms };
    this.budget = new Budget({
      clock,
      limits: {
        memory: limitMebibytes === undefined ? undefined : { bytes: limitMebibytes * MIB, cgroup: undefined },
        cpuCores: limitCores,
      },
      readMemory: () => ({ useBytes: this.mebibytes * MIB, share: this.mebibytes / (limitMebibytes ?? Infinity) }),
      readCpu: () => this.usedSeconds,
      samples: () => this.samples,
      wantedHz: () => wantedHz,
      apply: (shed) => {
        this.rateHz = Math.min(wantedHz, ceilingOf(shed, wantedHz));
      },
      onChange: (change) => {
        this.changes.push({ ...change, second: this.ms / 1000 });
      },
    });
  }

  get last(): Moment {
    return this.moments.at(-1)!;
  }

  run(seconds: number): void {
    const endMs = this.ms + seconds * 1000;
    while (this.ms < endMs) this.live(this.budget.look());
  }

  /** Mean use of the last so many seconds, cores. */
  meanCores(seconds: number): number {
    const from = this.ms / 1000 - seconds;
    const of = this.moments.filter(({ second }) => second >= from);
    return of.reduce((sum, { cores }) => sum + cores, 0) / of.length;
  }

  private live(forMs: number): void {
    const { plant, rateHz, budget } = this;
    const second = this.ms / 1000;
    const share = forMs / 1000;
    const cores = plant.cores?.(rateHz, budget.shed, second) ?? 0;
    const wanted = plant.mebibytes?.(rateHz, budget.shed, second) ?? 0;
    this.ms += forMs;
    this.usedSeconds += cores * share;
    this.mebibytes += (wanted - this.mebibytes) * Math.min(1, MEMORY_PACE * share);
    this.samples += rateHz * share;
    const level = Math.max(0, ...budget.status.map((status) => status.level));
    this.moments.push({ second, level, rateHz, cores, mebibytes: this.mebibytes });
  }
}
