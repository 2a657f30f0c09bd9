import { CompressedStream } from "./compressed-stream.js";

/** More pairs than that are in no method: bytecodes take 65,535 bytes at most. */
const MAX_PAIRS = 65_536;
const MAX_LINE = 0xffff;
const ESCAPE = 0xff;

/** Which line a bytecode is of: pairs of (bytecode index, line), in the order of the class file. */
export type LineTable = Uint16Array;

/**
 * Reads a compressed table of line numbers (hotspot/share/code/compressedStream.hpp, CompressedLineNumberReadStream): a byte of
 * both differences, or an escape and both as signed numbers; 0 ends it. Gives what there is before something that cannot be.
 */
export function readLineTable(bytes: Uint8Array, bias: 0 | 1): LineTable {
  const stream = new CompressedStream(bytes, bias);
  const pairs: number[] = [];
  let bci = 0;
  let line = 0;
  for (let row = 0; row < MAX_PAIRS; row++) {
    const next = stream.byte();
    if (next === undefined || next === 0) break;
    if (next === ESCAPE) {
      bci += stream.signed() ?? NaN;
      line += stream.signed() ?? NaN;
    } else {
      bci += next >> 3;
      line += next & 7;
    }
    if (!(bci >= 0 && bci <= 0xffff && line >= 0 && line <= MAX_LINE)) break;
    pairs.push(bci, line);
  }
  return Uint16Array.from(pairs);
}

/** The line of a bytecode: of the last pair at or before it (Method::line_number_from_bci). 0 when unknown; -1 is the entry. */
export function lineOf(table: LineTable, bci: number): number {
  const sought = Math.max(0, bci);
  let best = -1;
  let line = 0;
  for (let row = 0; row + 1 < table.length; row += 2) {
    const at = table[row];
    if (at === sought) return table[row + 1];
    if (at < sought && at >= best) {
      best = at;
      line = table[row + 1];
    }
  }
  return line;
}

/** The first line that the method tells of; 0 when it tells none. */
export function startLine(table: LineTable): number {
  let least = 0;
  for (let row = 1; row < table.length; row += 2) {
    if (least === 0 || table[row] < least) least = table[row];
  }
  return least;
}
