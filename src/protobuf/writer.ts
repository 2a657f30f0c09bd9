const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;

/** Most messages are small and are copied into a larger one at once. */
const FIRST_BYTES = 64;
/** Beyond it a buffer grows by an eighth: doubled, it would hold as much again for nothing. */
const LARGE_BYTES = 256 * 1024;
const MAX_VARINT_BYTES = 10;
/** Up to it a loop copies faster than a view is made for. */
const SHORT_BYTES = 96;

/** A message, written field by field. proto3: a field at its default need not be written, and an empty text is not. */
export class MessageWriter {
  private buffer: Buffer;
  private written = 0;

  /** `expectedBytes`: of the whole message. Too many cost address space alone; too few cost copies, and memory for each. */
  constructor(expectedBytes = FIRST_BYTES) {
    this.buffer = Buffer.allocUnsafe(expectedBytes);
  }

  /** Bytes that were written by now. */
  get length(): number {
    return this.written;
  }

  text(field: number, text: string): this {
    return text === "" ? this : this.anyText(field, text);
  }

  /** The same, also when it is empty: an element of a list. */
  anyText(field: number, text: string): this {
    const bytes = Buffer.byteLength(text, "utf8");
    this.reserve(2 * MAX_VARINT_BYTES + bytes);
    this.putVarint(field * 8 + LENGTH);
    this.putVarint(bytes);
    this.written += this.buffer.write(text, this.written, "utf8");
    return this;
  }

  bytes(field: number, bytes: Uint8Array): this {
    this.reserve(2 * MAX_VARINT_BYTES + bytes.length);
    this.putVarint(field * 8 + LENGTH);
    this.putVarint(bytes.length);
    return this.fields(bytes);
  }

  message(field: number, { buffer: from, length }: MessageWriter): this {
    if (length > SHORT_BYTES) return this.bytes(field, from.subarray(0, length));
    this.reserve(2 * MAX_VARINT_BYTES + length);
    this.putVarint(field * 8 + LENGTH);
    this.putVarint(length);
    const { buffer } = this;
    let at = this.written;
    for (let i = 0; i < length; i++) buffer[at++] = from[i];
    this.written = at;
    return this;
  }

  /** map<string, string>: an entry each. */
  textEntries(field: number, entries: Iterable<readonly [string, string]>): this {
    for (const [key, value] of entries) this.message(field, new MessageWriter().text(1, key).text(2, value));
    return this;
  }

  /** int32, int64, uint32, uint64, enum. A negative value takes ten bytes, as the format has it. */
  varint(field: number, value: number | bigint): this {
    this.reserve(2 * MAX_VARINT_BYTES);
    this.putVarint(field * 8 + VARINT);
    this.putVarint(value);
    return this;
  }

  /** repeated int32, int64, uint32, uint64: all in one field. None are not written. */
  packed(field: number, values: Iterable<number | bigint>): this {
    const all = new MessageWriter();
    for (const value of values) {
      all.reserve(MAX_VARINT_BYTES);
      all.putVarint(value);
    }
    return all.length === 0 ? this : this.message(field, all);
  }

  /** The same of a part of a column, `plus` added to each. */
  packedColumn(field: number, column: Uint32Array, from: number, to: number, plus: number): this {
    let bytes = 0;
    for (let row = from; row < to; row++) bytes += varintBytes(column[row] + plus);
    if (bytes === 0) return this;
    this.reserve(2 * MAX_VARINT_BYTES + bytes);
    this.putVarint(field * 8 + LENGTH);
    this.putVarint(bytes);
    const { buffer } = this;
    let at = this.written;
    for (let row = from; row < to; row++) {
      let rest = column[row] + plus;
      // Not by shifts: they would make a large one negative.
      for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) buffer[at++] = (rest & 0x7f) | 0x80;
      buffer[at++] = rest;
    }
    this.written = at;
    return this;
  }

  /** int32, int64, uint32, uint64, enum; nothing where it is at its default. */
  nonZero(field: number, value: number | bigint): this {
    return Number(value) === 0 ? this : this.varint(field, value);
  }

  /** Fields that another writer wrote, as they are. */
  fields(written: Uint8Array): this {
    this.reserve(written.length);
    this.buffer.set(written, this.written);
    this.written += written.length;
    return this;
  }

  fixed64(field: number, value: bigint): this {
    this.reserve(MAX_VARINT_BYTES + 8);
    this.putVarint(field * 8 + FIXED64);
    this.written = this.buffer.writeBigUInt64LE(BigInt.asUintN(64, value), this.written);
    return this;
  }

  bool(field: number, value: boolean): this {
    return this.varint(field, value ? 1 : 0);
  }

  /** What was written by now: a view, which nothing that is written later changes, unless {@link clear} comes between. */
  finish(): Uint8Array {
    return this.buffer.subarray(0, this.written);
  }

  /** Begins anew in the same memory: for a row of thousands that is copied into its table at once. */
  clear(): this {
    this.written = 0;
    return this;
  }

  private reserve(bytes: number): void {
    const needed = this.written + bytes;
    if (needed <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(
      needed > LARGE_BYTES ? needed + (needed >> 3) : Math.max(needed, 2 * this.buffer.length),
    );
    grown.set(this.buffer.subarray(0, this.written));
    this.buffer = grown;
  }

  /** Room for ten bytes is there. Most numbers are small, and a BigInt each would be most of the work. */
  private putVarint(value: number | bigint): void {
    const { buffer } = this;
    let at = this.written;
    let small = Number(value);
    if (small >= 0 && small <= 0x7fff_ffff) {
      for (; small > 0x7f; small >>>= 7) buffer[at++] = (small & 0x7f) | 0x80;
      buffer[at++] = small;
    } else {
      let large = BigInt.asUintN(64, BigInt(value));
      for (; large > 0x7fn; large >>= 7n) buffer[at++] = Number(large & 0x7fn) | 0x80;
      buffer[at++] = Number(large);
    }
    this.written = at;
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let limit = 0x80; value >= limit; limit *= 0x80) bytes++;
  return bytes;
}
