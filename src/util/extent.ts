/** Numbers, addresses for example, that have one answer: from `from` up to, and without, `limit`. */
export interface Extent {
  readonly from: number;
  readonly limit: number;
}

/** What is in both. */
export function meet(one: Extent, other: Extent): Extent {
  return { from: Math.max(one.from, other.from), limit: Math.min(one.limit, other.limit) };
}
