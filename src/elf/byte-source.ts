import { readSync } from "node:fs";
import { errnoOf } from "../util/errno.js";

/**
 * Random access to bytes that nobody vouches for: a file, a slice of one, or memory. Nothing here throws: what cannot
 * be read is undefined, and {@link ByteSource.failure} tells a broken disk from a file that is simply too short.
 */
export interface ByteSource {
  /** Bytes in all. */
  readonly size: number;
  /** The system's name for the first read error ("EIO"), undefined while there was none. */
  readonly failure: string | undefined;
  /**
   * `length` bytes from `offset` on; undefined when not all of them exist or can be read, or when length is over
   * {@link MAX_READ_BYTES}. Any numbers are allowed, NaN and 2^64 included. The bytes are valid until the next read
   * of this source or of one that shares its file: copy what is to be kept.
   */
  read(offset: number, length: number): Buffer | undefined;
  /** Fills `target` from `offset` on; the count of bytes filled, fewer than asked at the end or after a failure. */
  readInto(offset: number, target: Uint8Array): number;
}

/** More than any table is read in one piece; larger ones are read in windows. */
export const MAX_READ_BYTES = 64 * 1024 * 1024;

/**
 * Section headers, notes and names lie close together, so most reads come from a window; larger reads go past it. There are
 * several because tables refer to each other: an entry of a symbol table to its name, and then the next entry is read. Where
 * reads are far apart a window is a page and not more: what is read beyond it is copied for nothing.
 */
const WINDOW_BYTES = 16 * 1024;
const FAR_WINDOW_BYTES = 4 * 1024;
const WINDOWS = 4;

interface Window {
  readonly bytes: Buffer;
  start: number;
  length: number;
}

function inRange(offset: number, length: number, size: number): boolean {
  return (
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= size
  );
}

/** A file read by pread through a descriptor that its owner opened, keeps open and closes. */
export class FileSource implements ByteSource {
  readonly size: number;
  readonly #fd: number;
  /** Made when they are needed: of many files little is read. */
  readonly #windows: Window[] = [];
  /** The window that is filled next. */
  #next = 0;
  #failure: string | undefined;

  /** `size` is fstat's: what grows later is not seen, what shrinks is a short read. */
  constructor(fd: number, size: number) {
    this.#fd = fd;
    this.size = size;
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  read(offset: number, length: number): Buffer | undefined {
    if (!inRange(offset, length, this.size) || length > MAX_READ_BYTES) return undefined;
    if (length > WINDOW_BYTES) {
      const bytes = Buffer.allocUnsafeSlow(length);
      return this.#pread(offset, bytes) === length ? bytes : undefined;
    }
    for (const { bytes, start, length: filled } of this.#windows) {
      if (offset >= start && offset + length <= start + filled) {
        return bytes.subarray(offset - start, offset - start + length);
      }
    }
    const window = this.#fill(offset, length);
    return window.length < length ? undefined : window.bytes.subarray(0, length);
  }

  /** Reads a window from an offset on: as much as fits where the last one goes on, a page where something else is read. */
  #fill(offset: number, length: number): Window {
    const at = this.#next;
    this.#next = (at + 1) % WINDOWS;
    const goesOn = this.#windows.some(({ start, length: filled }) => offset >= start && offset <= start + filled);
    const window = (this.#windows[at] ??= { bytes: Buffer.allocUnsafeSlow(WINDOW_BYTES), start: 0, length: 0 });
    const wanted = goesOn ? WINDOW_BYTES : Math.max(length, FAR_WINDOW_BYTES);
    window.start = offset;
    window.length = this.#pread(offset, window.bytes.subarray(0, wanted));
    return window;
  }

  readInto(offset: number, target: Uint8Array): number {
    if (!inRange(offset, 0, this.size)) return 0;
    const wanted = Math.min(target.length, this.size - offset);
    return this.#pread(offset, target.subarray(0, wanted));
  }

  #pread(offset: number, target: Uint8Array): number {
    let filled = 0;
    try {
      while (filled < target.length) {
        const count = readSync(this.#fd, target, filled, target.length - filled, offset + filled);
        if (count === 0) break;
        filled += count;
      }
    } catch (error) {
      this.#failure ??= errnoOf(error) || String(error);
    }
    return filled;
  }
}

/** Bytes already in memory: the vDSO, an inflated section, a test's image. */
export class MemorySource implements ByteSource {
  readonly size: number;
  readonly failure = undefined;
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.size = bytes.byteLength;
  }

  read(offset: number, length: number): Buffer | undefined {
    if (!inRange(offset, length, this.size) || length > MAX_READ_BYTES) return undefined;
    return this.#bytes.subarray(offset, offset + length);
  }

  readInto(offset: number, target: Uint8Array): number {
    if (!inRange(offset, 0, this.size)) return 0;
    return this.#bytes.copy(target, 0, offset, Math.min(this.size, offset + target.length));
  }
}

/** Part of another source, addressed from zero. What lies beyond the other's end is cut off. */
export class SliceSource implements ByteSource {
  readonly size: number;
  readonly #source: ByteSource;
  readonly #start: number;

  constructor(source: ByteSource, start: number, size: number) {
    this.#source = source;
    this.#start = inRange(start, 0, source.size) ? start : source.size;
    this.size = Math.max(0, Math.min(size, source.size - this.#start)) || 0;
  }

  get failure(): string | undefined {
    return this.#source.failure;
  }

  read(offset: number, length: number): Buffer | undefined {
    return inRange(offset, length, this.size) ? this.#source.read(this.#start + offset, length) : undefined;
  }

  readInto(offset: number, target: Uint8Array): number {
    if (!inRange(offset, 0, this.size)) return 0;
    const wanted = Math.min(target.length, this.size - offset);
    return this.#source.readInto(this.#start + offset, target.subarray(0, wanted));
  }
}
