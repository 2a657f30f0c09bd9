const VARINT = 0;
const LENGTH = 2;

/** A message, written field by field. proto3: a field at its default need not be written, and an empty text is not. */
export class MessageWriter {
  private readonly parts: Uint8Array[] = [];
  private length = 0;

  text(field: number, text: string): this {
    return text === "" ? this : this.bytes(field, Buffer.from(text, "utf8"));
  }

  bytes(field: number, bytes: Uint8Array): this {
    this.push(varint((BigInt(field) << 3n) | BigInt(LENGTH)));
    this.push(varint(BigInt(bytes.length)));
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
    this.push(varint((BigInt(field) << 3n) | BigInt(VARINT)));
    this.push(varint(BigInt.asUintN(64, BigInt(value))));
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

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (; value > 0x7fn; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80);
  bytes.push(Number(value));
  return Uint8Array.from(bytes);
}
