/** Bits of a stream that is read from its end (RFC 8878, 4.1), as every entropy-coded part of a block is. */
export class BackwardBits {
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  /** Bits that are left; below zero when more were asked for than there were, which were zeros. */
  left = 0;

  /** Begins at the end of bytes[start..end), behind the highest set bit of the last one; false when there is none. */
  open(bytes: Uint8Array, start: number, end: number): boolean {
    if (!(start < end && end <= bytes.length) || bytes[end - 1] === 0) return false;
    this.#bytes = bytes;
    this.#start = start;
    this.left = (end - 1 - start) * 8 + highestBit(bytes[end - 1]);
    return true;
  }

  /** The next `count` bits, at most 25. */
  read(count: number): number {
    this.left -= count;
    return this.#at(this.left, count);
  }

  /** The same, for any count up to 32. */
  readLong(count: number): number {
    if (count <= 24) return this.read(count);
    const high = this.read(count - 16);
    return high * 0x1_0000 + this.read(16);
  }

  #at(position: number, count: number): number {
    // What lies before the start are zeros.
    if (position < 0) return position <= -count ? 0 : this.#at(0, count + position) << -position;
    const bytes = this.#bytes;
    const at = this.#start + (position >> 3);
    const word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    return (word >>> (position & 7)) & ((1 << count) - 1);
  }
}

/** The index of the highest set bit of a positive number. */
export function highestBit(value: number): number {
  return 31 - Math.clz32(value);
}
