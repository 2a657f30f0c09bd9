import type { Native } from "../native/load.js";
import type { Session } from "../native/addon.js";
import { errnoOf } from "../util/errno.js";

/** How long the kernel's BPF statistics are on, in each window. */
const MEASURED_MS = 1000;
/** Of a run that hit the idle task, which is left at once. */
const IDLE_SECONDS = 0.3e-6;

/**
 * What a tick costs in the kernel. Statistics, while they are on, cost every BPF program of the machine some ten
 * nanoseconds a run, so they are on for a second of each window and the mean is kept.
 */
export class BpfTime {
  /** Of one run of the sampling program, idle ticks included; undefined while it is not known. */
  meanSeconds: number | undefined;
  /** Of one run that hit a task; undefined while it is not known. */
  taskSeconds: number | undefined;
  private off: (() => void) | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly native: Native,
    private readonly session: Session,
    /** Ticks that hit a task, since the start. */
    private readonly taskTicks: () => number,
  ) {}

  /** Measures for a second. Where the right to (CAP_SYS_ADMIN) is missing, nothing is known. */
  measure(): void {
    if (this.off !== undefined) return;
    try {
      this.off = this.native.addon.enableProgramStats();
    } catch (error) {
      if (errnoOf(error) === "") throw error;
      return;
    }
    const before = this.sums();
    this.timer = setTimeout(() => {
      const after = this.sums();
      this.stop();
      const runs = after.runs - before.runs;
      const seconds = (after.nanoseconds - before.nanoseconds) / 1e9;
      if (runs > 0) this.meanSeconds = seconds / runs;
      const tasks = Math.min(runs, after.tasks - before.tasks);
      if (tasks > 0) this.taskSeconds = Math.max(0, seconds - (runs - tasks) * IDLE_SECONDS) / tasks;
    }, MEASURED_MS).unref();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.off?.();
    this.off = undefined;
  }

  private sums(): { readonly runs: number; readonly nanoseconds: number; readonly tasks: number } {
    const programs = Object.values(this.session.programStats());
    return {
      tasks: this.taskTicks(),
      runs: programs.reduce((sum, { runs }) => sum + runs, 0),
      nanoseconds: programs.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0),
    };
  }
}
