import { lowerBound } from "../util/upper-bound.js";
import type { SymbolColumns } from "./symbol-columns.js";

/**
 * Of a table's symbols those that answer for some addresses as all together would: of 200,000 symbols a window's new functions need a
 * few dozen, and sorting the rest takes longer than all else that is done for their names. That is each one that covers an address;
 * and of those between an address and the next: the last ones, which may have no size and so reach up to the next, the first one, where
 * an answer before it ends, and the one that reaches furthest, behind which nothing does.
 *
 * `asked` are distinct, ascending, and from the table's base as the starts are.
 */
export function symbolsAround(symbols: SymbolColumns, asked: Float64Array): SymbolColumns {
  const { starts, sizes } = symbols;
  const gaps = asked.length + 1;
  const gapOf = new Uint32Array(starts.length);
  const first = new Float64Array(gaps).fill(Infinity);
  const last = new Float64Array(gaps).fill(-1);
  const furthest = new Float64Array(gaps).fill(-1);
  const gapAt = gapSearch(asked);
  for (let at = 0; at < starts.length; at++) {
    const start = starts[at];
    const gap = gapAt(start);
    gapOf[at] = gap;
    if (start < first[gap]) first[gap] = start;
    if (start > last[gap]) last[gap] = start;
    const end = start + sizes[at];
    if (end > furthest[gap]) furthest[gap] = end;
  }
  let kept = 0;
  for (let at = 0; at < starts.length; at++) {
    const start = starts[at];
    const gap = gapOf[at];
    const end = start + sizes[at];
    const matters = start === last[gap] || start === first[gap] || end === furthest[gap] || end > asked[gap];
    if (matters) gapOf[kept++] = at;
  }
  const indices = gapOf.subarray(0, kept);
  const take = (column: Uint32Array): Uint32Array => indices.map((at) => column[at]);
  return { starts: take(starts), sizes: take(sizes), rows: take(symbols.rows) };
}

/** Parts of the addresses that are asked for, and of what is before them. */
const PARTS = 4096;

/** The index of the first of the addresses that is not below a start. Most parts hold none of them, and need no search. */
function gapSearch(asked: Float64Array): (start: number) => number {
  const partBytes = Math.floor(Math.max(asked.at(-1) ?? 0, 0) / PARTS) + 1;
  const gaps = Uint32Array.from({ length: PARTS + 1 }, (_, part) => lowerBound(asked, part * partBytes));
  return (start) => {
    const part = Math.floor(start / partBytes);
    if (part >= PARTS) return asked.length;
    const low = gaps[part];
    const high = gaps[part + 1];
    return low === high ? low : lowerBound(asked, start, low, high);
  };
}
