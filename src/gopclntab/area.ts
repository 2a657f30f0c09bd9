import type { ByteSource } from "../elf/byte-source.js";

const WINDOW_BYTES = 32 * 1024;
/** What is asked for at once, mostly: as much lies behind each place that is looked up in a window. */
const OVERLAP_BYTES = 512;
/** A window for each of the places that are gone back to, and how long each is. */
const MANY = { windows: 64, windowBytes: 4096 + OVERLAP_BYTES };
const ONE = { windows: 1, windowBytes: WINDOW_BYTES };

interface Window {
  bytes: Uint8Array;
  /** Where in the area it begins, and how much of it holds bytes. */
  from: number;
  filled: number;
}

/**
 * A part of the table that is read by itself, through windows of its own: whoever goes through all functions reads an
 * entry, its values, its name in turn, and each part mostly forwards.
 */
export class Area {
  readonly #source: ByteSource;
  readonly #start: number;
  readonly #windows: Window[] = [];
  readonly #windowBytes: number;

  /**
   * @param returns whether readers come back to what they have read: of equal tables of values the linker keeps one, so four of
   *   five functions have theirs far behind those of their neighbours. Then there are many small windows, 288 KiB in all.
   */
  constructor(source: ByteSource, start: number, returns = false) {
    this.#source = source;
    this.#start = start;
    const { windows, windowBytes } = returns ? MANY : ONE;
    this.#windowBytes = windowBytes;
    for (let index = 0; index < windows; index++) {
      this.#windows.push({ bytes: new Uint8Array(0), from: 0, filled: 0 });
    }
  }

  /** As many of `length` bytes from `offset` on as there are; valid until the next read of this area. */
  upTo(offset: number, length: number): Uint8Array {
    const stride = this.#windowBytes - OVERLAP_BYTES;
    const window = this.#windows[Math.floor(offset / stride) % this.#windows.length];
    if (offset < window.from || offset + length > window.from + window.filled) {
      if (window.bytes.length < length || window.bytes.length === 0) {
        window.bytes = new Uint8Array(Math.max(length, this.#windowBytes));
      }
      window.from = length <= OVERLAP_BYTES ? offset - (offset % stride) : offset;
      window.filled = this.#source.readInto(this.#start + window.from, window.bytes);
    }
    const at = offset - window.from;
    return window.bytes.subarray(at, Math.max(at, Math.min(at + length, window.filled)));
  }

  /** The same where all are needed; undefined when there are fewer. */
  read(offset: number, length: number): Uint8Array | undefined {
    const bytes = this.upTo(offset, length);
    return bytes.length === length ? bytes : undefined;
  }
}
