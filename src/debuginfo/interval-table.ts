import { upperBound } from "../util/upper-bound.js";

/** Rows that fit beside a 32-bit start in the 53 bits of a double. */
const ROW_SCALE = 2 ** 21;
const MAX_OFFSET = 2 ** 32 - 1;

/** Intervals of ELF addresses, each with an owner, ascending by start: 16 bytes each. */
export interface IntervalTable {
  /** From {@link IntervalTable.base}. */
  readonly starts: Uint32Array;
  readonly limits: Uint32Array;
  /** How far the intervals up to and with each reach: beyond it no search is needed. */
  readonly reach: Uint32Array;
  readonly owners: Float64Array;
  readonly base: number;
  readonly bytes: number;
}

/** Intervals before an address that are looked at until one covers it: functions folded into one, nested ones. */
const MAX_STEPS = 64;

/** Collects intervals, up to a million or two. */
export class IntervalTableBuilder {
  readonly #base: number;
  #starts = new Uint32Array(256);
  #limits = new Uint32Array(256);
  #owners = new Float64Array(256);
  #length = 0;
  /** Whether some did not fit any more. */
  full = false;

  /** What starts below `base`, or 4 GiB above, is left out. */
  constructor(base: number) {
    this.#base = base;
  }

  add(start: number, limit: number, owner: number): void {
    if (!(start >= this.#base && limit - this.#base <= MAX_OFFSET)) return;
    if (this.#length === this.#starts.length && !this.#grow()) return;
    this.#starts[this.#length] = start - this.#base;
    this.#limits[this.#length] = limit - this.#base;
    this.#owners[this.#length++] = owner;
  }

  #grow(): boolean {
    const capacity = Math.min(this.#length * 2, ROW_SCALE);
    this.full ||= capacity === this.#length;
    if (this.full) return false;
    this.#starts = widened(new Uint32Array(capacity), this.#starts);
    this.#limits = widened(new Uint32Array(capacity), this.#limits);
    this.#owners = widened(new Float64Array(capacity), this.#owners);
    return true;
  }

  finish(): IntervalTable {
    const length = this.#length;
    // A typed array sorts by number without calling back: start and row in one.
    const keys = Float64Array.from({ length }, (_, row) => this.#starts[row] * ROW_SCALE + row).sort();
    const starts = new Uint32Array(length);
    const limits = new Uint32Array(length);
    const reach = new Uint32Array(length);
    const owners = new Float64Array(length);
    let furthest = 0;
    for (let at = 0; at < length; at++) {
      const row = keys[at] % ROW_SCALE;
      starts[at] = this.#starts[row];
      limits[at] = this.#limits[row];
      owners[at] = this.#owners[row];
      reach[at] = furthest = Math.max(furthest, limits[at]);
    }
    return { starts, limits, reach, owners, base: this.#base, bytes: length * 20 };
  }
}

function widened<T extends Float64Array | Uint32Array>(wide: T, narrow: T): T {
  wide.set(narrow);
  return wide;
}

/** The interval that covers an address, the one that starts last; -1 when none does. */
export function findInterval(table: IntervalTable, address: number): number {
  const offset = address - table.base;
  let row = upperBound(table.starts, offset) - 1;
  for (let steps = 0; row >= 0 && table.reach[row] > offset && steps < MAX_STEPS; row--, steps++) {
    if (table.limits[row] > offset) return row;
  }
  return -1;
}

/** Around an address those that the same intervals cover, or none: what {@link findInterval} says holds for all of them. */
export function extentAround(table: IntervalTable, address: number): { from: number; limit: number } {
  const { starts, limits, reach, base } = table;
  const offset = address - base;
  const above = upperBound(starts, offset);
  let from = above > 0 ? starts[above - 1] : -Infinity;
  let limit = above < starts.length ? starts[above] : Infinity;
  let row = above - 1;
  for (let steps = 0; row >= 0 && reach[row] > offset; row--, steps++) {
    if (steps >= MAX_STEPS) return { from: address, limit: address + 1 };
    if (limits[row] > offset) limit = Math.min(limit, limits[row]);
    else from = Math.max(from, limits[row]);
  }
  if (row >= 0) from = Math.max(from, reach[row]);
  return { from: from + base, limit: limit + base };
}
