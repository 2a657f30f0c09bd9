import type { Clock } from "../util/clock.js";

/** How a part of the agent stands. "off" is what was asked for. */
export type PartState = "ok" | "starting" | "degraded" | "off";

export interface PartHealth {
  readonly state: PartState;
  /** What is there, or what is missing and what to do: one sentence; "" when there is nothing to say. */
  readonly detail: string;
}

export type AgentPhase = "starting" | "sampling" | "stopping";

export interface HealthReport {
  readonly ready: boolean;
  readonly phase: AgentPhase;
  readonly parts: Readonly<Record<string, PartHealth>>;
  /** The sentences of what is degraded, for whoever reads only one line. */
  readonly missing: readonly string[];
}

/**
 * Ready is whoever samples. A part that is degraded does not change that: profiling goes on without names of pods, without a
 * runtime, and with a full disk in front of a window that is counted; taking the agent out of rotation would mend
 * none of them, and a rollout would stop at the first node whose runtime restarts. The report says what is missing.
 */
export function reportHealth(phase: AgentPhase, parts: Readonly<Record<string, PartHealth>>): HealthReport {
  const missing = Object.entries(parts)
    .filter(([, { state }]) => state === "degraded")
    .map(([name, { detail }]) => `${name}: ${detail}`);
  return { ready: phase === "sampling", phase, parts, missing };
}

/** Several parts of one kind, such as the sockets of runtimes: as bad as the worst of them. */
export function worstOf(parts: readonly PartHealth[], none: PartHealth): PartHealth {
  const order: readonly PartState[] = ["degraded", "starting", "ok", "off"];
  for (const state of order) {
    const found = parts.filter((part) => part.state === state);
    if (found.length > 0) return { state, detail: found.map(({ detail }) => detail).join(" ") };
  }
  return none;
}

export interface LivenessModules {
  readonly clock: Clock;
  /** Samples that the kernel side has taken, whether or not the ring had room, and those that arrived here; both only grow. */
  readonly produced: () => number;
  readonly arrived: () => number;
  /** How long the present window has been going on, how long it may, and how long one has been in writing. */
  readonly windowAgeMs: () => number;
  readonly writingMs: () => number;
  readonly windowMs: () => number;
}

/** Samples lie in the ring for a quarter of a second at most; minutes are a drain that has stopped. */
const DRAIN_MS = 60_000;
/** A window goes on for eleven tenths of its length, and while the ones before it are written; each is written in seconds. */
const WINDOW_SHARE = 5;

/** Whether the agent still does its work. That it answers at all says that the event loop is alive. */
export class Liveness {
  private arrivedBefore = -1;
  private producedBefore = 0;
  /** Since when there are samples that nobody took out. */
  private stuckSinceMs: number | undefined;

  constructor(private readonly modules: LivenessModules) {}

  /** Why the agent should be started anew, undefined while it is well. */
  problem(): string | undefined {
    const { windowAgeMs, writingMs } = this.modules;
    const windowMs = this.modules.windowMs();
    const longest = Math.max(DRAIN_MS, windowMs * WINDOW_SHARE);
    const stuckMs = this.stuckMs();
    if (stuckMs > DRAIN_MS) return `samples wait in the ring, and none has been taken out for ${seconds(stuckMs)}.`;
    if (windowAgeMs() > longest) {
      return `a window of ${seconds(windowMs)} has been going on for ${seconds(windowAgeMs())}.`;
    }
    // Behind a writer that hangs, windows still end when their memory is full, and are dropped.
    return writingMs() > longest
      ? `a window of ${seconds(windowMs)} has been in writing for ${seconds(writingMs())}.`
      : undefined;
  }

  /**
   * By what changed and not by the difference of the two: were they ever apart for good, an idle node would be started anew
   * for ever.
   */
  private stuckMs(): number {
    const { clock, produced, arrived } = this.modules;
    const [now, made, here] = [clock.monotonicMs(), produced(), arrived()];
    if (here !== this.arrivedBefore) {
      this.arrivedBefore = here;
      this.producedBefore = made;
      this.stuckSinceMs = undefined;
    } else if (made > this.producedBefore) {
      this.stuckSinceMs ??= now;
    }
    return this.stuckSinceMs === undefined ? 0 : now - this.stuckSinceMs;
  }
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 1000)} s`;
}

/** How the agent stands, as it comes to be known while it starts. */
export class AgentHealth {
  phase: AgentPhase = "starting";
  liveness: Liveness | undefined;
  private readonly groups: (() => Iterable<readonly [name: string, health: PartHealth]>)[] = [];

  /** A part of the agent, asked each time. */
  add(name: string, read: () => PartHealth): void {
    this.addEach(() => [[name, read()]]);
  }

  /** Parts that come and go while the agent runs. */
  addEach(read: () => Iterable<readonly [name: string, health: PartHealth]>): void {
    this.groups.push(read);
  }

  report(): HealthReport {
    const parts = Object.fromEntries(this.groups.flatMap((read) => [...read()]));
    return reportHealth(this.phase, parts);
  }
}
