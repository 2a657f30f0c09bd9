/**
 * Numbers in one to five bytes, the lowest six bits first, as HotSpot packs tables of lines and debug information
 * (hotspot/share/code/compressedStream.cpp; utilities/unsigned5.hpp since 20). The bytes are hostile; what lies beyond their
 * end is undefined.
 */
export class CompressedStream {
  #at = 0;

  constructor(
    private readonly bytes: Uint8Array,
    /** Subtracted from each byte: 1 since 20, where a byte of 0 is in no number. */
    private readonly bias: 0 | 1,
  ) {}

  get position(): number {
    return this.#at;
  }

  byte(): number | undefined {
    return this.#at < this.bytes.length ? this.bytes[this.#at++] : undefined;
  }

  /** 0 to 2^32 - 1. */
  unsigned(): number | undefined {
    const low = 256 - this.bias - 64; // a byte under it is the number's last
    let sum = 0;
    for (let row = 0; row < 5; row++) {
      const byte = this.byte();
      if (byte === undefined || byte < this.bias) return undefined;
      const digit = byte - this.bias;
      sum += digit * 64 ** row;
      if (digit < low) break;
    }
    return sum % 2 ** 32;
  }

  /** The sign is the lowest bit. */
  signed(): number | undefined {
    const value = this.unsigned();
    return value === undefined ? undefined : (value >>> 1) ^ -(value & 1);
  }
}
