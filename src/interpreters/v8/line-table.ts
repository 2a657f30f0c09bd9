import type { Characters } from "./heap-string.js";
import type { Heap } from "./heap.js";
import type { HeapLayout } from "./heap-layout.js";

const MAX_LINES = 1 << 20;
/** A bundle of 16 MiB is a large one. */
export const MAX_SOURCE_CHARACTERS = 16 << 20;
/** Of a source, what is read at once. */
const PIECE_BYTES = 1 << 20;
const LF = 10;
const CR = 13;
/** LINE SEPARATOR and PARAGRAPH SEPARATOR end lines, too (ECMA-262, 12.3). */
const SEPARATORS = [0x2028, 0x2029];

const ARRAY_LENGTH = 8;
const ARRAY_BODY = 16;

/** A place in a script, both from 0. */
export interface LineColumn {
  readonly line: number;
  readonly column: number;
}

/** Where each line of a script ends, as V8 counts: the character that ends it, of the last the source's length. */
export class LineTable {
  constructor(private readonly ends: Uint32Array) {}

  get bytes(): number {
    return this.ends.byteLength;
  }

  /** Undefined beyond the script's end. */
  at(character: number): LineColumn | undefined {
    const { ends } = this;
    if (character < 0 || ends.length === 0 || character > ends[ends.length - 1]) return undefined;
    let low = 0;
    let high = ends.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ends[middle] < character) low = middle + 1;
      else high = middle;
    }
    return { line: low, column: low === 0 ? character : character - ends[low - 1] - 1 };
  }
}

/** From V8's own array of the lines' ends, where it has made one; undefined where it has not, or it is none. */
export async function readLineEnds(
  heap: Heap,
  { types }: HeapLayout,
  address: number | undefined,
): Promise<LineTable | undefined> {
  const array = await heap.object(address, ARRAY_BODY);
  if (array === undefined || !types.fixedArrays.includes(array.type)) return undefined;
  const length = array.smi(ARRAY_LENGTH);
  if (length === undefined || length <= 0 || length > MAX_LINES) return undefined;
  const bytes = await heap.bytes(array.address + ARRAY_BODY, 8 * length);
  if (bytes?.length !== 8 * length) return undefined;
  const ends = new Uint32Array(length);
  for (let line = 0; line < length; line++) {
    if (bytes.readUInt32LE(8 * line) !== 0) return undefined;
    ends[line] = bytes.readUInt32LE(8 * line + 4);
    if (line > 0 && ends[line] < ends[line - 1]) return undefined;
  }
  return new LineTable(ends);
}

/** From the source; undefined where it cannot be read, or is too long. */
export async function countLines(heap: Heap, source: Characters): Promise<LineTable | undefined> {
  const { address, length, isOneByte } = source;
  if (length > MAX_SOURCE_CHARACTERS) return undefined;
  const width = isOneByte ? 1 : 2;
  const counter = new LineCounter();
  for (let at = 0; at < length * width; at += PIECE_BYTES) {
    const size = Math.min(PIECE_BYTES, length * width - at);
    const bytes = await heap.bytes(address + at, size);
    if (bytes?.length !== size) return undefined;
    // A string's characters lie at an even address only in V8's heap; an array of 16 bits wants one.
    if (!counter.add(isOneByte ? bytes : new Uint16Array(Uint8Array.from(bytes).buffer))) return undefined;
  }
  return new LineTable(counter.end());
}

/** Ends of lines in text that comes in pieces. */
export class LineCounter {
  private readonly ends: number[] = [];
  private length = 0;
  private isAfterCr = false;

  /** Whether it may go on. */
  add(piece: Uint8Array | Uint16Array): boolean {
    for (let at = 0; at < piece.length; at++) {
      const character = piece[at];
      if (character > CR && character < SEPARATORS[0]) {
        if (this.isAfterCr) this.endLine(this.length + at - 1);
        continue;
      }
      // CR and LF are one end, that of the LF.
      if (this.isAfterCr && character !== LF) this.endLine(this.length + at - 1);
      this.isAfterCr = character === CR;
      if (character === LF || SEPARATORS.includes(character)) this.endLine(this.length + at);
    }
    this.length += piece.length;
    return this.ends.length < MAX_LINES;
  }

  end(): Uint32Array {
    if (this.isAfterCr) this.endLine(this.length - 1);
    return Uint32Array.from([...this.ends, this.length]);
  }

  private endLine(at: number): void {
    this.isAfterCr = false;
    this.ends.push(at);
  }
}
