import { parseSchedule, type Schedule } from "../schedule/schedule.js";
import type { Log } from "../model/log.js";
import type { SleepingClock } from "../util/clock.js";
import type { SamplingRate } from "./sampling-rate.js";

export interface SchedulingModules {
  readonly clock: SleepingClock;
  readonly rate: Pick<SamplingRate, "setOpen">;
  readonly log: Log;
}

/** A clock that was set is noticed within this time; a look takes some microseconds. */
const LOOK_MS = 10_000;

/** Has samples taken while a run of a schedule is on. */
export class Scheduling {
  private open: boolean;
  private readonly closing = new AbortController();

  /** Opens or closes at once. */
  constructor(
    private readonly schedule: Schedule,
    private readonly modules: SchedulingModules,
  ) {
    this.open = this.state.open;
    modules.rate.setOpen(this.open);
    this.tell();
  }

  /** When the run that is on ends, or the next one begins; undefined where no run ever ends. */
  get nextChange(): Date | undefined {
    const { changeMs } = this.state;
    return Number.isFinite(changeMs) ? new Date(changeMs) : undefined;
  }

  /** Milliseconds until sampling ends; Infinity while there is none. */
  closesInMs(): number {
    const { open, changeMs } = this.state;
    return open ? changeMs - this.modules.clock.wallMs() : Infinity;
  }

  /** Opens and closes sampling until {@link close}. */
  async run(): Promise<void> {
    const { clock, rate } = this.modules;
    const { signal } = this.closing;
    while (!signal.aborted) {
      const { open, changeMs } = this.state;
      if (open !== this.open) {
        this.open = open;
        rate.setOpen(open);
        this.tell();
      }
      await clock.sleep(Math.min(Math.max(1, changeMs - clock.wallMs()), LOOK_MS), signal);
    }
  }

  close(): void {
    this.closing.abort();
  }

  /** For a person: "until 2026-11-21T12:10:00.000Z". */
  get until(): string {
    return this.nextChange === undefined ? "for good" : `until ${this.nextChange.toISOString()}`;
  }

  private get state(): { readonly open: boolean; readonly changeMs: number } {
    return this.schedule.at(this.modules.clock.wallMs());
  }

  private tell(): void {
    const { log } = this.modules;
    if (this.open) log.info("schedule_open", { until: this.nextChange });
    else log.info("schedule_resting", { until: this.nextChange });
  }
}

/** What the options say. They were checked: what is wrong with them is a mistake of ours. */
export function openScheduling(expression: string, durationMs: number, modules: SchedulingModules): Scheduling {
  const schedule = parseSchedule(expression, durationMs);
  if (typeof schedule === "string") throw new Error(`the schedule "${expression}": ${schedule}.`);
  const { log, clock } = modules;
  const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  log.info("scheduled", { schedule: expression, durationMs, timeZone });
  if (schedule.overlaps(clock.wallMs())) log.warn("schedule_overlaps", { detail: OVERLAPS });
  return new Scheduling(schedule, modules);
}

const OVERLAPS =
  "runs begin before those before them have ended, and are joined: make the duration shorter, or the runs fewer";
