import { highestBit } from "./bits.js";

/** A table of finite state entropy (RFC 8878, 4.1.1): what each state stands for, and where the next one is. */
export interface FseTable {
  /** A state has so many bits. */
  readonly log: number;
  /** By state: symbol | bits to read << 8 | what they are added to << 16. */
  readonly states: Uint32Array;
}

/** Shares of a table: of 2^log, by symbol; -1 for one that is less likely than a share. */
export interface Distribution {
  readonly log: number;
  readonly shares: readonly number[];
}

const MIN_LOG = 5;

/** The distribution written at `at`, and the index behind it; undefined when it makes no sense or `limit` cuts it. */
export function readDistribution(
  bytes: Uint8Array,
  at: number,
  limit: number,
  { maxLog, maxSymbol }: { readonly maxLog: number; readonly maxSymbol: number },
): { readonly distribution: Distribution; readonly end: number } | undefined {
  if (at >= limit) return undefined;
  const log = (bytes[at] & 15) + MIN_LOG;
  if (log > maxLog) return undefined;
  const shares: number[] = [];
  const limitBits = (limit - at) * 8;
  let bit = 4;
  const peek = (count: number) => {
    const index = at + (bit >> 3);
    return ((bytes[index] | (bytes[index + 1] << 8) | (bytes[index + 2] << 16)) >>> (bit & 7)) & ((1 << count) - 1);
  };
  let left = 1 << log;
  while (left > 0) {
    // A value takes the bits that 0 .. left + 1 need, or one less where that leaves no doubt.
    const bits = highestBit(left + 1) + 1;
    const short = (1 << bits) - 2 - left;
    let value = peek(bits - 1);
    if (value < short) {
      bit += bits - 1;
    } else {
      value = peek(bits);
      if (value >= 1 << (bits - 1)) value -= short;
      bit += bits;
    }
    const share = value - 1;
    left -= Math.abs(share);
    shares.push(share);
    for (let repeat = share === 0 ? 3 : 0; repeat === 3;) {
      repeat = peek(2);
      bit += 2;
      for (let count = 0; count < repeat; count++) shares.push(0);
      if (bit > limitBits || shares.length > maxSymbol + 1) return undefined;
    }
    if (bit > limitBits || left < 0 || shares.length > maxSymbol + 1) return undefined;
  }
  return { distribution: { log, shares }, end: at + ((bit + 7) >> 3) };
}

/** The table of a distribution, which must add up; undefined when its symbols cannot be spread. */
export function buildTable({ log, shares }: Distribution): FseTable | undefined {
  const size = 1 << log;
  const symbols = new Uint8Array(size);
  const next = new Uint16Array(shares.length);
  let high = size;
  for (const [symbol, share] of shares.entries()) {
    next[symbol] = share === -1 ? 1 : share;
    if (share === -1) symbols[--high] = symbol;
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let place = 0;
  for (const [symbol, share] of shares.entries()) {
    for (let count = 0; count < share; count++) {
      symbols[place] = symbol;
      do place = (place + step) & (size - 1);
      while (place >= high);
    }
  }
  if (place !== 0) return undefined;
  const states = new Uint32Array(size);
  for (let state = 0; state < size; state++) {
    const symbol = symbols[state];
    const number = next[symbol]++;
    const bits = log - highestBit(number);
    states[state] = symbol | (bits << 8) | (((number << bits) - size) << 16);
  }
  return { log, states };
}

/** The table of one symbol, which takes no bits. */
export function singleSymbol(symbol: number): FseTable {
  return { log: 0, states: Uint32Array.of(symbol) };
}
