import { BackwardBits } from "./bits.js";
import { buildTable, type Distribution, type FseTable, readDistribution, singleSymbol } from "./fse.js";
import { type Literals, MAX_BLOCK_BYTES } from "./literals.js";

/** One of the three numbers of a sequence: its tables' limits, and which one is meant where none is written. */
interface Code {
  readonly maxLog: number;
  readonly maxSymbol: number;
  readonly usual: Distribution;
}

const ones = (count: number, value = 1) => new Array<number>(count).fill(value);

const LITERAL_LENGTH: Code = {
  maxLog: 9,
  maxSymbol: 35,
  usual: { log: 6, shares: [4, 3, ...ones(11, 2), 1, 1, 1, ...ones(9, 2), 3, 2, ...ones(5), ...ones(4, -1)] },
};
const OFFSET: Code = {
  maxLog: 8,
  maxSymbol: 31,
  usual: { log: 5, shares: [...ones(6), 2, 2, 2, ...ones(15), ...ones(5, -1)] },
};
const MATCH_LENGTH: Code = {
  maxLog: 9,
  maxSymbol: 52,
  usual: { log: 6, shares: [1, 4, 3, ...ones(6, 2), ...ones(37), ...ones(7, -1)] },
};

/** Bits that are added to a code's length, and where its lengths begin (RFC 8878, 3.1.1.3.2.1.1). */
const LITERAL_BITS = Uint8Array.of(...ones(16, 0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
const MATCH_BITS = Uint8Array.of(
  ...[...ones(32, 0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5],
  ...[7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
);
const LITERAL_BASE = basesOf(LITERAL_BITS, 0);
const MATCH_BASE = basesOf(MATCH_BITS, 3);

function basesOf(bits: Uint8Array, first: number): Uint32Array {
  const bases = new Uint32Array(bits.length);
  for (let code = 0, base = first; code < bits.length; base += 1 << bits[code++]) bases[code] = base;
  return bases;
}

/** Larger ones lead out of everything that is inflated here. */
const MAX_OFFSET_CODE = 30;
const MODE = { usual: 0, single: 1, written: 2, repeated: 3 } as const;

/** Copies that a block is made of (RFC 8878, 3.1.1.3.2), run into the output. */
export class Sequences {
  #literalLengths: FseTable | undefined;
  #offsets: FseTable | undefined;
  #matchLengths: FseTable | undefined;
  readonly #recent = Uint32Array.of(1, 4, 8);
  readonly #bits = new BackwardBits();

  /** Forgets what the frame before has left. */
  reset(): void {
    this.#literalLengths = this.#offsets = this.#matchLengths = undefined;
    this.#recent.set([1, 4, 8]);
  }

  /**
   * Runs the section at `at`, which ends with the block at `limit`, with the block's literals. `out` is written from `from`
   * on; what may be copied from begins at `first`. Gives the index behind what was written, -1 when it makes no sense.
   */
  run(
    block: Uint8Array,
    at: number,
    limit: number,
    literals: Literals,
    out: Uint8Array,
    first: number,
    from: number,
  ): number {
    if (at >= limit) return -1;
    let count = block[at++];
    if (count >= 128) {
      const isLong = count === 255;
      count = isLong ? block[at] + block[at + 1] * 256 + 0x7f00 : (count - 128) * 256 + block[at];
      at += isLong ? 2 : 1;
    }
    if (count === 0) return at === limit ? copyLiterals(literals, 0, out, from) : -1;
    if (at >= limit) return -1;
    const modes = block[at++];
    const tables = (modes & 3) === 0 ? this.#readTables(block, at, limit, modes) : -1;
    if (tables < 0 || !this.#bits.open(block, tables, limit)) return -1;
    return this.#copy(count, literals, out, first, from);
  }

  #readTables(block: Uint8Array, at: number, limit: number, modes: number): number {
    let end = at;
    const read = (code: Code, before: FseTable | undefined, mode: number): FseTable | undefined => {
      if (end < 0) return undefined;
      if (mode === MODE.usual) return buildTable(code.usual);
      if (mode === MODE.repeated) return before;
      if (mode === MODE.single) {
        return end < limit && block[end] <= code.maxSymbol ? singleSymbol(block[end++]) : undefined;
      }
      const written = readDistribution(block, end, limit, code);
      end = written?.end ?? -1;
      return written && buildTable(written.distribution);
    };
    this.#literalLengths = read(LITERAL_LENGTH, this.#literalLengths, modes >> 6);
    this.#offsets = read(OFFSET, this.#offsets, (modes >> 4) & 3);
    this.#matchLengths = read(MATCH_LENGTH, this.#matchLengths, (modes >> 2) & 3);
    return this.#literalLengths && this.#offsets && this.#matchLengths ? end : -1;
  }

  #copy(count: number, literals: Literals, out: Uint8Array, first: number, from: number): number {
    const bits = this.#bits;
    const [lengths, offsets, matches] = [this.#literalLengths!, this.#offsets!, this.#matchLengths!];
    let lengthState = bits.read(lengths.log);
    let offsetState = bits.read(offsets.log);
    let matchState = bits.read(matches.log);
    const limit = Math.min(out.length, from + MAX_BLOCK_BYTES);
    let taken = 0;
    let at = from;
    for (let left = count; left > 0; left--) {
      const lengthRow = lengths.states[lengthState];
      const offsetRow = offsets.states[offsetState];
      const matchRow = matches.states[matchState];
      const offsetCode = offsetRow & 0xff;
      if (offsetCode > MAX_OFFSET_CODE) return -1;
      const offsetValue = 2 ** offsetCode + bits.readLong(offsetCode);
      const matchLength = MATCH_BASE[matchRow & 0xff] + bits.read(MATCH_BITS[matchRow & 0xff]);
      const literalLength = LITERAL_BASE[lengthRow & 0xff] + bits.read(LITERAL_BITS[lengthRow & 0xff]);
      if (left > 1) {
        lengthState = (lengthRow >>> 16) + bits.read((lengthRow >>> 8) & 0xff);
        matchState = (matchRow >>> 16) + bits.read((matchRow >>> 8) & 0xff);
        offsetState = (offsetRow >>> 16) + bits.read((offsetRow >>> 8) & 0xff);
      }
      const offset = this.#offset(offsetValue, literalLength);
      const copyAt = at + literalLength;
      const end = copyAt + matchLength;
      const isGood = bits.left >= 0 && end <= limit && taken + literalLength <= literals.length;
      if (!isGood || offset === 0 || offset > copyAt - first) return -1;
      copy(literals.bytes, taken, out, at, literalLength);
      taken += literalLength;
      // What is copied may begin inside of what is being written.
      if (offset >= matchLength && matchLength > 32) out.copyWithin(copyAt, copyAt - offset, end - offset);
      else for (let to = copyAt; to < end; to++) out[to] = out[to - offset];
      at = end;
    }
    return bits.left === 0 ? copyLiterals(literals, taken, out, at) : -1;
  }

  /** The distance that is meant: one to three stand for recent ones (RFC 8878, 3.1.2.5). */
  #offset(value: number, literalLength: number): number {
    const recent = this.#recent;
    if (value > 3) {
      recent.copyWithin(1, 0, 2);
      return (recent[0] = value - 3);
    }
    const which = value - (literalLength === 0 ? 0 : 1);
    if (which === 0) return recent[0];
    const offset = which === 3 ? recent[0] - 1 : recent[which];
    if (which > 1) recent[2] = recent[1];
    recent[1] = recent[0];
    return (recent[0] = offset);
  }
}

function copyLiterals(literals: Literals, taken: number, out: Uint8Array, at: number): number {
  const length = literals.length - taken;
  if (at + length > out.length) return -1;
  copy(literals.bytes, taken, out, at, length);
  return at + length;
}

/** Most are a few bytes, for which a call of the engine takes longer. */
function copy(source: Uint8Array, from: number, target: Uint8Array, at: number, length: number): void {
  if (length > 64) target.set(source.subarray(from, from + length), at);
  else for (let i = 0; i < length; i++) target[at + i] = source[from + i];
}
