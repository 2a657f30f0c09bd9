import type { ByteSource } from "../elf/byte-source.js";

/** Longest names, of C++ templates and Rust closures, are some kilobytes. */
const MAX_STRING_BYTES = 16 * 1024;
const STRING_PIECE_BYTES = 512;

/**
 * One section, read through a window of its own: readers that look now here, now there into several sections of a file would
 * take one another's window away.
 */
export class SectionWindow {
  readonly size: number;
  readonly #source: ByteSource;
  readonly #window: Buffer;
  #start = 0;
  #length = 0;

  /** A window is filled at once, so it should be as large as what is looked at together, and no larger. */
  constructor(source: ByteSource, windowBytes: number) {
    this.#source = source;
    this.#window = Buffer.allocUnsafeSlow(windowBytes);
    this.size = source.size;
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#window.length;
  }

  /**
   * At most `length` bytes from `offset` on, fewer at the section's end and at most a window; empty when there are none.
   * Valid until the next call.
   */
  view(offset: number, length: number): Buffer {
    const wanted = Math.min(length, this.size - offset, this.#window.length);
    if (!(offset >= 0 && wanted > 0)) return this.#window.subarray(0, 0);
    if (offset < this.#start || offset + wanted > this.#start + this.#length) {
      this.#start = offset;
      this.#length = this.#source.readInto(offset, this.#window);
    }
    const from = offset - this.#start;
    return this.#window.subarray(from, Math.min(from + wanted, this.#length));
  }

  /** Fills `target` from `offset` on, past the window; the count of bytes filled. */
  readInto(offset: number, target: Uint8Array): number {
    return this.#source.readInto(offset, target);
  }

  /** The string that ends with a zero; undefined when there is none, or when it is longer than any name. */
  text(offset: number): string | undefined {
    const first = this.view(offset, STRING_PIECE_BYTES);
    let end = first.indexOf(0);
    if (end >= 0) return first.toString("utf8", 0, end);
    const whole = this.view(offset, MAX_STRING_BYTES);
    end = whole.indexOf(0);
    return end < 0 ? undefined : whole.toString("utf8", 0, end);
  }
}
