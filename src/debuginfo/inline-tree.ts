import { Cursor } from "../dwarf/cursor.js";
import { ENTRY_KIND, rowOf, skipAttributes } from "./abbreviations.js";
import { Attributes, SLOT } from "./attributes.js";
import { skipToSibling } from "./functions.js";
import type { RangeReader } from "./ranges.js";
import { readAttributes, type Unit } from "./unit-reader.js";

/** One function, and what was inlined into it: calls in preorder, call 0 is the function itself. */
export interface InlineTree {
  /** Offset of each call's entry in .debug_info. */
  readonly entries: readonly number[];
  /** Index of the call after the last that is inside of this one. */
  readonly next: readonly number[];
  /** Where in the caller; 0 when unknown. The file is an index into the unit's line table. */
  readonly callFiles: readonly number[];
  readonly callLines: readonly number[];
  /** Call c covers rangeStarts[i] up to rangeLimits[i], for i of rangeOffsets[c] .. rangeOffsets[c + 1]. ELF addresses. */
  readonly rangeOffsets: readonly number[];
  readonly rangeStarts: readonly number[];
  readonly rangeLimits: readonly number[];
}

/** Calls on the way from a function to an address. Compilers stop at some dozens. */
const MAX_DEPTH = 1024;
/** Calls and ranges of one function. The largest found, generated code of V8, has some ten thousand. */
const MAX_CALLS = 250_000;
const MAX_RANGES = 1_000_000;

/** The calls that cover an address, outermost first, and around it the addresses that the same calls cover. */
export interface CallPath {
  readonly calls: readonly number[];
  readonly from: number;
  readonly limit: number;
}

/** Reads the entries inside the function whose entry is at `entry`; `bytes` are the unit's. */
export function readInlineTree(unit: Unit, bytes: Uint8Array, entry: number, ranges: RangeReader): InlineTree {
  const tree = {
    entries: [entry],
    next: [1],
    callFiles: [0],
    callLines: [0],
    rangeOffsets: [0],
    rangeStarts: [] as number[],
    rangeLimits: [] as number[],
  };
  const addRange = (start: number, limit: number) => {
    tree.rangeStarts.push(start);
    tree.rangeLimits.push(limit);
  };
  const attributes = new Attributes();
  const { abbreviations: table } = unit;
  const cursor = new Cursor(bytes, entry - unit.offset);
  // Of each level that is open, the call to close with it, or none.
  const open: number[] = [];
  for (let first = true; first || open.length > 0; first = false) {
    const at = unit.offset + cursor.at;
    const code = cursor.uleb();
    if (cursor.failed) break;
    if (code === 0) {
      close(tree.next, open.pop(), tree.entries.length);
      continue;
    }
    const row = rowOf(table, code);
    if (row < 0) break;
    let call = -1;
    const kind = table.kinds[row];
    if (first || kind === ENTRY_KIND.inlined) {
      if (tree.entries.length >= MAX_CALLS || tree.rangeStarts.length >= MAX_RANGES) break;
      attributes.clear();
      readAttributes(cursor, unit.offset, unit, table, row, attributes);
      call = first ? 0 : tree.entries.push(at) - 1;
      if (!first) {
        tree.next.push(call + 1);
        tree.callFiles.push(attributes.number(SLOT.callFile));
        tree.callLines.push(attributes.number(SLOT.callLine));
      }
      ranges.read(unit, attributes, addRange);
      tree.rangeOffsets.push(tree.rangeStarts.length);
    } else if (kind === ENTRY_KIND.function || kind === ENTRY_KIND.type || kind === ENTRY_KIND.declaration) {
      attributes.clear();
      readAttributes(cursor, unit.offset, unit, table, row, attributes);
      if (skipToSibling(cursor, attributes, unit)) continue;
      // A function inside of this one has calls of its own: passed over, level by level.
      if (table.hasChildren[row] !== 0) skipChildren(cursor, unit);
      if (cursor.failed) break;
      continue;
    } else {
      skipAttributes(cursor, table, row, unit);
    }
    if (cursor.failed) break;
    if (table.hasChildren[row] !== 0) {
      if (open.length >= MAX_DEPTH) break;
      open.push(call);
    }
  }
  while (open.length > 0) close(tree.next, open.pop(), tree.entries.length);
  return tree;
}

function close(next: number[], call: number | undefined, end: number): void {
  if (call !== undefined && call >= 0) next[call] = end;
}

function skipChildren(cursor: Cursor, unit: Unit): void {
  const { abbreviations: table } = unit;
  for (let depth = 1; depth > 0 && !cursor.failed;) {
    const code = cursor.uleb();
    if (code === 0) {
      depth--;
      continue;
    }
    const row = rowOf(table, code);
    if (row < 0) {
      cursor.failed = true;
      return;
    }
    skipAttributes(cursor, table, row, unit);
    depth += table.hasChildren[row];
  }
}

/** Finds the calls that cover an address which the function has. `spend` is told what was looked at. */
export function findCalls(tree: InlineTree, address: number, spend: (ranges: number) => void): CallPath {
  let from = -Infinity;
  let limit = Infinity;
  /** Whether a call covers the address; narrows the extent to where that stays so. */
  const covers = (call: number): boolean => {
    let found = false;
    for (let at = tree.rangeOffsets[call]; at < tree.rangeOffsets[call + 1]; at++) {
      const start = tree.rangeStarts[at];
      const end = tree.rangeLimits[at];
      if (start > address) limit = Math.min(limit, start);
      else if (end <= address) from = Math.max(from, end);
      else {
        from = Math.max(from, start);
        limit = Math.min(limit, end);
        found = true;
      }
    }
    return found;
  };
  covers(0);
  const calls = [0];
  let end = tree.next[0];
  for (let call = 1; call < end;) {
    spend(1 + tree.rangeOffsets[call + 1] - tree.rangeOffsets[call]);
    if (covers(call)) {
      calls.push(call);
      // Into it: what is inside of it follows directly, and nothing behind it matters any more.
      end = tree.next[call];
      call++;
    } else {
      call = tree.next[call];
    }
  }
  return { calls, from, limit };
}
