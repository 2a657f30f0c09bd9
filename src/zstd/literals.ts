import { decodeStream, type HuffmanTable, readHuffmanTable } from "./huffman.js";

/** The most that a block holds, and so its literals. */
export const MAX_BLOCK_BYTES = 128 * 1024;

const LITERALS = { raw: 0, repeated: 1, compressed: 2, treeless: 3 } as const;

/** The bytes of a block that are not copied from before (RFC 8878, 3.1.1.3.1). */
export class Literals {
  readonly bytes = new Uint8Array(MAX_BLOCK_BYTES);
  length = 0;
  /** The last block's, which a block without one of its own goes on with. */
  #table: HuffmanTable | undefined;

  /** Forgets what the frame before has left. */
  reset(): void {
    this.#table = undefined;
  }

  /** Reads the section at `at` of a block that ends at `limit`; the index behind it, -1 when it makes no sense. */
  read(block: Uint8Array, at: number, limit: number): number {
    if (at >= limit) return -1;
    const type = block[at] & 3;
    const format = (block[at] >> 2) & 3;
    return type === LITERALS.raw || type === LITERALS.repeated
      ? this.#readPlain(block, at, limit, type, format)
      : this.#readCompressed(block, at, limit, type, format);
  }

  #readPlain(block: Uint8Array, at: number, limit: number, type: number, format: number): number {
    const headerBytes = format === 1 ? 2 : format === 3 ? 3 : 1;
    const header = block[at] | (block[at + 1] << 8) | (block[at + 2] << 16);
    const size = headerBytes === 1 ? block[at] >> 3 : (header & (headerBytes === 2 ? 0xffff : 0xff_ffff)) >>> 4;
    const start = at + headerBytes;
    const end = start + (type === LITERALS.raw ? size : 1);
    if (end > limit || size > MAX_BLOCK_BYTES) return -1;
    this.length = size;
    if (type === LITERALS.raw) this.bytes.set(block.subarray(start, end));
    else this.bytes.fill(block[start], 0, size);
    return end;
  }

  #readCompressed(block: Uint8Array, at: number, limit: number, type: number, format: number): number {
    const headerBytes = format < 2 ? 3 : format + 2;
    if (at + headerBytes > limit) return -1;
    const sizeBits = format < 2 ? 10 : format === 2 ? 14 : 18;
    // Up to forty bits.
    let header = 0;
    for (let byte = headerBytes - 1; byte >= 0; byte--) header = header * 256 + block[at + byte];
    const size = Math.floor(header / 16) % 2 ** sizeBits;
    const stored = Math.floor(header / 16 / 2 ** sizeBits);
    let start = at + headerBytes;
    const end = start + stored;
    if (end > limit || size === 0 || size > MAX_BLOCK_BYTES) return -1;
    if (type === LITERALS.compressed) {
      const read = readHuffmanTable(block, start, end);
      if (read === undefined) return -1;
      this.#table = read.table;
      start = read.end;
    }
    this.length = size;
    return this.#table !== undefined && this.#decode(this.#table, block, start, end, format !== 0) ? end : -1;
  }

  #decode(table: HuffmanTable, block: Uint8Array, start: number, end: number, isInFour: boolean): boolean {
    const { bytes, length } = this;
    if (!isInFour) return decodeStream(table, block, [start, end], bytes, [0, length]);
    const part = (length + 3) >> 2;
    if (start + 6 > end || part * 3 > length) return false;
    let from = start + 6;
    for (let stream = 0; stream < 4; stream++) {
      const size = block[start + stream * 2] | (block[start + stream * 2 + 1] << 8);
      const to = stream === 3 ? end : from + size;
      const range = [stream * part, stream === 3 ? length : (stream + 1) * part] as const;
      if (to > end || !decodeStream(table, block, [from, to], bytes, range)) return false;
      from = to;
    }
    return true;
  }
}
