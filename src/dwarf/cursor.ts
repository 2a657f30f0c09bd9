/**
 * Reads the integers of DWARF one after the other. Reading past the end gives zeros and sets {@link Cursor.failed},
 * which is checked once, after a whole entry, instead of at every byte. Values above 2^53 are rounded, not wrapped, so
 * that they fail the caller's bounds.
 */
export class Cursor {
  bytes: Uint8Array;
  /** Index of the next byte. */
  at: number;
  /** Index past the last byte. */
  end: number;
  failed = false;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** Moves to another range, which must lie inside `bytes`, and forgets the failure. */
  reset(bytes: Uint8Array, at: number, end: number): void {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
    this.failed = false;
  }

  u8(): number {
    if (this.at >= this.end) return this.#overrun();
    return this.bytes[this.at++];
  }

  u16(): number {
    return this.u8() | (this.u8() << 8);
  }

  u32(): number {
    const { bytes, at } = this;
    if (at + 4 > this.end) return this.#overrun();
    this.at = at + 4;
    return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
  }

  s32(): number {
    return this.u32() | 0;
  }

  u64(): number {
    const low = this.u32();
    return this.u32() * 0x1_0000_0000 + low;
  }

  s64(): number {
    const low = this.u32();
    return this.s32() * 0x1_0000_0000 + low;
  }

  uleb(): number {
    const first = this.u8();
    return first < 0x80 ? first : this.#longUleb(first & 0x7f);
  }

  sleb(): number {
    const first = this.u8();
    return first < 0x80 ? (first << 25) >> 25 : this.#longSleb(first & 0x7f);
  }

  skip(count: number): void {
    if (count <= this.end - this.at) this.at += count;
    else this.#overrun();
  }

  #longUleb(low: number): number {
    let value = low;
    let byte = 0x80;
    for (let scale = 2 ** 7; byte >= 0x80; scale *= 2 ** 7) {
      // Ten bytes hold 64 bits. Longer ones can only be padding, which no assembler writes.
      if (scale > 2 ** 63) return this.#overrun();
      byte = this.u8();
      value += (byte & 0x7f) * scale;
    }
    return value;
  }

  #longSleb(low: number): number {
    let value = low;
    let byte = 0x80;
    let scale = 2 ** 7;
    for (; byte >= 0x80; scale *= 2 ** 7) {
      // Seven bytes are exact in a double; no offset in a frame needs the eighth.
      if (scale > 2 ** 42) return this.#overrun();
      byte = this.u8();
      value += (byte & 0x7f) * scale;
    }
    return (byte & 0x40) === 0 ? value : value - scale;
  }

  #overrun(): number {
    this.failed = true;
    this.at = this.end;
    return 0;
  }
}
