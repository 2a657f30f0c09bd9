import type { Capture } from "../../capture/capture.js";
import type { Tap, WantsThread } from "../../capture/tap.js";
import type { Window } from "../../capture/window.js";
import type { ProfileBatch } from "../../model/labelled-profile.js";
import { mergeProfiles, type MergedProfile } from "../../profiles/merge.js";
import { ownLabels } from "../encode-profile.js";
import type { SamplingRate } from "../sampling-rate.js";
import type { WindowSpan } from "../window-loop.js";
import { matches } from "./profile-filter.js";
import type { RecordingQuery } from "./query.js";

/** Why a recording ended. */
export const RECORDING_ENDS = [
  "time",
  "memory",
  "rate-changed",
  "paused",
  "client-gone",
  "stopping",
  "failed",
] as const;
export type RecordingEnd = (typeof RECORDING_ENDS)[number];

export interface RecordingsModules {
  readonly capture: Pick<Capture, "openTap" | "closeTap" | "dropTap">;
  readonly rate: Pick<SamplingRate, "frequencyHz" | "demand">;
  /** Of which threads the query wants samples, as far as can be said while they are taken. */
  readonly wants: (query: RecordingQuery) => WantsThread;
  /** Names, labels and redacts as for exporters; leaves out what is refused, and says how much by reason. */
  readonly make: (window: Window, span: RecordedSpan) => Promise<MadeProfiles>;
  /** Recordings at once. */
  readonly most: number;
  /** What all recordings together may hold; the largest ends early beyond it. */
  readonly memoryBytes: number;
  /** The agent stops. */
  readonly stopping: AbortSignal;
}

export type RecordedSpan = Pick<WindowSpan, "startNs" | "durationNs"> & {
  readonly frequencyHz: number;
  readonly periodNs: number;
};

export interface MadeProfiles {
  readonly batch: ProfileBatch;
  readonly refused: ReadonlyMap<string, number>;
}

/** What came of asking. "busy": as many as may are under way; "paused": nobody is sampled now, by the agent's budget. */
export type RecordingResult<Made> =
  | { readonly kind: "recorded"; readonly made: Made }
  | { readonly kind: "busy"; readonly retryAfterMs: number }
  | { readonly kind: "paused" }
  | { readonly kind: "abandoned" };

export interface Recording extends MergedProfile {
  readonly end: RecordingEnd;
  readonly samples: number;
  /** What whoever reads the profile should know, a sentence each. */
  readonly notes: readonly string[];
}

interface Running {
  readonly tap: Tap;
  readonly untilMs: number;
  readonly end: (why: RecordingEnd) => void;
}

/** How often memory is looked at. */
const LOOK_MS = 250;
/** Whoever asks for a second has half a second more of patience: go tool pprof waits half as long again as it asked for. */
const LATE_SHARE = 0.2;
const MAX_LATE_MS = 2000;

/** Profiles of some seconds for whoever asks: samples of their own beside the windows', never instead of them. */
export class Recordings {
  private readonly under = new Set<Running>();
  private finishing: Promise<unknown> = Promise.resolve();
  /** Asked for, and neither answered nor given up: sampling, or being named. */
  running = 0;
  readonly ended: Record<RecordingEnd, number> = {
    ...{ time: 0, memory: 0, "rate-changed": 0, paused: 0, "client-gone": 0, stopping: 0, failed: 0 },
  };
  /** Samples that a recording lacks because the rows of their files did not come in time; windows have them. */
  lateSamples = 0;

  constructor(private readonly modules: RecordingsModules) {
    modules.stopping.addEventListener("abort", () => {
      for (const { end } of [...this.under]) end("stopping");
    });
  }

  /** Bytes that recordings hold now. */
  get bytes(): number {
    let bytes = 0;
    for (const { tap } of this.under) bytes += tap.window.bytes;
    return bytes;
  }

  /** Resolves when nothing is being named, or after so long. */
  async settled(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, timeoutMs)));
    await Promise.race([this.finishing, late]);
    clearTimeout(timer);
  }

  /**
   * Records, names what was recorded, and makes something of it, which counts as part of it: only so is what all take
   * together bounded. Whoever asked may go at any time: the signal aborts, and it ends.
   */
  async record<Made>(
    query: RecordingQuery,
    gone: AbortSignal,
    makeOf: (recording: Recording) => Promise<Made>,
  ): Promise<RecordingResult<Made>> {
    if (this.running >= this.modules.most) {
      return { kind: "busy", retryAfterMs: this.untilNextEndMs() };
    }
    this.running++;
    const release = this.modules.rate.demand();
    let end: RecordingEnd = "failed";
    try {
      const { frequencyHz } = this.modules.rate;
      if (frequencyHz === 0) {
        end = "paused";
        return { kind: "paused" };
      }
      const result = await this.sampled(query, frequencyHz, gone, makeOf);
      end = result.end;
      return "made" in result ? { kind: "recorded", made: result.made } : { kind: "abandoned" };
    } finally {
      release();
      this.running--;
      this.ended[end]++;
    }
  }

  private async sampled<Made>(
    query: RecordingQuery,
    frequencyHz: number,
    gone: AbortSignal,
    makeOf: (recording: Recording) => Promise<Made>,
  ): Promise<{ readonly end: RecordingEnd } | { readonly end: RecordingEnd; readonly made: Made }> {
    const { capture, wants, make } = this.modules;
    const startNs = BigInt(Date.now()) * 1_000_000n;
    const tap = capture.openTap(wants(query));
    try {
      const end = await this.untilEnd(query, tap, frequencyHz, gone);
      if (end === "client-gone" || end === "stopping") return { end };
      const { window, late } = await capture.closeTap(tap, Math.min(MAX_LATE_MS, query.seconds * 1000 * LATE_SHARE));
      this.lateSamples += late;
      const durationNs = BigInt(Math.round(tap.endNs - tap.startNs));
      const span = { startNs, durationNs, frequencyHz, periodNs: Math.round(1e9 / frequencyHz) };
      return await this.inTurn(async () => {
        if (gone.aborted) return { end: "client-gone" };
        if (this.modules.stopping.aborted) return { end: "stopping" };
        const recording = merged(query, span, end, { ...(await make(window, span)), late });
        return { end, made: await makeOf(recording) };
      });
    } finally {
      capture.dropTap(tap);
    }
  }

  private async untilEnd(
    { seconds }: RecordingQuery,
    tap: Tap,
    frequencyHz: number,
    gone: AbortSignal,
  ): Promise<RecordingEnd> {
    const { rate, stopping } = this.modules;
    return new Promise((resolve) => {
      const end = (why: RecordingEnd): void => {
        clearTimeout(timer);
        clearInterval(look);
        this.under.delete(running);
        tap.onWindowEnd = undefined;
        gone.removeEventListener("abort", onGone);
        resolve(why);
      };
      const onGone = (): void => {
        end("client-gone");
      };
      const running: Running = { tap, untilMs: performance.now() + seconds * 1000, end };
      const timer = setTimeout(end, seconds * 1000, "time");
      const look = setInterval(() => {
        this.endLargest();
      }, LOOK_MS);
      this.under.add(running);
      // The window ends before the rate changes; a profile has one rate too.
      tap.onWindowEnd = () => {
        setImmediate(() => {
          if (rate.frequencyHz !== frequencyHz && this.under.has(running)) end("rate-changed");
        });
      };
      gone.addEventListener("abort", onGone);
      if (gone.aborted) onGone();
      else if (stopping.aborted) end("stopping");
    });
  }

  private endLargest(): void {
    if (this.bytes <= this.modules.memoryBytes) return;
    const [largest] = [...this.under].sort((a, b) => b.tap.window.bytes - a.tap.window.bytes);
    largest?.end("memory");
  }

  /** One after another: a profile being named takes many times what its samples take. */
  private async inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.finishing.then(task);
    this.finishing = turn.catch(() => undefined);
    return turn;
  }

  private untilNextEndMs(): number {
    const now = performance.now();
    const ends = Array.from(this.under, ({ untilMs }) => untilMs - now);
    return Math.max(1000, ends.length < this.running ? 1000 : Math.min(...ends));
  }
}

function merged(
  query: RecordingQuery,
  span: RecordedSpan,
  end: RecordingEnd,
  { batch, refused, late }: MadeProfiles & { readonly late: number },
): Recording {
  const parts = batch.profiles
    .map((labelled) => ({ profile: labelled.profile, labels: ownLabels(labelled) }))
    .filter(({ labels }) => matches(query, labels));
  const { startNs: timeNs, durationNs, periodNs } = span;
  const whole = mergeProfiles(parts, { timeNs, durationNs, periodNs });
  const took = (Number(durationNs) / 1e9).toFixed(1);
  const notes: string[] = [];
  if (end === "memory") notes.push(`It ended after ${took} s of ${query.seconds}: recordings had no memory left.`);
  if (end === "rate-changed") notes.push(`It ended after ${took} s of ${query.seconds}: the sampling rate changed.`);
  if (late > 0) notes.push(`${late} samples are not in it: the unwind rows of their files did not come in time.`);
  for (const [reason, count] of refused) notes.push(`${count} samples were left out: ${reason}.`);
  const samples = whole.profile.samples.count.reduce((sum, count) => sum + count, 0);
  return { ...whole, end, samples, notes };
}
