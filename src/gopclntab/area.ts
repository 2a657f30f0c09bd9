import type { ByteSource } from "../elf/byte-source.js";

const WINDOW_BYTES = 32 * 1024;
const EMPTY = new Uint8Array(0);

/**
 * A part of the table that is read by itself, through a window of its own: whoever goes through all functions reads an
 * entry, its values, its name in turn, and each part mostly forwards.
 */
export class Area {
  readonly #source: ByteSource;
  readonly #start: number;
  #window = EMPTY;
  /** Where in the area the window begins, and how much of it holds bytes. */
  #from = 0;
  #filled = 0;

  constructor(source: ByteSource, start: number) {
    this.#source = source;
    this.#start = start;
  }

  /** As many of `length` bytes from `offset` on as there are; valid until the next read of this area. */
  upTo(offset: number, length: number): Uint8Array {
    if (offset < this.#from || offset + length > this.#from + this.#filled) {
      if (this.#window.length < length || this.#window.length === 0) {
        this.#window = new Uint8Array(Math.max(length, WINDOW_BYTES));
      }
      this.#from = offset;
      this.#filled = this.#source.readInto(this.#start + offset, this.#window);
    }
    return this.#window.subarray(offset - this.#from, Math.min(offset - this.#from + length, this.#filled));
  }

  /** The same where all are needed; undefined when there are fewer. */
  read(offset: number, length: number): Uint8Array | undefined {
    const bytes = this.upTo(offset, length);
    return bytes.length === length ? bytes : undefined;
  }
}
