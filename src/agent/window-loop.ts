import type { Clock } from "../util/clock.js";
import { untilWindowEnd } from "./window-times.js";

/** Why a window ended. */
export const WINDOW_ENDS = ["clock", "memory", "stop"] as const;
export type WindowEnd = (typeof WINDOW_ENDS)[number];

/** When a window was, and why it ended. */
export interface WindowSpan {
  /** Wall clock at its start, nanoseconds since the epoch. */
  readonly startNs: bigint;
  /** By the monotonic clock, and so never negative. */
  readonly durationNs: bigint;
  readonly end: WindowEnd;
  /** The first after the start of the agent. */
  readonly first: boolean;
}

export interface WindowLoopModules<Window> {
  readonly clock: Clock;
  /** Asked again and again: a window that is going on ends by the length that holds by then. */
  readonly lengthMs: () => number;
  /** Ends the present window and begins the next. */
  readonly rotate: () => Window;
  /** The present window takes more memory than it may. */
  readonly isFull: () => boolean;
  /** Whether a window that ends now would be taken at once. */
  readonly canTake: () => boolean;
  readonly take: (window: Window, span: WindowSpan) => void;
  /** Resolves after so many milliseconds, or when the agent is asked to stop. */
  readonly wait: (ms: number) => Promise<void>;
  readonly stopping: () => boolean;
}

/** How often a window's memory is looked at: at 999 Hz on 64 CPUs some 10 MiB of new stacks. */
const LOOK_MS = 500;

/** Ends windows until the agent stops. The last one is left to whoever stops sampling; {@link span} says when it was. */
export class WindowLoop<Window> {
  private startWallMs: number;
  private startMonotonicMs: number;
  private first = true;
  /** The longest length that held since the present window began: how long it may be expected to go on. */
  longestMs: number;
  /** Windows that went on past their end, because those before them were still being written. */
  postponed = 0;

  constructor(private readonly modules: WindowLoopModules<Window>) {
    this.startWallMs = modules.clock.wallMs();
    this.startMonotonicMs = modules.clock.monotonicMs();
    this.longestMs = modules.lengthMs();
  }

  /** Sampling begins now. */
  begin(): void {
    this.startWallMs = this.modules.clock.wallMs();
    this.startMonotonicMs = this.modules.clock.monotonicMs();
    this.longestMs = this.modules.lengthMs();
  }

  /** How long ago the present window began, milliseconds. */
  get ageMs(): number {
    return this.modules.clock.monotonicMs() - this.startMonotonicMs;
  }

  async run(): Promise<void> {
    const { modules } = this;
    while (!modules.stopping()) {
      const end = await this.untilEnd();
      if (end === "stop") return;
      if (end === "clock" && !modules.canTake()) {
        // It goes on, and nothing is lost, until its memory is full.
        this.postponed++;
        continue;
      }
      const span = this.span(end);
      const window = modules.rotate();
      this.first = false;
      this.begin();
      modules.take(window, span);
    }
  }

  /** The present window as if it ended now. */
  span(end: WindowEnd): WindowSpan {
    const durationNs = BigInt(Math.max(0, Math.round(this.ageMs * 1e6)));
    return { startNs: BigInt(Math.round(this.startWallMs)) * 1_000_000n, durationNs, end, first: this.first };
  }

  private async untilEnd(): Promise<WindowEnd> {
    const { modules } = this;
    const { clock } = modules;
    let lengthMs = modules.lengthMs();
    let endMs = clock.monotonicMs() + untilWindowEnd(clock.wallMs(), lengthMs);
    for (;;) {
      if (modules.lengthMs() !== lengthMs) {
        lengthMs = modules.lengthMs();
        this.longestMs = Math.max(this.longestMs, lengthMs);
        endMs = clock.monotonicMs() + untilWindowEnd(clock.wallMs(), lengthMs);
      }
      if (modules.stopping()) return "stop";
      if (modules.isFull()) return "memory";
      const left = endMs - clock.monotonicMs();
      if (left <= 0) return "clock";
      await modules.wait(Math.min(left, LOOK_MS));
    }
  }
}
