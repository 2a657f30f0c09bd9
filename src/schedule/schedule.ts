import { parseCron, type Cron } from "./cron.js";

/** Whether a run is on, and when that changes. */
export interface ScheduleState {
  readonly open: boolean;
  /** Milliseconds since the epoch, after the time that was asked for; Infinity where it never changes. */
  readonly changeMs: number;
}

export const DEFAULT_RUN_MS = 60_000;
export const MIN_RUN_MS = 1000;
export const MAX_RUN_MS = 24 * 3_600_000;

const HOUR_MS = 3_600_000;
/** Runs that follow each other without a pause are followed so far; it is then looked again. */
const HORIZON_MS = 48 * HOUR_MS;
/** February 29 of a year such as 2096 is followed by one eight years later. */
const MAX_DAYS = 9 * 366;
/** Expressions of a week, and the day that clocks change in it, show whether runs overlap. */
const OVERLAP_DAYS = 8;

/** A run of so many milliseconds at each time that an expression means. Runs that overlap or touch are one. */
export class Schedule {
  private known: (ScheduleState & { readonly fromMs: number }) | undefined;

  constructor(
    readonly cron: Cron,
    readonly durationMs: number,
  ) {}

  /** At a moment of the wall clock, milliseconds since the epoch. */
  at(wallMs: number): ScheduleState {
    const { known } = this;
    if (known !== undefined && known.fromMs <= wallMs && wallMs < known.changeMs) return known;
    const state = { ...this.find(wallMs), fromMs: wallMs };
    this.known = state;
    return state;
  }

  /** Whether a run was on at any moment between two, both included. */
  anyBetween(fromMs: number, toMs: number): boolean {
    const { open, changeMs } = this.at(fromMs);
    return open || changeMs <= toMs;
  }

  /** Whether, in the week to come, runs begin before those before them have ended. */
  overlaps(wallMs: number): boolean {
    const starts = this.startsFrom(wallMs, wallMs + OVERLAP_DAYS * 24 * HOUR_MS);
    return starts.some((start, index) => index > 0 && start - starts[index - 1] < this.durationMs);
  }

  private find(wallMs: number): ScheduleState {
    const { durationMs } = this;
    let endMs = -Infinity;
    for (const start of this.startsFrom(wallMs - durationMs, wallMs + HORIZON_MS)) {
      if (start + durationMs <= wallMs) continue;
      if (start > wallMs && start > endMs) break;
      endMs = start + durationMs;
    }
    return endMs > wallMs ? { open: true, changeMs: endMs } : { open: false, changeMs: this.nextStart(wallMs) };
  }

  private nextStart(wallMs: number): number {
    let dayMs = wallMs;
    for (let day = 0; day < MAX_DAYS; day++) {
      const next = this.cron.startsOfDay(dayMs).find((start) => start > wallMs);
      if (next !== undefined) return next;
      dayMs = nextDay(dayMs);
    }
    return Infinity;
  }

  /** Ascending. */
  private startsFrom(fromMs: number, toMs: number): readonly number[] {
    const starts: number[] = [];
    for (let dayMs = fromMs; ; dayMs = nextDay(dayMs)) {
      for (const start of this.cron.startsOfDay(dayMs)) {
        if (start >= fromMs && start <= toMs) starts.push(start);
      }
      if (nextDay(dayMs) > toMs) return starts;
    }
  }
}

/** Reads an expression and makes runs of it; why not, where it is wrong. */
export function parseSchedule(text: string, durationMs: number): Schedule | string {
  const cron = parseCron(text);
  return typeof cron === "string" ? cron : new Schedule(cron, durationMs);
}

/** The first moment of the local day after this one. */
function nextDay(ms: number): number {
  const date = new Date(ms);
  for (let days = 1; ; days++) {
    const next = new Date(date.getFullYear(), date.getMonth(), date.getDate() + days).getTime();
    // A zone that changes sides of the date line leaves a day out.
    if (next > ms) return next;
  }
}
