import { Cursor } from "../dwarf/cursor.js";
import { ENTRY_KIND, rowOf, skipAttributes } from "./abbreviations.js";
import { Attributes, SLOT } from "./attributes.js";
import { type IntervalTable, IntervalTableBuilder } from "./interval-table.js";
import type { RangeReader } from "./ranges.js";
import { readAttributes, type Unit } from "./unit-reader.js";

/**
 * Where the functions of a unit lie: intervals whose owners are the entries' offsets into .debug_info. One pass over all
 * entries, in which those that are no functions are only passed over; `bytes` are the unit's. An entry that makes no
 * sense ends the pass, and what came before it stays.
 */
export function readFunctions(unit: Unit, bytes: Uint8Array, ranges: RangeReader, base: number): IntervalTable {
  const builder = new IntervalTableBuilder(base);
  const attributes = new Attributes();
  const { abbreviations: table } = unit;
  const { kinds, sizes, hasChildren } = table;
  const cursor = new Cursor(bytes, unit.entryOffset - unit.offset);
  let depth = 0;
  // Of the outermost function that is open.
  let functionDepth = Infinity;
  let entry = 0;
  const add = (start: number, limit: number) => {
    builder.add(start, limit, entry);
  };
  while (cursor.at < cursor.end) {
    entry = unit.offset + cursor.at;
    const code = cursor.uleb();
    if (code === 0) {
      if (--depth <= 0) break;
      if (depth <= functionDepth) functionDepth = Infinity;
      continue;
    }
    const row = rowOf(table, code);
    if (row < 0) break;
    const kind = kinds[row];
    const isFunction = kind === ENTRY_KIND.function || kind === ENTRY_KIND.declaration;
    if (isFunction && hasChildren[row] !== 0) functionDepth = Math.min(functionDepth, depth);
    // A function's own types may have functions with code, and be all that is left of it.
    if (kind === ENTRY_KIND.function || (kind === ENTRY_KIND.type && functionDepth === Infinity)) {
      attributes.clear();
      readAttributes(cursor, unit.offset, unit, table, row, attributes);
      if (cursor.failed) break;
      if (kind === ENTRY_KIND.function) ranges.read(unit, attributes, add);
      else if (skipToSibling(cursor, attributes, unit)) continue;
    } else if (sizes[row] >= 0) {
      cursor.skip(sizes[row]);
    } else {
      skipAttributes(cursor, table, row, unit);
    }
    if (cursor.failed) break;
    depth += hasChildren[row];
    // A unit without anything in it.
    if (depth === 0) break;
  }
  return builder.finish();
}

/** Moves to where the entry says that the next one on its level is; false when it says none that is ahead. */
export function skipToSibling(cursor: Cursor, attributes: Attributes, unit: Unit): boolean {
  const target = attributes.number(SLOT.sibling) - unit.offset;
  if (!attributes.has(SLOT.sibling) || !(target >= cursor.at && target <= cursor.end)) return false;
  cursor.at = target;
  return true;
}
