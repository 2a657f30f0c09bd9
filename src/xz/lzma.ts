import { EVEN_CHANCE, RangeDecoder } from "./range-decoder.js";

/** How literals and matches depend on where they are: lc, lp, pb of lzma-specification.txt. */
export interface LzmaProperties {
  readonly literalContextBits: number;
  readonly literalPositionBits: number;
  readonly positionBits: number;
}

const STATES = 12;
/** From this state on the last thing written was a match. */
const FIRST_MATCH_STATE = 7;
const MAX_POSITIONS = 16;
const MIN_MATCH = 2;
const LENGTH_STATES = 4;
const FIRST_SPECIAL_SLOT = 4;
const FIRST_ALIGNED_SLOT = 14;
const ALIGN_BITS = 4;
const LITERAL_CHANCES = 0x300;

/** Where the chances of each kind begin in one table; lengths have two of the same. */
const LENGTH = { choice: 0, choice2: 1, low: 2, middle: 2 + 128, high: 2 + 256, size: 2 + 256 + 256 } as const;
const IS_MATCH = 0;
const IS_REP = IS_MATCH + STATES * MAX_POSITIONS;
const IS_REP0 = IS_REP + STATES;
const IS_REP1 = IS_REP0 + STATES;
const IS_REP2 = IS_REP1 + STATES;
const IS_REP0_LONG = IS_REP2 + STATES;
const SLOTS = IS_REP0_LONG + STATES * MAX_POSITIONS;
const SPECIAL = SLOTS + LENGTH_STATES * 64;
const ALIGN = SPECIAL + 115;
const MATCH_LENGTHS = ALIGN + (1 << ALIGN_BITS);
const REP_LENGTHS = MATCH_LENGTHS + LENGTH.size;
const LITERALS = REP_LENGTHS + LENGTH.size;

/** LZMA as .xz files have it: chunk after chunk, each of a known size, without end markers. */
export class LzmaDecoder {
  /** For the most that LZMA2 allows: lc + lp is four at most. */
  readonly #chances = new Uint16Array(LITERALS + (LITERAL_CHANCES << 4));
  readonly #range = new RangeDecoder();
  #properties: LzmaProperties = { literalContextBits: 3, literalPositionBits: 0, positionBits: 2 };
  #state = 0;
  #rep0 = 0;
  #rep1 = 0;
  #rep2 = 0;
  #rep3 = 0;

  reset(properties: LzmaProperties | undefined): void {
    this.#properties = properties ?? this.#properties;
    this.#chances.fill(EVEN_CHANCE);
    this.#state = this.#rep0 = this.#rep1 = this.#rep2 = this.#rep3 = 0;
  }

  /**
   * Fills out[from..to) with what bytes[start..end) stand for; false when they are more, fewer, or make no sense. What may be
   * copied from begins at `first`.
   */
  decode(
    bytes: Uint8Array,
    [start, end]: readonly [number, number],
    out: Uint8Array,
    first: number,
    [from, to]: readonly [number, number],
  ): boolean {
    const range = this.#range;
    const chances = this.#chances;
    const positionMask = (1 << this.#properties.positionBits) - 1;
    if (!range.open(bytes, start, end)) return false;
    for (let at = from; at < to;) {
      const position = (at - first) & positionMask;
      const state = this.#state;
      if (range.bit(chances, IS_MATCH + state * MAX_POSITIONS + position) === 0) {
        if (state >= FIRST_MATCH_STATE && this.#rep0 >= at - first) return false;
        out[at] = this.#literal(out, first, at);
        this.#state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
        at++;
        continue;
      }
      const length = this.#match(state, position);
      const distance = this.#rep0 + 1;
      if (this.#rep0 < 0 || distance > at - first || length > to - at) return false;
      if (distance >= length && length > 32) out.copyWithin(at, at - distance, at - distance + length);
      else for (let copy = at; copy < at + length; copy++) out[copy] = out[copy - distance];
      at += length;
    }
    return range.isFinished;
  }

  #literal(out: Uint8Array, first: number, at: number): number {
    const range = this.#range;
    const chances = this.#chances;
    const { literalContextBits: lc, literalPositionBits: lp } = this.#properties;
    const before = at > first ? out[at - 1] : 0;
    const context = (((at - first) & ((1 << lp) - 1)) << lc) + (before >> (8 - lc));
    const base = LITERALS + context * LITERAL_CHANCES;
    let symbol = 1;
    if (this.#state >= FIRST_MATCH_STATE) {
      // After a match the byte that it would have gone on with is unlikely.
      let matched = out[at - this.#rep0 - 1];
      while (symbol < 0x100) {
        const matchBit = (matched >> 7) & 1;
        matched <<= 1;
        const bit = range.bit(chances, base + ((1 + matchBit) << 8) + symbol);
        symbol = (symbol << 1) | bit;
        if (matchBit !== bit) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | range.bit(chances, base + symbol);
    return symbol & 0xff;
  }

  /** The length of a match; where it is from is in rep0, below zero when it is an end marker or farther than any. */
  #match(state: number, position: number): number {
    const range = this.#range;
    const chances = this.#chances;
    if (range.bit(chances, IS_REP + state) === 0) {
      this.#rep3 = this.#rep2;
      this.#rep2 = this.#rep1;
      this.#rep1 = this.#rep0;
      const length = this.#length(MATCH_LENGTHS, position);
      this.#state = state < FIRST_MATCH_STATE ? 7 : 10;
      this.#rep0 = this.#distance(length);
      return length;
    }
    if (range.bit(chances, IS_REP0 + state) === 0) {
      if (range.bit(chances, IS_REP0_LONG + state * MAX_POSITIONS + position) === 0) {
        this.#state = state < FIRST_MATCH_STATE ? 9 : 11;
        return 1;
      }
    } else {
      this.#useOlder(state);
    }
    this.#state = state < FIRST_MATCH_STATE ? 8 : 11;
    return this.#length(REP_LENGTHS, position);
  }

  #useOlder(state: number): void {
    const range = this.#range;
    let distance = this.#rep1;
    if (range.bit(this.#chances, IS_REP1 + state) !== 0) {
      distance = this.#rep2;
      if (range.bit(this.#chances, IS_REP2 + state) !== 0) {
        distance = this.#rep3;
        this.#rep3 = this.#rep2;
      }
      this.#rep2 = this.#rep1;
    }
    this.#rep1 = this.#rep0;
    this.#rep0 = distance;
  }

  #length(base: number, position: number): number {
    const range = this.#range;
    const chances = this.#chances;
    if (range.bit(chances, base + LENGTH.choice) === 0) {
      return MIN_MATCH + range.tree(chances, base + LENGTH.low + position * 8, 3);
    }
    if (range.bit(chances, base + LENGTH.choice2) === 0) {
      return MIN_MATCH + 8 + range.tree(chances, base + LENGTH.middle + position * 8, 3);
    }
    return MIN_MATCH + 16 + range.tree(chances, base + LENGTH.high, 8);
  }

  #distance(length: number): number {
    const range = this.#range;
    const chances = this.#chances;
    const lengthState = Math.min(length - MIN_MATCH, LENGTH_STATES - 1);
    const slot = range.tree(chances, SLOTS + lengthState * 64, 6);
    if (slot < FIRST_SPECIAL_SLOT) return slot;
    const bits = (slot >> 1) - 1;
    const high = (2 | (slot & 1)) << bits;
    if (slot < FIRST_ALIGNED_SLOT) return high + range.reverseTree(chances, SPECIAL + high - slot - 1, bits);
    const middle = range.direct(bits - ALIGN_BITS) << ALIGN_BITS;
    return (high + middle + range.reverseTree(chances, ALIGN, ALIGN_BITS)) | 0;
  }
}
