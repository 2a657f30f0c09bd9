const TOP = 1 << 24;
const MODEL_BITS = 11;
const MOVE_BITS = 5;
/** Each bit's chance of being zero, of 2^11, begins at a half. */
export const EVEN_CHANCE = 1 << (MODEL_BITS - 1);

/**
 * Bits that were written by their probability. Numbers are kept as signed 32-bit ones, which the engine holds in registers, and
 * compared as unsigned. Reading past the end gives something and is told at the end, by {@link RangeDecoder.isFinished}.
 */
export class RangeDecoder {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #range = 0;
  #code = 0;

  /** Begins with bytes[start..end); false when they are no beginning. */
  open(bytes: Uint8Array, start: number, end: number): boolean {
    if (!(start + 5 <= end && end <= bytes.length) || bytes[start] !== 0) return false;
    this.#bytes = bytes;
    this.#code = (bytes[start + 1] << 24) | (bytes[start + 2] << 16) | (bytes[start + 3] << 8) | bytes[start + 4];
    this.#range = -1;
    this.#at = start + 5;
    this.#end = end;
    return true;
  }

  /** Whether all bytes were used, none more, and what is left over says so too. */
  get isFinished(): boolean {
    return this.#at === this.#end && this.#code === 0;
  }

  /** One bit by the chance at an index, which learns from it. */
  bit(chances: Uint16Array, index: number): 0 | 1 {
    const chance = chances[index];
    const bound = Math.imul(this.#range >>> MODEL_BITS, chance);
    if (this.#code >>> 0 < bound >>> 0) {
      this.#range = bound;
      chances[index] = chance + (((1 << MODEL_BITS) - chance) >>> MOVE_BITS);
      this.#normalize();
      return 0;
    }
    this.#range = (this.#range - bound) | 0;
    this.#code = (this.#code - bound) | 0;
    chances[index] = chance - (chance >>> MOVE_BITS);
    this.#normalize();
    return 1;
  }

  /** `count` bits of which the chances of each depend on those before, highest first. */
  tree(chances: Uint16Array, first: number, count: number): number {
    let node = 1;
    for (let level = 0; level < count; level++) node = (node << 1) | this.bit(chances, first + node);
    return node - (1 << count);
  }

  /** The same, lowest first. */
  reverseTree(chances: Uint16Array, first: number, count: number): number {
    let node = 1;
    let value = 0;
    for (let level = 0; level < count; level++) {
      const bit = this.bit(chances, first + node);
      node = (node << 1) | bit;
      value |= bit << level;
    }
    return value;
  }

  /** `count` bits of even chances. */
  direct(count: number): number {
    let value = 0;
    for (let left = count; left > 0; left--) {
      this.#range >>>= 1;
      const isOne = this.#code >>> 0 >= this.#range >>> 0;
      if (isOne) this.#code = (this.#code - this.#range) | 0;
      value = (value << 1) | (isOne ? 1 : 0);
      this.#normalize();
    }
    return value;
  }

  #normalize(): void {
    if (this.#range >>> 0 >= TOP) return;
    this.#range <<= 8;
    // Past the end too, so that the end is not met.
    this.#code = (this.#code << 8) | (this.#at < this.#end ? this.#bytes[this.#at] : 0);
    this.#at++;
  }
}
