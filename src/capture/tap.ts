import type { ThreadId } from "../model/brand.js";
import type { ProfileThread } from "../model/profile.js";
import { sampleLayout } from "../native/abi.generated.js";
import type { PassingSample } from "./passing-sample.js";
import { readThread } from "./thread-table.js";
import { Window } from "./window.js";

const WORD = 2 ** 32;
const TIME = sampleLayout.timeNs >> 2;

/** Whether a thread's samples are wanted; asked once for each thread of each regular window. */
export type WantsThread = (thread: ProfileThread) => boolean;

/** What the tap was told of a thread row of the current regular window; 0 where it has not asked. */
const WANTED = 1;
const REFUSED = 2;

/**
 * Samples that somebody asked for, gathered into a window of its own as they pass into the regular one, from which
 * nothing is taken away. A sample belongs to it by the moment it was taken, whenever it comes: one that waited for rows is
 * as good as another.
 */
export class Tap {
  readonly window = new Window();
  /** CLOCK_MONOTONIC, nanoseconds; what was taken earlier is not its own. */
  readonly startNs: number;
  /** What is taken from then on is not its own. */
  endNs = Infinity;
  /** Told at each end of a regular window, while it happens. */
  onWindowEnd: (() => void) | undefined;
  /** By thread row of the current regular window: 0, WANTED or REFUSED. */
  private answers = new Uint8Array(256);

  constructor(
    private readonly wants: WantsThread,
    private readonly nowNs: () => number = monotonicNs,
  ) {
    this.startNs = nowNs();
  }

  /** Ends it: what is taken from now on is not its own, what was taken before still is. */
  end(): void {
    this.endNs = Math.min(this.endNs, this.nowNs());
  }

  /**
   * A sample that has just joined the regular window: its header is words[header…], its frames are
   * frameWords[start…], and its thread is a row of that window.
   */
  offer(sample: PassingSample, thread: ThreadId): void {
    const { words, header } = sample;
    if (!this.covers(words, header) || !this.isWanted(words, header, thread)) {
      return;
    }
    this.window.take(sample);
  }

  /** Whether a sample with this header, which waits for rows, will be its own. */
  awaits(header: Uint32Array): boolean {
    return this.covers(header, 0) && this.wants(readThread(header, 0));
  }

  /** The regular window ends: its thread rows mean others from now on. */
  windowEnded(): void {
    this.answers.fill(0);
    this.onWindowEnd?.();
  }

  private covers(words: Uint32Array, header: number): boolean {
    const timeNs = words[header + TIME + 1] * WORD + words[header + TIME];
    return timeNs >= this.startNs && timeNs < this.endNs;
  }

  private isWanted(words: Uint32Array, header: number, thread: ThreadId): boolean {
    if (thread >= this.answers.length) {
      const grown = new Uint8Array(Math.max(this.answers.length * 2, thread + 1));
      grown.set(this.answers);
      this.answers = grown;
    }
    if (this.answers[thread] === 0) {
      this.answers[thread] = this.wants(readThread(words, header)) ? WANTED : REFUSED;
    }
    return this.answers[thread] === WANTED;
  }
}

/** As the kernel stamps samples; exact to a microsecond for as long as machines run. */
function monotonicNs(): number {
  return Number(process.hrtime.bigint());
}
