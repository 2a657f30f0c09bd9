import type { Executable } from "../executables/executable.js";
import { isAnonymous, keyText, type ExecutableRegistry } from "../executables/registry.js";
import type { CgroupId } from "../model/cgroup.js";
import { limits, outcome as outcomes } from "../native/abi.generated.js";
import type { FirstSight, MappingRecord } from "../native/first-sight.js";
import { anonymousFrameHigh, nativeFrameHigh } from "../native/raw-frame.js";
import { lookupAddress, type StepOutcome } from "../unwind/step.js";
import type { TableStore } from "../unwind/table-store.js";
import type { TableStepper } from "../unwind/table-stepper.js";
import type { Uint32Column } from "../util/column.js";
import type { Conversions } from "./conversions.js";
import { markBound } from "./passing-sample.js";
import { readThread, weightOf } from "./thread-table.js";
import { readRegisters, StackCopy } from "./stack-copy.js";

/** A sample's header as words, its frames so far, and what it takes to go on. */
interface WaitingSample {
  /** struct abi_sample as the kernel side wrote it. */
  readonly header: Uint32Array;
  readonly kernelFrames: number;
  readonly frames: Uint32Column;
  readonly sight: FirstSight;
  readonly registers: ReturnType<typeof readRegisters>;
  readonly stack: StackCopy;
  readonly bytes: number;
  /** The window that it was taken in. */
  readonly window: number;
  /** {@link keyText} of the file it waits for. */
  waitsFor: string;
}

/** Takes a finished sample: its header, all its frames, leaf first, and why the stack ended. */
export type Finish = (header: Uint32Array, frames: Uint32Column, kernelFrames: number, outcome: number) => void;

export interface FirstSightsModules {
  readonly registry: ExecutableRegistry;
  readonly tables: TableStore;
  readonly conversions: Conversions;
  readonly stepper: TableStepper;
  readonly finish: Finish;
}

const WORD = 2 ** 32;

/**
 * Rows that were evicted are not made again at once: where the budget is smaller than what the node runs, the files
 * least sampled go without, and are counted, rather than the converter never coming to rest.
 */
const EVICTED_REST_MS = 5000;

/** Why a stack ended here. */
type End = StepOutcome | "no-room";

const OUTCOME_OF: Readonly<Record<End, number>> = {
  "no-room": outcomes.noRoom,
  complete: outcomes.complete,
  "unsupported-rule": outcomes.unsupportedRule,
  "stack-unreadable": outcomes.stackUnreadable,
  "stack-not-growing": outcomes.stackNotGrowing,
  "no-frame-pointer": outcomes.noFramePointer,
};

/**
 * Samples that met a file before its rows were there. Each carries its registers, its mappings and a copy of its
 * stack; as the rows come, it is unwound here by the same step on the same rows, and takes its place in the window.
 */
export class FirstSights {
  /** By the file they wait for; in order of arrival. */
  private readonly waiting = new Map<string, Set<WaitingSample>>();
  private waitingBytes = 0;
  /** Samples that were finished, whatever their outcome. */
  finished = 0;

  constructor(
    private readonly modules: FirstSightsModules,
    /** Budget of waiting stack copies; the oldest are given up beyond it. */
    private memoryBytes: number,
  ) {}

  /** header and userFrames are copies; both as the kernel side wrote them. */
  add(header: Uint32Array, frames: Uint32Column, kernelFrames: number, sight: FirstSight): void {
    const registers = readRegisters(sight.registers);
    const stack = new StackCopy(sight.stacks);
    const bytes = sight.registers.buffer.byteLength + frames.bytes;
    const { window } = this.modules.registry;
    const sample = { header, kernelFrames, frames, sight, registers, stack, bytes, window, waitsFor: "" };
    this.meetRuntime(sample);
    this.advance(sample);
    this.fit();
  }

  /**
   * Where no frame led to the file that the record is about, it is that of the runtime whose compiled code the stack is in: it is
   * made known, for the next ones. This one is not its to walk: that takes the process's memory.
   */
  private meetRuntime(sample: WaitingSample): void {
    const [first] = sample.sight.mappings;
    const address = lookupAddress(sample.registers);
    if (first === undefined || (first.start <= address && address < first.end)) return;
    if (this.modules.registry.find(first.key) === undefined) this.open(sample, first);
  }

  /** Another budget from now on. */
  resize(memoryBytes: number): void {
    this.memoryBytes = memoryBytes;
    this.fit();
  }

  private fit(): void {
    for (const samples of this.waiting.values()) {
      for (const sample of samples) {
        if (this.waitingBytes <= this.memoryBytes) {
          return;
        }
        this.done(sample, outcomes.pendingDropped);
      }
    }
  }

  /** The rows of an executable have come, or will not: go on with what waited for it. */
  settled(executable: Executable): void {
    const text = keyText(executable.key);
    const samples = this.waiting.get(text);
    if (samples !== undefined) {
      this.waiting.delete(text);
      for (const sample of samples) {
        this.waitingBytes -= sample.bytes;
        this.advance(sample);
      }
    }
  }

  /** The last window ends: what still waits is cut where it stands. */
  giveUp(): void {
    this.giveUpIf(() => true);
  }

  /** A window ends: cuts what has waited through a whole one for a file that nobody could show since. */
  giveUpOld(): void {
    const { registry } = this.modules;
    this.giveUpIf(({ window, waitsFor }) => window < registry.window && !registry.has(waitsFor));
  }

  private giveUpIf(condition: (sample: WaitingSample) => boolean): void {
    for (const samples of [...this.waiting.values()]) {
      for (const sample of [...samples]) {
        if (condition(sample)) {
          this.done(sample, outcomes.fileUnavailable);
        }
      }
    }
  }

  /** Ticks that samples which wait stand for, by cgroup: taken in this window, and counted in a later one. */
  waitingTicks(): ReadonlyMap<CgroupId, number> {
    const ticks = new Map<CgroupId, number>();
    for (const samples of this.waiting.values()) {
      for (const { header } of samples) {
        const { cgroup } = readThread(header, 0);
        ticks.set(cgroup, (ticks.get(cgroup) ?? 0) + weightOf(header));
      }
    }
    return ticks;
  }

  /** Samples that wait, of those whose headers satisfy. */
  countWhere(condition: (header: Uint32Array) => boolean): number {
    let count = 0;
    for (const samples of this.waiting.values()) {
      for (const { header } of samples) {
        count += condition(header) ? 1 : 0;
      }
    }
    return count;
  }

  get count(): number {
    let count = 0;
    for (const samples of this.waiting.values()) {
      count += samples.size;
    }
    return count;
  }

  /** Unwinds until the stack ends or a file has to be waited for. */
  private advance(sample: WaitingSample): void {
    const { registers, frames } = sample;
    for (;;) {
      const address = lookupAddress(registers);
      const mapping = sample.sight.mappings.find(({ start, end }) => start <= address && address < end);
      if (mapping === undefined) {
        this.end(sample, sample.sight.mappingsTruncated ? outcomes.copyTooShort : outcomes.noMapping);
        return;
      }
      if (frames.length / 2 - sample.kernelFrames >= limits.maxUserFrames) {
        this.end(sample, outcomes.tooDeep);
        return;
      }
      const outcome = isAnonymous(mapping.key)
        ? this.stepAnonymous(sample, address)
        : this.stepFile(sample, mapping, address);
      if (outcome === "wait") {
        this.wait(sample, mapping);
        return;
      }
      if (outcome !== undefined) {
        this.end(sample, outcome === "stack-unreadable" ? this.unreadable(sample) : OUTCOME_OF[outcome]);
        return;
      }
    }
  }

  private stepAnonymous(sample: WaitingSample, address: number): StepOutcome | undefined {
    sample.frames.push(address % WORD);
    sample.frames.push(anonymousFrameHigh(address));
    markBound(sample.header, 0);
    return this.modules.stepper.stepWithoutRows(sample.registers, sample.stack);
  }

  private stepFile(sample: WaitingSample, mapping: MappingRecord, address: number): End | "wait" | undefined {
    const executable = this.modules.registry.find(mapping.key) ?? this.open(sample, mapping);
    if (executable === undefined) {
      return "wait";
    }
    executable.lastWindow = this.modules.registry.window;
    if (executable.state === "converting") {
      return "wait";
    }
    if (executable.state === "evicted") {
      if (performance.now() - executable.evictedAtMs < EVICTED_REST_MS) {
        return "no-room";
      }
      this.modules.conversions.request(executable);
      return "wait";
    }
    if (executable.state === "anonymous") {
      return this.stepAnonymous(sample, address);
    }
    const fileOffset = address - mapping.start + mapping.fileOffset;
    sample.frames.push(fileOffset % WORD);
    sample.frames.push(nativeFrameHigh(executable.id, fileOffset));
    const view = this.modules.tables.view(executable);
    return view === undefined
      ? this.modules.stepper.stepWithoutRows(sample.registers, sample.stack)
      : this.modules.stepper.step(sample.registers, view, fileOffset, sample.stack);
  }

  /** A file met for the first time here, further up the stack than the kernel side could see. */
  private open(sample: WaitingSample, mapping: MappingRecord): Executable | undefined {
    const executable = this.modules.registry.sight(sample.sight.pid, mapping);
    if (executable !== undefined) {
      this.modules.conversions.request(executable);
    }
    return executable;
  }

  private wait(sample: WaitingSample, mapping: MappingRecord): void {
    sample.waitsFor = keyText(mapping.key);
    const samples = this.waiting.get(sample.waitsFor);
    if (samples === undefined) {
      this.waiting.set(sample.waitsFor, new Set([sample]));
    } else {
      samples.add(sample);
    }
    this.waitingBytes += sample.bytes;
  }

  /** A word that the copy does not have: because it ends too early, or because the address is no stack. */
  private unreadable(sample: WaitingSample): number {
    return sample.sight.stackTruncated && sample.stack.missedAbove ? outcomes.copyTooShort : outcomes.stackUnreadable;
  }

  /** Ends a sample that waits. */
  private done(sample: WaitingSample, outcome: number): void {
    const samples = this.waiting.get(sample.waitsFor);
    samples?.delete(sample);
    if (samples?.size === 0) {
      this.waiting.delete(sample.waitsFor);
    }
    this.waitingBytes -= sample.bytes;
    this.end(sample, outcome);
  }

  private end(sample: WaitingSample, outcome: number): void {
    this.finished++;
    this.modules.finish(sample.header, sample.frames, sample.kernelFrames, outcome);
  }
}
