import type { StackId, ThreadId } from "../model/brand.js";
import type { ProfileSamples } from "../model/profile.js";
import { outcome as outcomes } from "../native/abi.generated.js";
import { Uint32Column } from "../util/column.js";
import { HashIndex, hashWord } from "../util/hash-index.js";
import { OwnerTable } from "./owner-table.js";
import { isBound, type PassingSample } from "./passing-sample.js";
import { StackTable } from "./stack-table.js";
import { ThreadTable, weightOf } from "./thread-table.js";

/** What the samples of one span of time add up to: distinct stacks, distinct threads, and how often each pair was seen. */
export class Window {
  readonly stacks = new StackTable();
  readonly threads = new ThreadTable();
  /** Whose the stacks are that mean something in one process only: {@link StackColumns.owners}. */
  readonly owners = new OwnerTable();
  /** Samples by enum abi_outcome. */
  readonly outcomes = new Uint32Array(outcomes.count);

  private readonly stackOf = new Uint32Column(1024);
  private readonly threadOf = new Uint32Column(1024);
  private readonly countOf = new Uint32Column(1024);
  private readonly ticksOf = new Uint32Column(1024);
  private readonly index = new HashIndex();
  private soughtStack = 0;
  private soughtThread = 0;

  /** Samples added. */
  total = 0;
  /** Ticks that they stand for. */
  totalTicks = 0;

  /** Counts a sample; the row of its thread. */
  take({ words, header, frameWords, start, frames, kernelFrames, outcome }: PassingSample): ThreadId {
    const owner = isBound(words, header) ? this.owners.intern(words, header) + 1 : 0;
    const stack = this.stacks.intern(frameWords, start, frames, kernelFrames, owner);
    const thread = this.threads.intern(words, header);
    this.add(stack, thread, outcome, weightOf(words, header));
    return thread;
  }

  /** weight: ticks that the sample stands for. */
  add(stack: StackId, thread: ThreadId, outcome: number, weight: number): void {
    this.soughtStack = stack;
    this.soughtThread = thread;
    const hash = hashWord(hashWord(0, stack), thread);
    const row = this.index.find(hash, this.equalsSought);
    if (row < 0) {
      this.index.add(hash);
      this.stackOf.push(stack);
      this.threadOf.push(thread);
      this.countOf.push(1);
      this.ticksOf.push(weight);
    } else {
      this.countOf.values[row]++;
      this.ticksOf.values[row] += weight;
    }
    this.outcomes[outcome]++;
    this.total++;
    this.totalTicks += weight;
  }

  samples(): ProfileSamples {
    return {
      length: this.stackOf.length,
      stack: this.stackOf.view(),
      thread: this.threadOf.view(),
      count: this.countOf.view(),
      ticks: this.ticksOf.view(),
    };
  }

  get bytes(): number {
    return (
      this.stacks.bytes +
      this.threads.bytes +
      this.owners.bytes +
      this.stackOf.bytes +
      this.threadOf.bytes +
      this.countOf.bytes +
      this.ticksOf.bytes +
      this.index.bytes
    );
  }

  private readonly equalsSought = (row: number): boolean =>
    this.stackOf.values[row] === this.soughtStack && this.threadOf.values[row] === this.soughtThread;
}
