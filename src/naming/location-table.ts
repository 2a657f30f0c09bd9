import type { ExecutableId } from "../model/brand.js";
import { frameKind } from "../native/abi.generated.js";
import { addressOfFrame, executableOfFrame, fileOffsetOfFrame, kindOfFrame } from "../native/raw-frame.js";
import { Uint32Column } from "../util/column.js";
import { HashIndex, hashWord } from "../util/hash-index.js";

/** Stacks as the capture left them: stack i is words[offsets[i] .. offsets[i + 1]), two words a frame, leaf first. */
export interface RawStacks {
  readonly offsets: Uint32Array;
  readonly words: Uint32Array;
  /** How many of each stack's first frames are the kernel's. */
  readonly kernelFrames: Uint32Array;
}

/** The distinct frames of a window, each a location to be named, and the stacks as rows of them. */
export class LocationTable {
  /** Stack i is locations[offsets[i] .. offsets[i + 1]). */
  readonly offsets: Uint32Array;
  readonly locations: Uint32Array;

  private readonly low = new Uint32Column(1024);
  private readonly high = new Uint32Column(1024);
  private readonly index = new HashIndex();
  private soughtLow = 0;
  private soughtHigh = 0;

  constructor(stacks: RawStacks) {
    const count = stacks.offsets.length - 1;
    this.offsets = new Uint32Array(count + 1);
    this.locations = new Uint32Array(stacks.words.length / 2);
    let next = 0;
    for (let stack = 0; stack < count; stack++) {
      const start = stacks.offsets[stack];
      const end = stacks.offsets[stack + 1];
      const kernelEnd = start + stacks.kernelFrames[stack] * 2;
      for (let at = start; at < end; at += 2) {
        let low = stacks.words[at];
        let high = stacks.words[at + 1];
        // The kernel gives return addresses: one less lies inside the call. User frames come that way already.
        if (at > start && at < kernelEnd) {
          high = low === 0 ? high - 1 : high;
          low = (low - 1) >>> 0;
        }
        this.locations[next++] = this.intern(low, high);
      }
      this.offsets[stack + 1] = next;
    }
  }

  get length(): number {
    return this.low.length;
  }

  /** enum abi_frame_kind. */
  kind(location: number): number {
    return kindOfFrame(this.high.values[location]);
  }

  /** Of a native location. */
  executable(location: number): ExecutableId {
    return executableOfFrame(this.high.values[location]);
  }

  /** Of a native location. */
  fileOffset(location: number): number {
    return fileOffsetOfFrame(this.low.values[location], this.high.values[location]);
  }

  /** Virtual address of an anonymous or kernel location. */
  address(location: number): bigint {
    return addressOfFrame(this.low.values[location], this.high.values[location]);
  }

  /** Locations of each executable, in order of file offset. */
  byExecutable(): Map<ExecutableId, Uint32Array> {
    const groups = new Map<ExecutableId, number[]>();
    for (let location = 0; location < this.length; location++) {
      if (this.kind(location) === frameKind.native) {
        const id = this.executable(location);
        const group = groups.get(id);
        if (group === undefined) {
          groups.set(id, [location]);
        } else {
          group.push(location);
        }
      }
    }
    const sorted = new Map<ExecutableId, Uint32Array>();
    for (const [id, group] of groups) {
      group.sort((a, b) => this.fileOffset(a) - this.fileOffset(b));
      sorted.set(id, Uint32Array.from(group));
    }
    return sorted;
  }

  /** Kernel locations in order of address. */
  kernel(): Uint32Array {
    const kernel: number[] = [];
    for (let location = 0; location < this.length; location++) {
      if (this.kind(location) === frameKind.kernel) {
        kernel.push(location);
      }
    }
    const { low, high } = this;
    kernel.sort((a, b) => high.values[a] - high.values[b] || low.values[a] - low.values[b]);
    return Uint32Array.from(kernel);
  }

  private intern(low: number, high: number): number {
    this.soughtLow = low;
    this.soughtHigh = high;
    const hash = hashWord(hashWord(0, low), high);
    let row = this.index.find(hash, this.equalsSought);
    if (row < 0) {
      row = this.index.add(hash);
      this.low.push(low);
      this.high.push(high);
    }
    return row;
  }

  private readonly equalsSought = (row: number): boolean =>
    this.low.values[row] === this.soughtLow && this.high.values[row] === this.soughtHigh;
}
