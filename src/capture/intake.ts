import { outcome as outcomes, recordKind, sampleFlag, sampleLayout } from "../native/abi.generated.js";
import { readFirstSight, type FirstSight } from "../native/first-sight.js";
import type { SampleCursor } from "../native/sample-cursor.js";
import { Uint32Column } from "../util/column.js";
import type { FirstSights } from "./first-sights.js";
import type { Window } from "./window.js";

const WORD_BYTES = 4;
const HEADER_WORDS = sampleLayout.sizeOf / WORD_BYTES;

/** Takes the records of drained batches into a window; samples that met a new file make a detour. */
export class Intake {
  /** A first-sight record waits for the sample that follows it on the same CPU. */
  private readonly sights = new Map<number, FirstSight>();
  /** First-sight records whose sample did not come: the ring was full in between. */
  orphans = 0;
  /** Records that could not be read. */
  malformed = 0;

  constructor(
    public window: Window,
    private readonly firstSights: FirstSights,
  ) {}

  /** All records of a batch of so many bytes. */
  take(cursor: SampleCursor, byteLength: number): void {
    cursor.reset(byteLength);
    while (cursor.next()) {
      if (cursor.kind === recordKind.sample) {
        this.takeSample(cursor);
      } else {
        this.takeFirstSight(cursor);
      }
    }
    this.malformed = cursor.malformed;
  }

  /** A sample that was finished in user space. */
  readonly finish = (header: Uint32Array, frames: Uint32Column, kernelFrames: number, outcome: number): void => {
    const { stacks, threads } = this.window;
    const stack = stacks.intern(frames.values, 0, frames.length / 2, kernelFrames);
    const thread = threads.intern(
      header[sampleLayout.pid / WORD_BYTES],
      header[sampleLayout.tid / WORD_BYTES],
      header,
      sampleLayout.startTimeNs / WORD_BYTES,
      sampleLayout.comm / WORD_BYTES,
    );
    this.window.add(stack, thread, outcome);
  };

  private takeSample(cursor: SampleCursor): void {
    const { words, kernelFrames, outcome } = cursor;
    const frames = kernelFrames + cursor.userFrames;
    if (outcome === outcomes.unknownExecutable && (cursor.flags & sampleFlag.firstSight) !== 0) {
      const sight = this.sightOf(cursor);
      if (sight !== undefined) {
        const header = words.slice(cursor.recordOffset / WORD_BYTES, cursor.recordOffset / WORD_BYTES + HEADER_WORDS);
        const column = new Uint32Column(Math.max(64, frames * 4));
        column.append(words, cursor.frameWord, frames * 2);
        this.firstSights.add(header, column, kernelFrames, sight);
        return;
      }
    }
    const stack = this.window.stacks.intern(words, cursor.frameWord, frames, kernelFrames);
    const header = cursor.recordOffset / WORD_BYTES;
    const thread = this.window.threads.intern(
      cursor.pid,
      cursor.tid,
      words,
      header + sampleLayout.startTimeNs / WORD_BYTES,
      header + sampleLayout.comm / WORD_BYTES,
    );
    this.window.add(stack, thread, outcome === outcomes.unknownExecutable ? outcomes.copyRefused : outcome);
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

  /** The first sight that belongs to the cursor's sample. */
  private sightOf(cursor: SampleCursor): FirstSight | undefined {
    const sight = this.sights.get(cursor.cpu);
    this.sights.delete(cursor.cpu);
    return sight?.sequence === cursor.sequence ? sight : undefined;
  }
}
