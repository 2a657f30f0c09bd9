import { outcome as outcomes, recordKind, sampleFlag, sampleLayout } from "../native/abi.generated.js";
import { readFirstSight, type FirstSight } from "../native/first-sight.js";
import type { SampleCursor } from "../native/sample-cursor.js";
import { readCgroupSight } from "../native/cgroup-sight.js";
import { Uint32Column } from "../util/column.js";
import type { CgroupTable } from "./cgroups.js";
import type { FirstSights } from "./first-sights.js";
import { isBound, type PassingSample } from "./passing-sample.js";
import type { Tap } from "./tap.js";
import type { Window } from "./window.js";

const WORD_BYTES = 4;
const HEADER_WORDS = sampleLayout.sizeOf / WORD_BYTES;
const START_TIME = sampleLayout.startTimeNs / WORD_BYTES;
const NO_WORDS = new Uint32Array(0);
const CGROUP = sampleLayout.cgroupId / WORD_BYTES;

/**
 * Called when a window meets a thread for the first time, while it may still live, so that its process can be looked at.
 * Words, not BigInts, because most calls are about a process that is known. A thread whose samples make a detour may be
 * told more than once; one in two cgroups is told for each.
 */
export type OnNewThread = (
  pid: number,
  startTimeLow: number,
  startTimeHigh: number,
  cgroupLow: number,
  cgroupHigh: number,
) => void;

/**
 * Called when a window meets a stack for the first time that has frames which mean something in their own process only, while
 * that process may still live, so that their names can be looked for. Take from the sample what is needed: it is reused.
 */
export type OnNewBoundStack = (sample: PassingSample) => void;

/** Takes the records of drained batches into a window; samples that met a new file make a detour. */
export class Intake {
  /** A first-sight record waits for the sample that follows it on the same CPU. */
  private readonly sights = new Map<number, FirstSight>();
  /** First-sight records whose sample did not come: the ring was full in between. */
  orphans = 0;
  /** Records that could not be read. */
  malformed = 0;
  onNewThread: OnNewThread | undefined;
  onNewBoundStack: OnNewBoundStack | undefined;
  /** Told of a code object that a process runs, before the sample that met it: a copy of the record. */
  onPythonCode: ((record: Uint8Array) => void) | undefined;
  /** Who gathers passing samples into windows of their own; nobody, as a rule. */
  readonly taps = new Set<Tap>();
  /** Each sample in turn. */
  private readonly passing: PassingSample = {
    ...{ words: NO_WORDS, header: 0, frameWords: NO_WORDS, start: 0, frames: 0, kernelFrames: 0, outcome: 0 },
  };

  constructor(
    public window: Window,
    private readonly firstSights: FirstSights,
    private readonly cgroups: CgroupTable,
  ) {}

  /** All records of a batch of so many bytes. */
  take(cursor: SampleCursor, byteLength: number): void {
    const malformed = cursor.malformed;
    cursor.reset(byteLength);
    while (cursor.next()) {
      switch (cursor.kind) {
        case recordKind.sample:
          this.takeSample(cursor);
          break;
        case recordKind.firstSight:
          this.takeFirstSight(cursor);
          break;
        case recordKind.cgroup:
          this.takeCgroup(cursor);
          break;
        case recordKind.pythonCode:
          this.onPythonCode?.(cursor.copyRecord());
          break;
      }
    }
    this.malformed += cursor.malformed - malformed;
  }

  /** A sample that was finished in user space. */
  readonly finish = (header: Uint32Array, frames: Uint32Column, kernelFrames: number, outcome: number): void => {
    const { passing } = this;
    passing.words = header;
    passing.header = 0;
    passing.frameWords = frames.values;
    passing.start = 0;
    passing.frames = frames.length / 2;
    passing.kernelFrames = kernelFrames;
    passing.outcome = outcome;
    this.pass();
  };

  /** Counts the passing sample, in the window and wherever else it is wanted. */
  private pass(): void {
    const { window, passing } = this;
    const known = window.stacks.length;
    const thread = window.take(passing);
    if (window.stacks.length > known && isBound(passing.words, passing.header)) {
      this.onNewBoundStack?.(passing);
    }
    for (const tap of this.taps) {
      tap.offer(passing, thread);
    }
    // Not to keep a batch or a finished sample alive.
    passing.words = passing.frameWords = NO_WORDS;
  }

  private takeSample(cursor: SampleCursor): void {
    const { words, kernelFrames, outcome } = cursor;
    const frames = kernelFrames + cursor.userFrames;
    if (outcome === outcomes.unknownExecutable && (cursor.flags & sampleFlag.firstSight) !== 0) {
      const sight = this.sightOf(cursor);
      if (sight !== undefined) {
        const header = words.slice(cursor.recordOffset / WORD_BYTES, cursor.recordOffset / WORD_BYTES + HEADER_WORDS);
        const column = new Uint32Column(Math.max(64, frames * 4));
        column.append(words, cursor.frameWord, frames * 2);
        // It is counted when its stack is whole, when the process may be gone.
        this.tellThread(header, 0);
        this.firstSights.add(header, column, kernelFrames, sight);
        return;
      }
    }
    const { passing, window } = this;
    const header = cursor.recordOffset / WORD_BYTES;
    const known = window.threads.length;
    passing.words = passing.frameWords = words;
    passing.header = header;
    passing.start = cursor.frameWord;
    passing.frames = frames;
    passing.kernelFrames = kernelFrames;
    passing.outcome = outcome === outcomes.unknownExecutable ? outcomes.copyRefused : outcome;
    this.pass();
    if (window.threads.length > known) {
      this.tellThread(words, header);
    }
  }

  private tellThread(words: Uint32Array, header: number): void {
    this.onNewThread?.(
      words[header + sampleLayout.pid / WORD_BYTES],
      words[header + START_TIME],
      words[header + START_TIME + 1],
      words[header + CGROUP],
      words[header + CGROUP + 1],
    );
  }

  private takeFirstSight(cursor: SampleCursor): void {
    const sight = readFirstSight(cursor.copyRecord());
    if (sight === undefined) {
      this.malformed++;
      return;
    }
    this.orphans += this.sights.has(sight.cpu) ? 1 : 0;
    this.sights.set(sight.cpu, sight);
  }

  private takeCgroup(cursor: SampleCursor): void {
    const path = readCgroupSight(cursor.copyRecord());
    if (path === undefined) {
      this.malformed++;
      return;
    }
    this.cgroups.seen(path);
  }

  /** The first sight that belongs to the cursor's sample. */
  private sightOf(cursor: SampleCursor): FirstSight | undefined {
    const sight = this.sights.get(cursor.cpu);
    this.sights.delete(cursor.cpu);
    return sight?.sequence === cursor.sequence ? sight : undefined;
  }
}
