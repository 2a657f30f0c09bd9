/** Bytes that are not a protocol buffer, or not the one that was expected. */
export class MalformedMessage extends Error {
  override readonly name = "MalformedMessage";
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The value of one field, read in the way that the schema says; once at most. Valid until the next field is read. */
export interface FieldValue {
  /** Whether the value is of a length, as texts, bytes and messages are. */
  readonly isText: boolean;
  /** int32, int64, uint32, uint64, bool, enum, as 64 bits without a sign. */
  varint(): bigint;
  /** The same as a number: exact to 2^53; refuses more. */
  number(): number;
  bool(): boolean;
  /** fixed64, without a sign. */
  fixed64(): bigint;
  /** bytes, or a message within the message: a view. */
  bytes(): Uint8Array;
  /** A string, which is UTF-8 or refused. */
  text(): string;
}

/**
 * Calls `visit` with each field of a message, in the order they come; a value that `visit` does not read is skipped.
 * Throws MalformedMessage, and whatever `visit` throws.
 */
export function readFields(message: Uint8Array, visit: (field: number, value: FieldValue) => void): void {
  const reader = new Reader(message);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    visit(field, reader);
    reader.finish();
  }
}

/** An entry of map<string, string>. */
export function readTextEntry(entry: Uint8Array): readonly [key: string, value: string] {
  let key = "";
  let text = "";
  readFields(entry, (field, value) => {
    if (field === 1) key = value.text();
    else if (field === 2) text = value.text();
  });
  return [key, text];
}

class Reader implements FieldValue {
  private at = 0;
  private wire = -1;
  private read = true;

  constructor(private readonly message: Uint8Array) {}

  /** The next field's number, 0 at the end. */
  next(): number {
    if (this.at === this.message.length) return 0;
    const tag = this.rawVarint();
    const field = Number(tag >> 3n);
    if (field === 0 || field > 0x1fff_ffff) throw new MalformedMessage(`a field has the number ${field}`);
    this.wire = Number(tag & 7n);
    this.read = false;
    return field;
  }

  finish(): void {
    if (this.read) return;
    this.read = true;
    if (this.wire === VARINT) this.rawVarint();
    else if (this.wire === LENGTH) this.take(this.length());
    else if (this.wire === FIXED64) this.take(8);
    else if (this.wire === FIXED32) this.take(4);
    else throw new MalformedMessage(`a field has the wire type ${this.wire}`);
  }

  get isText(): boolean {
    return this.wire === LENGTH;
  }

  varint(): bigint {
    this.expect(VARINT);
    return this.rawVarint();
  }

  number(): number {
    const value = this.varint();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new MalformedMessage(`the number ${value} is beyond 2^53`);
    return Number(value);
  }

  bool(): boolean {
    return this.varint() !== 0n;
  }

  fixed64(): bigint {
    this.expect(FIXED64);
    const bytes = this.take(8);
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  }

  bytes(): Uint8Array {
    this.expect(LENGTH);
    return this.take(this.length());
  }

  text(): string {
    const bytes = this.bytes();
    try {
      return utf8.decode(bytes);
    } catch {
      throw new MalformedMessage("a text is not UTF-8");
    }
  }

  private expect(wire: number): void {
    if (this.read) throw new MalformedMessage("a field is read twice");
    if (this.wire !== wire) throw new MalformedMessage(`a field has the wire type ${this.wire}, not ${wire}`);
    this.read = true;
  }

  private length(): number {
    const length = this.rawVarint();
    if (length > BigInt(this.message.length - this.at)) {
      throw new MalformedMessage(`a field of ${length} bytes, with ${this.message.length - this.at} left`);
    }
    return Number(length);
  }

  private take(length: number): Uint8Array {
    if (length > this.message.length - this.at) throw new MalformedMessage("the message ends within a field");
    this.at += length;
    return this.message.subarray(this.at - length, this.at);
  }

  private rawVarint(): bigint {
    // Up to four bytes fit a small integer, and most do.
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new MalformedMessage("a number has more than ten bytes");
  }

  private byte(): number {
    if (this.at === this.message.length) throw new MalformedMessage("the message ends within a field");
    return this.message[this.at++];
  }
}
