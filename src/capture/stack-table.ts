import type { StackId } from "../model/brand.js";
import { Uint32Column } from "../util/column.js";
import { HashIndex, hashWord } from "../util/hash-index.js";

/**
 * Distinct stacks of one window, as columns. A frame is two u32 words, low then high, as the kernel side wrote it
 * (bpf/abi.h, "Frames"); leaf first. Nothing is allocated for a stack that was seen before.
 */
export class StackTable {
  /** Stack i is words[offsets[i] .. offsets[i + 1]). */
  private readonly offsets = new Uint32Column();
  private readonly words = new Uint32Column(8192);
  private readonly index = new HashIndex();
  private readonly kernelFrames = new Uint32Column();
  private readonly owners = new Uint32Column();

  private soughtWords: Uint32Array = new Uint32Array(0);
  private soughtStart = 0;
  private soughtCount = 0;
  private soughtKernel = 0;
  private soughtOwner = 0;

  constructor() {
    this.offsets.push(0);
  }

  get length(): number {
    return this.offsets.length - 1;
  }

  get bytes(): number {
    return this.offsets.bytes + this.words.bytes + this.index.bytes + this.kernelFrames.bytes + this.owners.bytes;
  }

  /**
   * The id of the stack in words[start .. start + 2 * frames), of which the first kernelFrames are the kernel's.
   * The words are copied when the stack is new. `owner` tells apart processes whose frames mean something in them only:
   * a number of 1 or more, 0 for a stack that means the same in all.
   */
  intern(words: Uint32Array, start: number, frames: number, kernelFrames: number, owner = 0): StackId {
    const count = frames * 2;
    let hash = hashWord(kernelFrames, owner);
    for (let i = start; i < start + count; i++) {
      hash = hashWord(hash, words[i]);
    }
    this.soughtWords = words;
    this.soughtStart = start;
    this.soughtCount = count;
    this.soughtKernel = kernelFrames;
    this.soughtOwner = owner;
    let row = this.index.find(hash, this.equalsSought);
    if (row < 0) {
      row = this.index.add(hash);
      this.words.append(words, start, count);
      this.offsets.push(this.words.length);
      this.kernelFrames.push(kernelFrames);
      this.owners.push(owner);
    }
    return row as StackId;
  }

  /** Finished columns; views, valid until the next intern(). */
  columns(): StackColumns {
    const { offsets, words, kernelFrames, owners } = this;
    return {
      ...{ offsets: offsets.view(), words: words.view() },
      ...{ kernelFrames: kernelFrames.view(), owners: owners.view() },
    };
  }

  private readonly equalsSought = (row: number): boolean => {
    const offsets = this.offsets.values;
    const start = offsets[row];
    const count = this.soughtCount;
    if (offsets[row + 1] - start !== count || this.kernelFrames.values[row] !== this.soughtKernel) {
      return false;
    }
    if (this.owners.values[row] !== this.soughtOwner) {
      return false;
    }
    const words = this.words.values;
    const sought = this.soughtWords;
    const soughtStart = this.soughtStart;
    for (let i = 0; i < count; i++) {
      if (words[start + i] !== sought[soughtStart + i]) {
        return false;
      }
    }
    return true;
  };
}

/** Stack i is words[offsets[i] .. offsets[i + 1]), two words a frame; its first kernelFrames[i] frames are kernel. */
export interface StackColumns {
  readonly offsets: Uint32Array;
  readonly words: Uint32Array;
  readonly kernelFrames: Uint32Array;
  /** Of each stack, the row of {@link Window.owners} that its frames belong to, and one; 0 where all mean the same everywhere. */
  readonly owners: Uint32Array;
}
