const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;

/** Most messages are small and are copied into a larger one at once. */
const FIRST_BYTES = 64;
/** Beyond it a buffer grows by an eighth: doubled, it would hold as much again for nothing. */
const LARGE_BYTES = 256 * 1024;
const MAX_VARINT_BYTES = 10;

/** A message, written field by field. proto3: a field at its default need not be written, and an empty text is not. */
export class MessageWriter {
  private buffer: Buffer = Buffer.allocUnsafe(FIRST_BYTES);
  private length = 0;

  text(field: number, text: string): this {
    return text === "" ? this : this.bytes(field, Buffer.from(text, "utf8"));
  }

  bytes(field: number, bytes: Uint8Array): this {
    this.reserve(2 * MAX_VARINT_BYTES + bytes.length);
    this.putVarint(field * 8 + LENGTH);
    this.putVarint(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  message(field: number, message: MessageWriter): this {
    return this.bytes(field, message.finish());
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

  fixed64(field: number, value: bigint): this {
    this.reserve(MAX_VARINT_BYTES + 8);
    this.putVarint(field * 8 + FIXED64);
    this.length = this.buffer.writeBigUInt64LE(BigInt.asUintN(64, value), this.length);
    return this;
  }

  bool(field: number, value: boolean): this {
    return this.varint(field, value ? 1 : 0);
  }

  /** What was written by now: a view, which nothing that is written later changes. */
  finish(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  private reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(
      needed > LARGE_BYTES ? needed + (needed >> 3) : Math.max(needed, 2 * this.buffer.length),
    );
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }

  /** Room for ten bytes is there. Most numbers are small, and a BigInt each would be most of the work. */
  private putVarint(value: number | bigint): void {
    const { buffer } = this;
    let at = this.length;
    let small = Number(value);
    if (small >= 0 && small <= 0x7fff_ffff) {
      for (; small > 0x7f; small >>>= 7) buffer[at++] = (small & 0x7f) | 0x80;
      buffer[at++] = small;
    } else {
      let large = BigInt.asUintN(64, BigInt(value));
      for (; large > 0x7fn; large >>= 7n) buffer[at++] = Number(large & 0x7fn) | 0x80;
      buffer[at++] = Number(large);
    }
    this.length = at;
  }
}
