import type { Pod } from "../model/pod.js";
import { DEFAULT_RUN_MS, MAX_RUN_MS, MIN_RUN_MS, parseSchedule, type Schedule } from "../schedule/schedule.js";
import { printable } from "../util/printable.js";
import { annotationOf, DURATION_ANNOTATION, SCHEDULE_ANNOTATION, type AnnotationMistake } from "./annotations.js";

/** A span of the wall clock, milliseconds since the epoch; both ends included. */
export interface WallSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a pod's own schedule says of a span. */
export interface PodScheduleState {
  /** It has none, or wants samples at some moment of the span. */
  readonly open: boolean;
  /** When that changes, after the span's end; Infinity for a pod without a schedule. */
  readonly changeMs: number;
}

const UNSCHEDULED: PodScheduleState = { open: true, changeMs: Infinity };
const UNITS_MS: Readonly<Record<string, number>> = { "": 1000, s: 1000, m: 60_000, h: 3_600_000 };
/** Different schedules that are remembered, with the times of some days each. A node has 250 pods at most. */
const MAX_KNOWN = 300;

/** The schedules that pods have given themselves by annotation. */
export class PodSchedules {
  private readonly known = new Map<string, Schedule | string>();

  /** Mistakes are added to the list; a schedule that is wrong is none. */
  at(pod: Pod | undefined, { fromMs, toMs }: WallSpan, mistakes: AnnotationMistake[]): PodScheduleState {
    const expression = annotationOf(pod, SCHEDULE_ANNOTATION);
    const duration = annotationOf(pod, DURATION_ANNOTATION);
    if (pod === undefined || (expression === undefined && duration === undefined)) return UNSCHEDULED;
    const mistaken = (annotation: string, value: string, what: string): void => {
      const message = `Pod ${pod.namespace}/${pod.name} has ${annotation}: "${printable(value).slice(0, 60)}", ${what}.`;
      mistakes.push({ annotation, message });
    };
    if (expression === undefined) {
      mistaken(DURATION_ANNOTATION, duration ?? "", `and no ${SCHEDULE_ANNOTATION}, and is ignored`);
      return UNSCHEDULED;
    }
    const durationMs = duration === undefined ? DEFAULT_RUN_MS : durationOf(duration);
    if (durationMs === undefined) {
      mistaken(
        DURATION_ANNOTATION,
        duration ?? "",
        "which is no time such as 60s or 5m, from 1s to 24h: 60s are taken",
      );
    }
    const schedule = this.scheduleOf(expression, durationMs ?? DEFAULT_RUN_MS);
    if (typeof schedule === "string") {
      mistaken(SCHEDULE_ANNOTATION, expression, `which is ignored: ${schedule}`);
      return UNSCHEDULED;
    }
    return { open: schedule.anyBetween(fromMs, toMs), changeMs: schedule.at(toMs).changeMs };
  }

  private scheduleOf(expression: string, durationMs: number): Schedule | string {
    const key = `${durationMs} ${expression}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    if (this.known.size >= MAX_KNOWN) this.known.clear();
    const schedule = parseSchedule(expression, durationMs);
    this.known.set(key, schedule);
    return schedule;
  }
}

/** "90", "90s", "5m", "1h": milliseconds. */
function durationOf(text: string): number | undefined {
  const [, amount, unit] = /^\s*(\d{1,6})([smh]?)\s*$/.exec(text) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  const ms = Number(amount) * UNITS_MS[unit];
  return ms >= MIN_RUN_MS && ms <= MAX_RUN_MS ? ms : undefined;
}
