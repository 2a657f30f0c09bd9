import { BackwardBits, highestBit } from "./bits.js";
import { buildTable, readDistribution } from "./fse.js";

/** A table of prefix codes (RFC 8878, 4.2.1). */
export interface HuffmanTable {
  /** The longest code, bits. */
  readonly log: number;
  /** By the next `log` bits: symbol | bits of its code << 8. */
  readonly codes: Uint16Array;
}

const MAX_LOG = 11;
const MAX_WEIGHTS = 255;

/** The table described at `at`, and the index behind it; undefined when it makes no sense. */
export function readHuffmanTable(
  bytes: Uint8Array,
  at: number,
  limit: number,
): { readonly table: HuffmanTable; readonly end: number } | undefined {
  if (at >= limit) return undefined;
  const header = bytes[at];
  const isPlain = header >= 128;
  const end = at + 1 + (isPlain ? (header - 126) >> 1 : header);
  if (end > limit) return undefined;
  const weights = isPlain ? plainWeights(bytes, at + 1, header - 127) : compressedWeights(bytes, at + 1, end);
  const table = weights && buildCodes(weights);
  return table && { table, end };
}

function plainWeights(bytes: Uint8Array, at: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => (i % 2 === 0 ? bytes[at + (i >> 1)] >> 4 : bytes[at + (i >> 1)] & 15));
}

/** Two states take turns until the bits are used up. */
function compressedWeights(bytes: Uint8Array, at: number, end: number): number[] | undefined {
  const read = readDistribution(bytes, at, end, { maxLog: 6, maxSymbol: MAX_LOG + 1 });
  const table = read && buildTable(read.distribution);
  const bits = new BackwardBits();
  if (table === undefined || !bits.open(bytes, read?.end ?? end, end)) return undefined;
  const { states, log } = table;
  let state = bits.read(log);
  let other = bits.read(log);
  if (bits.left < 0) return undefined;
  const weights: number[] = [];
  while (weights.length < MAX_WEIGHTS) {
    const row = states[state];
    weights.push(row & 0xff);
    const next = (row >>> 16) + bits.read((row >>> 8) & 0xff);
    if (bits.left < 0) {
      weights.push(states[other] & 0xff);
      return weights.length <= MAX_WEIGHTS ? weights : undefined;
    }
    state = other;
    other = next;
  }
  return undefined;
}

/** The last symbol's weight is not written: it is what makes the sum a power of two. */
function buildCodes(weights: number[]): HuffmanTable | undefined {
  let sum = 0;
  for (const weight of weights) {
    if (weight > MAX_LOG) return undefined;
    sum += weight === 0 ? 0 : 1 << (weight - 1);
  }
  if (sum === 0) return undefined;
  const log = highestBit(sum) + 1;
  const rest = (1 << log) - sum;
  if (log > MAX_LOG || (rest & (rest - 1)) !== 0) return undefined;
  weights.push(highestBit(rest) + 1);
  const codes = new Uint16Array(1 << log);
  let at = 0;
  for (let weight = 1; weight <= log; weight++) {
    for (const [symbol, its] of weights.entries()) {
      if (its !== weight) continue;
      const next = at + (1 << (weight - 1));
      codes.fill(symbol | ((log + 1 - weight) << 8), at, next);
      at = next;
    }
  }
  return { log, codes };
}

/** Fills target[from..to) with the symbols of one stream, bytes[start..end); false when it has more or fewer. */
export function decodeStream(
  table: HuffmanTable,
  bytes: Uint8Array,
  [start, end]: readonly [number, number],
  target: Uint8Array,
  [from, to]: readonly [number, number],
): boolean {
  if (!(start < end && end <= bytes.length) || bytes[end - 1] === 0) return false;
  const { log, codes } = table;
  const mask = (1 << log) - 1;
  let left = (end - 1 - start) * 8 + highestBit(bytes[end - 1]);
  let out = from;
  // BackwardBits by hand: this loop is most of the time.
  for (; out < to && left >= log; out++) {
    const position = left - log;
    const at = start + (position >> 3);
    const code = codes[((bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16)) >>> (position & 7)) & mask];
    target[out] = code;
    left -= code >>> 8;
  }
  for (; out < to && left > 0; out++) {
    const word = bytes[start] | (bytes[start + 1] << 8);
    const code = codes[((word & ((1 << left) - 1)) << (log - left)) & mask];
    target[out] = code;
    left -= code >>> 8;
  }
  return out === to && left === 0;
}
