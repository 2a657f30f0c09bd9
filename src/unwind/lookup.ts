import type { TableExtent } from "./pages.js";
import { PAGE_SHIFT, RULE_NONE, RUN_BYTES } from "./rule.js";

/** A table that contradicts itself; no match is this. */
export const TABLE_CORRUPT = 0xffff_ffff;

/** The number of the rule that a match found. */
export function ruleOf(match: number): number {
  return match & 0xffff;
}

/** How many bytes into its row the address of a match lies, at most {@link RUN_BYTES}: beyond, nothing changes. */
export function distanceOf(match: number): number {
  return match >>> 16;
}

/** One executable's table as it was published, for reading. */
export interface TableView extends TableExtent {
  /** The whole memory in 32-bit words: the page index, then rows as low | rule << 16. */
  readonly words: Uint32Array;
}

export function viewTable(memory: ArrayBuffer, extent: TableExtent): TableView {
  return { ...extent, words: new Uint32Array(memory, 0, extent.elements * 2) };
}

/**
 * The row at a file offset, as a match: {@link ruleOf}, {@link distanceOf}. RULE_NONE outside the table;
 * {@link TABLE_CORRUPT}. The twin of rows_find_rule in bpf/unwind/rows.h: the same search over the same bytes.
 */
export function lookupRow({ words, basePage, pages, elements }: TableView, fileOffset: number): number {
  const page = Math.floor(fileOffset / 2 ** PAGE_SHIFT) - basePage;
  if (!(page >= 0 && page < pages)) return RULE_NONE;
  const low = fileOffset % 2 ** PAGE_SHIFT;
  const count = words[page * 2 + 1];
  if (count === 0) return RULE_NONE;
  // The last element whose first row is not above `low`; the page's first row is at 0.
  let first = words[page * 2];
  let last = first + count - 1;
  if (last >= elements) return TABLE_CORRUPT;
  while (first < last) {
    const middle = first + ((last - first + 1) >>> 1);
    if ((words[middle * 2] & 0xffff) <= low) first = middle;
    else last = middle - 1;
  }
  const second = words[first * 2 + 1];
  const row = (second & 0xffff) <= low ? second : words[first * 2];
  return (row >>> 16) | (Math.min(low - (row & 0xffff), RUN_BYTES) << 16);
}
