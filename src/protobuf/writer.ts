const VARINT = 0;
const LENGTH = 2;
const FIXED64 = 1;

/** A message, written field by field. proto3: a field at its default need not be written, and an empty text is not. */
export class MessageWriter {
  private readonly parts: Uint8Array[] = [];
  private length = 0;

  text(field: number, text: string): this {
    return text === "" ? this : this.bytes(field, Buffer.from(text, "utf8"));
  }

  bytes(field: number, bytes: Uint8Array): this {
    this.push(varint(field * 8 + LENGTH));
    this.push(varint(bytes.length));
    this.push(bytes);
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
    this.push(varint(field * 8 + VARINT));
    this.push(varint(value));
    return this;
  }

  /** repeated int32, int64, uint32, uint64: all in one field. None are not written. */
  packed(field: number, values: Iterable<number | bigint>): this {
    const all: number[] = [];
    for (const value of values) putVarint(value, all);
    return all.length === 0 ? this : this.bytes(field, Uint8Array.from(all));
  }

  fixed64(field: number, value: bigint): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
    this.push(varint(field * 8 + FIXED64));
    this.push(bytes);
    return this;
  }

  bool(field: number, value: boolean): this {
    return this.varint(field, value ? 1 : 0);
  }

  finish(): Uint8Array {
    return Buffer.concat(this.parts, this.length);
  }

  private push(part: Uint8Array): void {
    this.parts.push(part);
    this.length += part.length;
  }
}

function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  putVarint(value, bytes);
  return Uint8Array.from(bytes);
}

/** Most numbers are small, and a BigInt each would be most of the work. */
function putVarint(value: number | bigint, bytes: number[]): void {
  let small = Number(value);
  if (small >= 0 && small <= 0x7fff_ffff) {
    for (; small > 0x7f; small >>>= 7) bytes.push((small & 0x7f) | 0x80);
    bytes.push(small);
    return;
  }
  let large = BigInt.asUintN(64, BigInt(value));
  for (; large > 0x7fn; large >>= 7n) bytes.push(Number(large & 0x7fn) | 0x80);
  bytes.push(Number(large));
}
