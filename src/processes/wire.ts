const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/**
 * Walks the fields of one protobuf message (protobuf.dev/programming-guides/encoding) that anybody may have written.
 * Only length-delimited fields have a value here; numbers are passed over. It ends at the first thing that is wrong.
 */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;
  /** Number of the field that {@link next} came to. */
  field = 0;
  /** Its bytes, undefined where it is a number. */
  value: Buffer | undefined;
  /** The message is cut, or none. */
  malformed = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Goes to the next field; false at the end, and where the message is malformed. */
  next(): boolean {
    this.value = undefined;
    if (this.malformed || this.#at >= this.#bytes.length) return false;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    const type = tag % 8;
    if (this.field === 0) this.malformed = true;
    else if (type === VARINT) this.#varint();
    else if (type === FIXED64) this.#skip(8);
    else if (type === FIXED32) this.#skip(4);
    else if (type === BYTES) {
      const length = this.#varint();
      const from = this.#at;
      this.#skip(length);
      if (!this.malformed) this.value = this.#bytes.subarray(from, this.#at);
    } else this.malformed = true;
    return !this.malformed;
  }

  #skip(length: number): void {
    this.#at += length;
    if (this.#at > this.#bytes.length) this.malformed = true;
  }

  /** At most 64 bits; what is above 2^53 loses precision and is too long for a length or a tag in any case. */
  #varint(): number {
    let value = 0;
    for (let scale = 1, count = 0; count < 10; count++, scale *= 128) {
      if (this.#at >= this.#bytes.length) break;
      const byte = this.#bytes[this.#at++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    this.malformed = true;
    return 0;
  }
}
