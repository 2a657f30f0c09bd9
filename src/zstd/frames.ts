import { Literals, MAX_BLOCK_BYTES } from "./literals.js";
import { Sequences } from "./sequences.js";

const MAGIC = 0xfd2fb528;
/** Frames of something else, to be passed over: sixteen magic numbers. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const BLOCK = { raw: 0, repeated: 1, compressed: 2 } as const;

/**
 * Compressors end a block after 128 KiB, or cut it in parts of some KiB. A block's tables take as long to build as a KiB to
 * inflate: hostile blocks of some bytes each would take a minute for what is a second's work.
 */
const MIN_BLOCKS = 1024;
const BYTES_A_BLOCK = 512;

/** Inflates frames (RFC 8878, 3) into `out`; undefined when they filled it exactly, else what is wrong. */
export function decodeFrames(bytes: Uint8Array, out: Uint8Array): string | undefined {
  return new Decoder(bytes, out).run();
}

class Decoder {
  readonly #bytes: Uint8Array;
  readonly #out: Uint8Array;
  readonly #literals = new Literals();
  readonly #sequences = new Sequences();
  #blocksLeft: number;
  #at = 0;
  #written = 0;

  constructor(bytes: Uint8Array, out: Uint8Array) {
    this.#bytes = bytes;
    this.#out = out;
    this.#blocksLeft = MIN_BLOCKS + out.length / BYTES_A_BLOCK;
  }

  run(): string | undefined {
    while (this.#at < this.#bytes.length) {
      const problem = this.#frame();
      if (problem !== undefined) return problem;
    }
    return this.#written === this.#out.length ? undefined : `${this.#written} of ${this.#out.length} bytes`;
  }

  #frame(): string | undefined {
    const bytes = this.#bytes;
    if (this.#blocksLeft-- <= 0) return "more blocks than any compressor makes";
    if (this.#at + 8 > bytes.length) return "cut short";
    const magic = this.#number(4);
    if (magic - (magic % 16) === SKIPPABLE_MAGIC) {
      const size = this.#number(4);
      this.#at += size;
      return undefined;
    }
    if (magic !== MAGIC) return "not zstd";
    const descriptor = this.#number(1);
    const isSingle = (descriptor & 0x20) !== 0;
    if ((descriptor & 8) !== 0) return "a reserved bit is set";
    // How far copies reach back is the output's size at most, whatever the window is said to be.
    if (!isSingle) this.#at++;
    if (this.#number([0, 1, 2, 4][descriptor & 3]) !== 0) return "needs a dictionary";
    this.#at += [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6];
    this.#literals.reset();
    this.#sequences.reset();
    const first = this.#written;
    for (let isLast = false; !isLast;) {
      if (this.#blocksLeft-- <= 0) return "more blocks than any compressor makes";
      if (this.#at + 3 > bytes.length) return "cut short";
      const header = this.#number(3);
      isLast = (header & 1) !== 0;
      const problem = this.#block((header >> 1) & 3, header >> 3, first);
      if (problem !== undefined) return problem;
    }
    // The checksum is for disks and wires, and no protection from whoever wrote the file.
    if ((descriptor & 4) !== 0) this.#at += 4;
    return this.#at <= bytes.length ? undefined : "cut short";
  }

  #block(type: number, size: number, first: number): string | undefined {
    const bytes = this.#bytes;
    const out = this.#out;
    const start = this.#at;
    const end = start + (type === BLOCK.repeated ? 1 : size);
    if (end > bytes.length) return "cut short";
    this.#at = end;
    if (type === BLOCK.compressed) {
      if (size > MAX_BLOCK_BYTES) return "a block that is too large";
      const behind = this.#literals.read(bytes, start, end);
      if (behind < 0) return `bad literals at ${start}`;
      const written = this.#sequences.run(bytes, behind, end, this.#literals, out, first, this.#written);
      if (written < 0) return `bad sequences at ${behind}`;
      this.#written = written;
      return undefined;
    }
    if (type > BLOCK.compressed) return "a block of an unknown type";
    if (this.#written + size > out.length) return `more than ${out.length} bytes`;
    if (type === BLOCK.raw) out.set(bytes.subarray(start, end), this.#written);
    else out.fill(bytes[start], this.#written, this.#written + size);
    this.#written += size;
    return undefined;
  }

  #number(length: number): number {
    let value = 0;
    for (let byte = length - 1; byte >= 0; byte--) value = value * 256 + (this.#bytes[this.#at + byte] ?? 0);
    this.#at += length;
    return value;
  }
}
