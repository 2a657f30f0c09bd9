import type { KernelSymbolChange } from "../native/symbol-record.js";

/** A stretch of kernel addresses, and what was there during a window. */
export interface SettledPlace {
  /** Addresses as signed numbers, which are exact. */
  readonly start: number;
  readonly limit: number;
  /** "" where symbols of several names were, one after another: which one a sample saw cannot be said. */
  readonly name: string;
  readonly module: string;
  /** It is gone by the end, or there is another name by then. */
  readonly isStale: boolean;
}

/** More than any node changes in a window; each is held against all before it. */
const MAX_CHANGES = 2000;

/**
 * What a window's changes, in order, mean for its addresses: places, ascending and apart from each other. Undefined when there
 * are too many to say.
 */
export function settleChanges(changes: readonly KernelSymbolChange[]): readonly SettledPlace[] | undefined {
  if (changes.length > MAX_CHANGES) return undefined;
  let places: SettledPlace[] = [];
  for (const { address, length, name, module, made } of changes) {
    const start = Number(BigInt.asIntN(64, address));
    let place: SettledPlace = { start, limit: start + Math.max(length, 1), name, module, isStale: !made };
    for (const other of places) if (meet(other, place)) place = joined(other, place);
    places = [...places.filter((other) => !meet(other, place)), place];
  }
  return places.sort((one, other) => one.start - other.start);
}

function meet(one: SettledPlace, other: SettledPlace): boolean {
  return one.start < other.limit && other.start < one.limit;
}

function joined(before: SettledPlace, after: SettledPlace): SettledPlace {
  const isSame = before.start === after.start && before.limit === after.limit && before.name === after.name;
  if (isSame) return after;
  const { module } = after;
  const [start, limit] = [Math.min(before.start, after.start), Math.max(before.limit, after.limit)];
  return { start, limit, name: "", module, isStale: true };
}
