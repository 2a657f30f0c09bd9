import type { SleepingClock } from "../util/clock.js";
import type { RateState } from "./sampling-rate.js";
import { untilWindowEnd } from "./window-times.js";

/** Why a window ended. */
export const WINDOW_ENDS = ["clock", "memory", "rate", "schedule", "stop"] as const;
export type WindowEnd = (typeof WINDOW_ENDS)[number];

/** When a window was, how often was sampled in it, and why it ended. */
export interface WindowSpan {
  /** Wall clock at its start, nanoseconds since the epoch. */
  readonly startNs: bigint;
  /** By the monotonic clock, and so never negative. */
  readonly durationNs: bigint;
  readonly end: WindowEnd;
  /** The first after the start of the agent. */
  readonly first: boolean;
  /** Ticks a second on each CPU, from its beginning to its end; never 0. */
  readonly frequencyHz: number;
  /** False outside the schedule: the window is there for somebody who demanded it, and is not exported. */
  readonly exported: boolean;
}

/** How a window ends for whoever keeps things from one to the next: as part of one, or before a rest. */
export type Rotation = "whole" | "part" | "rest";

export interface WindowLoopModules<Window> {
  readonly clock: SleepingClock;
  readonly lengthMs: number;
  /** Aborts when the agent is asked to stop. */
  readonly stop: AbortSignal;
  /** Sets the rate in the kernel; 0 for a rest. What was sampled until then joins the present window. */
  readonly setFrequency: (frequencyHz: number) => void;
  /** Ends the present window and begins the next. */
  readonly rotate: (ended: Rotation) => Window;
  /** Nothing waits that would join the present window later. */
  readonly settled: () => boolean;
  /** Whether a window that ends now would be taken at once. */
  readonly canTake: () => boolean;
  readonly take: (window: Window, span: WindowSpan) => void;
  /** Milliseconds until the schedule ends sampling; Infinity while it does not. */
  readonly closesInMs: () => number;
  /** A rest begins or ends, this moment. */
  readonly onRest: (resting: boolean) => void;
  /** The rest is a long one: what was kept for the next window may go. */
  readonly onLongRest: () => void;
}

/** Samples of files that have no rows yet, when a rest begins, are waited for so long. */
const SETTLE_MS = 5000;
const SETTLE_LOOK_MS = 100;
/** Shorter rests than this keep what was learnt of executables: it is needed again in ten minutes. */
const LONG_REST_MS = 15 * 60_000;
/** Timers of Node.js end at 24 days. */
const MAX_SLEEP_MS = 3_600_000;

interface Moment {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/**
 * Ends windows until the agent stops, each with one rate from its beginning to its end; at rest there are none. The last
 * one is left to whoever stops sampling; {@link lastSpan} says when it was.
 */
export class WindowLoop<Window> {
  /** Of the present window; undefined before the first and at rest. */
  private start: Moment | undefined;
  private endsAtMs = 0;
  /** Sampling is over; some of its samples wait for rows. */
  private ending: { readonly span: WindowSpan; readonly byMs: number } | undefined;
  private restBegan: number | undefined;
  private begun = false;
  private first = true;
  private full = false;
  private failure: { readonly error: unknown } | undefined;
  private alarm = new AbortController();
  /** Windows that went on past their end, because those before them were still being written. */
  postponed = 0;

  constructor(
    private readonly modules: WindowLoopModules<Window>,
    private state: RateState,
  ) {
    modules.stop.addEventListener("abort", this.wake, { once: true });
  }

  /** Sampling begins now, or the rest until it does. */
  begin(): void {
    this.begun = true;
    if (this.state.frequencyHz === 0) this.beginRest();
    else this.beginWindow();
  }

  /** How long ago the present window began, milliseconds; 0 while there is none. */
  get ageMs(): number {
    return this.start === undefined ? 0 : this.modules.clock.monotonicMs() - this.start.monotonicMs;
  }

  get resting(): boolean {
    return this.begun && this.state.frequencyHz === 0;
  }

  /** Ends windows until the agent stops; throws what the kernel said where it did not take a rate. */
  async run(): Promise<void> {
    const { clock, stop } = this.modules;
    while (!stop.aborted) {
      this.alarm = new AbortController();
      await clock.sleep(Math.min(this.step(), MAX_SLEEP_MS), this.alarm.signal);
      if (this.failure !== undefined) throw this.failure.error;
    }
  }

  /** The rate changes now, or whether windows are exported: the present one ends. */
  setRate(next: RateState): void {
    // What is sampled until the kernel has the new rate is the old window's: it is flushed into it.
    const span = this.span(next.open === this.state.open ? "rate" : "schedule");
    const wasResting = this.resting;
    this.state = next;
    try {
      this.modules.setFrequency(next.frequencyHz);
    } catch (error) {
      this.failure = { error };
    }
    if (!this.begun || (wasResting && next.frequencyHz === 0)) return;
    if (next.frequencyHz === 0) {
      if (span !== undefined) this.ending = { span, byMs: this.modules.clock.monotonicMs() + SETTLE_MS };
      this.start = undefined;
      this.beginRest();
    } else {
      this.takeEnding("whole");
      if (span !== undefined) this.take(this.modules.rotate("part"), span);
      if (wasResting) this.modules.onRest(false);
      this.restBegan = undefined;
      this.beginWindow();
    }
    this.wake();
  }

  /** The present window takes more memory than it may. */
  windowFull(): void {
    this.full = true;
    this.wake();
  }

  /** Of the window that whoever stops sampling takes; undefined at rest, when there is none. */
  lastSpan(): WindowSpan | undefined {
    return this.ending?.span ?? this.span("stop");
  }

  /** Does what is due; gives the milliseconds until something else is. */
  private step(): number {
    const { modules } = this;
    const now = modules.clock.monotonicMs();
    if (this.ending !== undefined) {
      if (!modules.settled() && now < this.ending.byMs) return SETTLE_LOOK_MS;
      this.takeEnding("rest");
    }
    if (this.start === undefined) return this.rest(now);
    if (this.full) {
      this.end("memory");
    } else if (this.endsAtMs <= now) {
      if (modules.canTake()) this.end("clock");
      else this.postpone();
    }
    return this.endsAtMs - now;
  }

  private end(why: WindowEnd): void {
    const span = this.span(why);
    if (span === undefined) return;
    this.take(this.modules.rotate("whole"), span);
    this.beginWindow();
  }

  /** It goes on, and nothing is lost, until its memory is full. */
  private postpone(): void {
    this.postponed++;
    this.endsAtMs = this.nextEnd();
  }

  private takeEnding(ended: Rotation): void {
    const { ending, modules } = this;
    if (ending === undefined) return;
    this.ending = undefined;
    this.take(modules.rotate(ended), ending.span);
  }

  private take(window: Window, span: WindowSpan): void {
    this.first = false;
    this.full = false;
    this.modules.take(window, span);
  }

  private beginWindow(): void {
    const { clock } = this.modules;
    this.start = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
    this.endsAtMs = this.nextEnd();
  }

  private beginRest(): void {
    this.restBegan = this.modules.clock.monotonicMs();
    this.modules.onRest(true);
  }

  private nextEnd(): number {
    const { clock, lengthMs, closesInMs } = this.modules;
    return clock.monotonicMs() + untilWindowEnd(clock.wallMs(), lengthMs, closesInMs());
  }

  private rest(now: number): number {
    if (this.restBegan === undefined) return Infinity;
    const left = this.restBegan + LONG_REST_MS - now;
    if (left > 0) return left;
    this.restBegan = undefined;
    this.modules.onLongRest();
    return Infinity;
  }

  /** The present window as if it ended now. */
  private span(end: WindowEnd): WindowSpan | undefined {
    if (this.start === undefined) return undefined;
    return {
      startNs: BigInt(Math.round(this.start.wallMs)) * 1_000_000n,
      durationNs: BigInt(Math.max(0, Math.round(this.ageMs * 1e6))),
      end,
      first: this.first,
      frequencyHz: this.state.frequencyHz,
      exported: this.state.open,
    };
  }

  private readonly wake = (): void => {
    this.alarm.abort();
  };
}
