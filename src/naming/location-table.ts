import type { ExecutableId } from "../model/brand.js";
import { frameKind } from "../native/abi.generated.js";
import {
  addressOfFrame,
  cookieOfDetail,
  executableOfFrame,
  fileOffsetOfFrame,
  isProcessBound,
  kindOfFrame,
  typeOfFrame,
  userAddressOfFrame,
} from "../native/raw-frame.js";
import { Uint32Column } from "../util/column.js";
import { HashIndex, hashWord } from "../util/hash-index.js";

/** Stacks as the capture left them: stack i is words[offsets[i] .. offsets[i + 1]), two words a frame, leaf first. */
export interface RawStacks {
  readonly offsets: Uint32Array;
  readonly words: Uint32Array;
  /** How many of each stack's first frames are the kernel's. */
  readonly kernelFrames: Uint32Array;
  /** Whose each stack is, a number of 1 or more, where it has frames that mean something in one process only; else 0. */
  readonly owners: Uint32Array;
}

/** Frames of one kind in one process. */
export interface BoundLocations {
  /** As {@link RawStacks.owners} has it. */
  readonly owner: number;
  /** enum abi_frame_kind. */
  readonly kind: number;
  readonly locations: Uint32Array;
}

/** The distinct frames of a window, each a location to be named, and the stacks as rows of them. */
export class LocationTable {
  /** Stack i is locations[offsets[i] .. offsets[i + 1]). */
  readonly offsets: Uint32Array;
  readonly locations: Uint32Array;

  private readonly low = new Uint32Column(1024);
  private readonly high = new Uint32Column(1024);
  /** Of an interpreter's frame, its second word; else zeros. */
  private readonly detailLow = new Uint32Column(1024);
  private readonly detailHigh = new Uint32Column(1024);
  /** Of a frame that means something in its own process only, whose it is; else 0. */
  private readonly owners = new Uint32Column(1024);
  private readonly index = new HashIndex();
  private readonly sought = { low: 0, high: 0, detailLow: 0, detailHigh: 0, owner: 0 };

  constructor(stacks: RawStacks) {
    const count = stacks.offsets.length - 1;
    this.offsets = new Uint32Array(count + 1);
    this.locations = new Uint32Array(stacks.words.length / 2);
    let next = 0;
    for (let stack = 0; stack < count; stack++) {
      next = this.addStack(stacks, stack, next);
      this.offsets[stack + 1] = next;
    }
    this.locations = this.locations.subarray(0, next);
  }

  private addStack({ offsets, words, kernelFrames, owners }: RawStacks, stack: number, first: number): number {
    const { sought } = this;
    const [start, end] = [offsets[stack], offsets[stack + 1]];
    const kernelEnd = start + kernelFrames[stack] * 2;
    let next = first;
    for (let at = start; at < end; at += 2) {
      sought.low = words[at];
      sought.high = words[at + 1];
      sought.detailLow = sought.detailHigh = sought.owner = 0;
      // The kernel gives return addresses: one less lies inside the call. User frames come that way already.
      if (at > start && at < kernelEnd) {
        sought.high = sought.low === 0 ? sought.high - 1 : sought.high;
        sought.low = (sought.low - 1) >>> 0;
      }
      if (isProcessBound(sought.high)) {
        sought.owner = owners[stack];
        if (at + 2 < end && kindOfFrame(words[at + 3]) === frameKind.detail) {
          at += 2;
          sought.detailLow = words[at];
          sought.detailHigh = words[at + 1];
        }
      }
      this.locations[next++] = this.intern();
    }
    return next;
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

  /** Of a location that means something in one process only: in memory of that process, what runs. */
  userAddress(location: number): number {
    return userAddressOfFrame(this.low.values[location], this.high.values[location]);
  }

  /** Of an interpreter's location: the bits that its kind has a use for. */
  type(location: number): number {
    return typeOfFrame(this.high.values[location]);
  }

  /** Of an interpreter's location: 28 bits that tell apart what has run at one address. */
  cookie(location: number): number {
    return cookieOfDetail(this.detailHigh.values[location]);
  }

  /** Of an interpreter's location: where in what runs. */
  position(location: number): number {
    return this.detailLow.values[location];
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

  /** Locations that mean something in one process only, by process and kind; each in order of address. */
  bound(): BoundLocations[] {
    const groups = new Map<string, { readonly owner: number; readonly kind: number; readonly rows: number[] }>();
    for (let location = 0; location < this.length; location++) {
      if (!isProcessBound(this.high.values[location])) continue;
      const [owner, kind] = [this.owners.values[location], this.kind(location)];
      const key = `${owner} ${kind}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { owner, kind, rows: [location] });
      else group.rows.push(location);
    }
    return Array.from(groups.values(), ({ owner, kind, rows }) => {
      rows.sort((a, b) => this.userAddress(a) - this.userAddress(b) || this.position(a) - this.position(b));
      return { owner, kind, locations: Uint32Array.from(rows) };
    });
  }

  /** The location of the sought frame. */
  private intern(): number {
    const { low, high, detailLow, detailHigh, owner } = this.sought;
    let hash = hashWord(hashWord(0, low), high);
    if (owner !== 0) hash = hashWord(hashWord(hashWord(hash, owner), detailLow), detailHigh);
    let row = this.index.find(hash, this.equalsSought);
    if (row < 0) {
      row = this.index.add(hash);
      this.low.push(low);
      this.high.push(high);
      this.detailLow.push(detailLow);
      this.detailHigh.push(detailHigh);
      this.owners.push(owner);
    }
    return row;
  }

  private readonly equalsSought = (row: number): boolean =>
    this.low.values[row] === this.sought.low &&
    this.high.values[row] === this.sought.high &&
    this.owners.values[row] === this.sought.owner &&
    this.detailLow.values[row] === this.sought.detailLow &&
    this.detailHigh.values[row] === this.sought.detailHigh;
}
