/** Entries that are read of one table: a function of some ten thousand lines has so many. */
const MAX_ENTRIES = 1 << 16;
const MORE = 0x80;
const BITS = 7;

/** A source position table (V8's source-position-table.cc) as columns, ascending by offset. */
export interface PositionTable {
  /** Of a bytecode, or of an instruction. */
  readonly offsets: Uint32Array;
  /** Character of the script; -1 where unknown. */
  readonly characters: Int32Array;
  /** Index of the inlining position that it lies in; -1 where nothing was inlined. */
  readonly inlinings: Int32Array;
}

/** What a table says of an entry beside its offset: whether it is a statement, by the sign; since V8 14 in two bits whether one can break there, too. */
export type EntryFlags = "sign" | "two-bits";

/**
 * Reads a table: of each entry the distance of its offset from the one before, with flags, and of its position, zigzag; each in sevens of
 * bits. Undefined where it is none.
 */
export function readPositionTable(bytes: Uint8Array, flags: EntryFlags): PositionTable | undefined {
  const reader = new VlqReader(bytes);
  const offsets: number[] = [];
  const characters: number[] = [];
  const inlinings: number[] = [];
  // kFunctionEntryBytecodeOffset: what V8 counts from.
  let offset = -1;
  let position = 0;
  while (!reader.isAtEnd) {
    const distance = readDistance(reader, flags);
    const change = reader.signed();
    if (distance === undefined || change === undefined || offsets.length >= MAX_ENTRIES) return undefined;
    offset += distance;
    position += change;
    if (!Number.isSafeInteger(position) || position < 0 || offset > 0xffff_ffff) return undefined;
    if (offset < 0) continue; // the function's entry, before any code
    const place = decodePosition(position);
    offsets.push(offset);
    characters.push(place.character);
    inlinings.push(place.inlining);
  }
  return {
    offsets: Uint32Array.from(offsets),
    characters: Int32Array.from(characters),
    inlinings: Int32Array.from(inlinings),
  };
}

function readDistance(reader: VlqReader, flags: EntryFlags): number | undefined {
  if (flags === "two-bits") {
    const value = reader.unsigned();
    return value === undefined ? undefined : Math.floor(value / 4);
  }
  const value = reader.signed();
  return value === undefined || value >= 0 ? value : -(value + 1);
}

/** A SourcePosition (source-position.h): bit 0 external, 30 bits of character + 1, 16 bits of inlining + 1. */
export function decodePosition(raw: number): { readonly character: number; readonly inlining: number } {
  const low = raw % 2 ** 31;
  const isExternal = (low & 1) !== 0;
  return { character: isExternal ? -1 : (low >>> 1) - 1, inlining: (Math.floor(raw / 2 ** 31) & 0xffff) - 1 };
}

/** Numbers in sevens of bits, the lowest first. */
export class VlqReader {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  get isAtEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  /** Undefined where the bytes end before it, or it is larger than an exact number. */
  unsigned(): number | undefined {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 2 ** BITS) {
      if (this.at >= this.bytes.length) return undefined;
      const byte = this.bytes[this.at++];
      value += (byte & ~MORE) * scale;
      if ((byte & MORE) === 0) return Number.isSafeInteger(value) ? value : undefined;
    }
    return undefined;
  }

  /** The sign in the lowest bit: 0, -1, 1, -2. */
  signed(): number | undefined {
    const value = this.unsigned();
    if (value === undefined) return undefined;
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
