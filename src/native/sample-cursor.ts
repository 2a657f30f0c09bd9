import {
  cgroupSightLayout,
  firstSightLayout,
  limits,
  mappingLayout,
  outcome,
  pythonCodeLayout,
  recordKind,
  sampleLayout,
} from "./abi.generated.js";

const WORD = 4;
const FRAME_BYTES = 8;
const PREFIX_BYTES = 8;

/**
 * Walks the records of a drained batch without an object, string or BigInt per record: {@link next} moves on, and the
 * getters read the current record where it lies. Lengths and counts in a record are checked against the batch before
 * anything is read by them; a record that lies is skipped and counted in {@link malformed}.
 *
 * A batch is what Session.drain writes (native/drain.h): u32 length, u32 zero, the bytes of a struct of bpf/abi.h,
 * padding to 8. Integers are in the machine's byte order, as typed arrays are.
 */
export class SampleCursor {
  /** Records that said something impossible, since the cursor was made. */
  malformed = 0;

  /** The batch as u32, which {@link frameWord} indexes. */
  readonly words: Uint32Array;
  /** The batch as given, which {@link commOffset} and {@link recordOffset} index. */
  readonly bytes: Uint8Array;

  readonly #halves: Uint16Array;
  #end = 0;
  #following = 0;
  #offset = 0;
  #length = 0;

  /** `batch` must begin on a multiple of 8 in its buffer, and be a multiple of 8 long. */
  constructor(batch: Uint8Array) {
    if (batch.byteOffset % PREFIX_BYTES !== 0 || batch.byteLength % PREFIX_BYTES !== 0) {
      throw new TypeError("a batch is aligned to 8 bytes");
    }
    this.bytes = batch;
    this.words = new Uint32Array(batch.buffer, batch.byteOffset, batch.byteLength / WORD);
    this.#halves = new Uint16Array(batch.buffer, batch.byteOffset, batch.byteLength / 2);
  }

  /** Starts at the first record again, of a batch that now holds so many bytes. */
  reset(byteLength: number): void {
    this.#end = Math.min(byteLength, this.bytes.length);
    this.#following = 0;
    this.#length = 0;
  }

  /** Moves to the next well-formed record; false at the end. */
  next(): boolean {
    while (this.#following + PREFIX_BYTES <= this.#end) {
      const offset = this.#following + PREFIX_BYTES;
      const length = this.words[this.#following / WORD];
      if (length > this.#end - offset) break;
      // Not in integer operators: a length near 2^32 would turn negative.
      this.#following = offset + Math.ceil(length / PREFIX_BYTES) * PREFIX_BYTES;
      this.#offset = offset;
      this.#length = length;
      if (this.#isWellFormed()) return true;
      this.malformed++;
    }
    // Without a length that can be true there is no next record: what is left of the batch is one lie.
    if (this.#following < this.#end) this.malformed++;
    this.#following = this.#end;
    return false;
  }

  /** {@link recordKind}: says which of the getters below may be read. */
  get kind(): number {
    return this.bytes[this.#offset + sampleLayout.kind];
  }

  /** Where the record begins in {@link bytes}, and how long it is: to keep a first sight, copy it. */
  get recordOffset(): number {
    return this.#offset;
  }
  get recordLength(): number {
    return this.#length;
  }

  // Of samples and first sights.

  get cpu(): number {
    return this.words[
      (this.#offset + (this.kind === recordKind.sample ? sampleLayout.cpu : firstSightLayout.cpu)) / WORD
    ];
  }
  get sequence(): number {
    const field = this.kind === recordKind.sample ? sampleLayout.sequence : firstSightLayout.sequence;
    return this.words[(this.#offset + field) / WORD];
  }
  get pid(): number {
    return this.words[
      (this.#offset + (this.kind === recordKind.sample ? sampleLayout.pid : firstSightLayout.pid)) / WORD
    ];
  }

  // Of samples.

  get outcome(): number {
    return this.bytes[this.#offset + sampleLayout.outcome];
  }
  get flags(): number {
    return this.bytes[this.#offset + sampleLayout.flags];
  }
  /** Ticks that it stands for. */
  get weight(): number {
    return this.bytes[this.#offset + sampleLayout.weight];
  }
  get kernelFrames(): number {
    return this.#halves[(this.#offset + sampleLayout.kernelFrames) / 2];
  }
  get userFrames(): number {
    return this.#halves[(this.#offset + sampleLayout.userFrames) / 2];
  }
  get tid(): number {
    return this.words[(this.#offset + sampleLayout.tid) / WORD];
  }
  /** CLOCK_MONOTONIC. Exact up to 104 days of uptime, then within a microsecond for three centuries. */
  get timeNs(): number {
    return this.#u64(sampleLayout.timeNs);
  }
  /** Of the process, CLOCK_BOOTTIME; the two words tell processes with one pid apart exactly. */
  get startTimeNs(): number {
    return this.#u64(sampleLayout.startTimeNs);
  }
  get startTimeLow(): number {
    return this.words[(this.#offset + sampleLayout.startTimeNs) / WORD];
  }
  get startTimeHigh(): number {
    return this.words[(this.#offset + sampleLayout.startTimeNs) / WORD + 1];
  }
  /** The kernfs id of the cgroup in the v2 hierarchy, as two words: what distinguishes, not what is counted with. */
  get cgroupIdLow(): number {
    return this.words[(this.#offset + sampleLayout.cgroupId) / WORD];
  }
  get cgroupIdHigh(): number {
    return this.words[(this.#offset + sampleLayout.cgroupId) / WORD + 1];
  }
  /** Index in {@link words} of the leaf: kernel frames, then user frames; each a low and a high word. */
  get frameWord(): number {
    return (this.#offset + sampleLayout.sizeOf) / WORD;
  }
  /** Where comm begins in {@link bytes}. */
  get commOffset(): number {
    return this.#offset + sampleLayout.comm;
  }
  /** Bytes of comm without its NUL. */
  get commLength(): number {
    const start = this.commOffset;
    let length = 0;
    while (length < limits.commBytes && this.bytes[start + length] !== 0) length++;
    return length;
  }

  /** A copy of the current record, for what outlives the batch: readFirstSight and readCgroupSight take one apart. */
  copyRecord(): Uint8Array {
    return this.bytes.slice(this.#offset, this.#offset + this.#length);
  }

  #u64(field: number): number {
    const word = (this.#offset + field) / WORD;
    return this.words[word + 1] * 2 ** 32 + this.words[word];
  }

  #isWellFormed(): boolean {
    if (this.#length < WORD) return false;
    switch (this.kind) {
      case recordKind.sample: {
        if (this.#length < sampleLayout.sizeOf || this.outcome >= outcome.count) return false;
        const kernel = this.kernelFrames;
        const user = this.userFrames;
        if (kernel > limits.maxKernelFrames || user > limits.maxUserFrames) return false;
        return sampleLayout.sizeOf + (kernel + user) * FRAME_BYTES <= this.#length;
      }
      case recordKind.firstSight:
        return isFirstSightLength(this.words, this.#halves, this.#offset, this.#length);
      case recordKind.cgroup:
        return isCgroupSightLength(this.#halves, this.#offset, this.#length);
      case recordKind.pythonCode:
        return this.#length >= pythonCodeLayout.sizeOf; // who takes it apart checks the rest
      default:
        return false;
    }
  }
}

/** Whether a cgroup's record at `offset` is as long as it says, within the limits. */
function isCgroupSightLength(halves: Uint16Array, offset: number, length: number): boolean {
  if (length < cgroupSightLayout.sizeOf) return false;
  const nameBytes = halves[(offset + cgroupSightLayout.namesBytes) / 2];
  return nameBytes <= limits.cgroupLevels * limits.cgroupNameBytes && cgroupSightLayout.sizeOf + nameBytes <= length;
}

/** Whether a first-sight record at `offset` is as long as its counts say, which are within the limits. */
function isFirstSightLength(words: Uint32Array, halves: Uint16Array, offset: number, length: number): boolean {
  if (length < firstSightLayout.sizeOf) return false;
  const mappings = halves[(offset + firstSightLayout.mappingCount) / 2];
  const stackBytes = words[(offset + firstSightLayout.stackBytes) / WORD];
  const otherBytes = words[(offset + firstSightLayout.otherStackBytes) / WORD];
  if (mappings > limits.maxMappings || stackBytes > limits.maxStackCopy) return false;
  if (otherBytes > limits.maxOtherStackCopy) return false;
  return firstSightLayout.sizeOf + mappings * mappingLayout.sizeOf + stackBytes + otherBytes <= length;
}
