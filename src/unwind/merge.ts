import type { FunctionRows } from "./function-rows.js";
import { RULE_NONE } from "./rule.js";

/** Where one section's functions lie: disjoint, ascending. */
export interface Extents {
  readonly functions: FunctionRows;
  /** Function indices in the order of their starts. */
  readonly order: Uint32Array;
  readonly count: number;
  /** By function index: where it ends, at the latest where the next one begins. */
  readonly ends: Uint32Array;
}

/** Rows in order, without gaps: what {@link UnwindRows} holds, before its rules are added. */
export interface OrderedRows {
  readonly fileOffsets: Uint32Array;
  readonly ruleIndices: Uint16Array;
}

/**
 * Joins the functions of several sources into one ascending list of rows. Where two sources describe the same bytes,
 * the earlier source has them.
 */
export function mergeExtents(sources: readonly Extents[]): OrderedRows {
  const capacity = sources.reduce((sum, { functions, count }) => sum + functions.rowCount + 2 * count, 1);
  const writer = new RowWriter(capacity);
  const positions = sources.map(() => 0);
  for (;;) {
    // The source whose next function begins first; the earlier source where two begin at one place.
    let source = -1;
    let start = Infinity;
    for (let i = 0; i < sources.length; i++) {
      const { functions, order, count } = sources[i];
      if (positions[i] === count) continue;
      const next = functions.starts[order[positions[i]]];
      if (next < start) {
        source = i;
        start = next;
      }
    }
    if (source < 0) break;
    const { functions, order, ends } = sources[source];
    const index = order[positions[source]++];
    // A better source's function cuts this one short, or has covered it already.
    let end = ends[index];
    for (let i = 0; i < source; i++) {
      const better = sources[i];
      if (positions[i] < better.count) end = Math.min(end, better.functions.starts[better.order[positions[i]]]);
    }
    writer.append(functions, index, end);
  }
  return writer.finish();
}

/**
 * Orders a section's functions. Where they overlap, the one that begins later has the bytes from there on, and of those
 * that begin at one place, the first in the section: so does libgcc, which searches for the last start that is not above
 * the address. One function that claims everything thus cannot hide the others.
 */
export function orderFunctions(functions: FunctionRows): Extents {
  const { functionCount } = functions;
  const starts = functions.starts.subarray(0, functionCount);
  const order = orderOf(starts);
  const ends = functions.ends.subarray(0, functionCount);
  let count = 0;
  for (let i = 0; i < functionCount; i++) {
    const index = order[i];
    if (count > 0) {
      const previous = order[count - 1];
      if (starts[previous] === starts[index]) continue;
      if (ends[previous] > starts[index]) ends[previous] = starts[index];
    }
    order[count++] = index;
  }
  return { functions, order, count, ends };
}

/** The indices that put the values in ascending order; equal values stay in the order they have. */
function orderOf(values: Uint32Array): Uint32Array {
  const order = new Uint32Array(values.length);
  let isSorted = true;
  for (let i = 0; i < values.length; i++) {
    order[i] = i;
    if (i > 0 && values[i - 1] > values[i]) isSorted = false;
  }
  if (isSorted) return order;
  // A value and its index fit the 53 bits of a double, and doubles sort natively, without a call for each comparison.
  const keys = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) keys[i] = values[i] * INDEX_RANGE + i;
  keys.sort();
  for (let i = 0; i < values.length; i++) order[i] = keys[i] % INDEX_RANGE;
  return order;
}

const INDEX_RANGE = 2 ** 21;

/**
 * Functions begin on multiples of 16, and the padding between them never runs. Letting the last rule hold through it
 * saves a row for most functions, and often two, since most functions end as they begin.
 */
const MAX_PADDING_BYTES = 15;

/** Appends functions' rows in ascending order: gaps become rows of no rule, rows equal to the one before go. */
class RowWriter {
  readonly #offsets: Uint32Array;
  readonly #rules: Uint16Array;
  #count = 0;
  /** Where the rows so far end. */
  #end = 0;
  #lastRule: number = RULE_NONE;

  constructor(capacity: number) {
    this.#offsets = new Uint32Array(capacity);
    this.#rules = new Uint16Array(capacity);
  }

  append(functions: FunctionRows, index: number, end: number): void {
    const { offsets, ruleIndices, firstRows } = functions;
    const start = Math.max(functions.starts[index], this.#end);
    if (start >= end) return;
    if (start - this.#end > MAX_PADDING_BYTES) this.#push(this.#end, RULE_NONE);
    // The rows that lie before the start are in force there, the last of them.
    let row = firstRows[index];
    const rowEnd = firstRows[index + 1];
    let rule: number = RULE_NONE;
    while (row < rowEnd && offsets[row] <= start) rule = ruleIndices[row++];
    this.#push(start, rule);
    for (; row < rowEnd && offsets[row] < end; row++) this.#push(offsets[row], ruleIndices[row]);
    this.#end = end;
  }

  finish(): OrderedRows {
    this.#push(this.#end, RULE_NONE);
    return { fileOffsets: this.#offsets.subarray(0, this.#count), ruleIndices: this.#rules.subarray(0, this.#count) };
  }

  #push(offset: number, rule: number): void {
    if (rule === this.#lastRule) return;
    this.#lastRule = rule;
    this.#offsets[this.#count] = offset;
    this.#rules[this.#count++] = rule;
  }
}
