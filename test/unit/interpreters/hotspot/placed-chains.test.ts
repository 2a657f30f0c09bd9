import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { PlacedChains } from "#src/interpreters/hotspot/placed-chains.js";
import type { Extent } from "#src/util/extent.js";
import type { Chain } from "#src/interpreters/hotspot/chain.js";

const MOST = 200;

/** Ranges that do not overlap, in any order. */
const ranges = fc
  .uniqueArray(fc.nat(MOST), { minLength: 2, maxLength: 40 })
  .map((bounds) => bounds.sort((a, b) => a - b))
  .map((bounds) => bounds.slice(1).map((limit, row): Extent => ({ from: bounds[row], limit })))
  .chain((all) => fc.shuffledSubarray(all));

function chainOf({ from }: Extent): Chain {
  const method = { name: `m${from}`, fileName: "", startLine: 0, lines: new Uint16Array(0) };
  return [{ method, line: from }];
}

describe("PlacedChains", () => {
  it("finds the chain of the range that a position is in, and none between", () => {
    fc.assert(
      fc.property(ranges, (all) => {
        const placed = new PlacedChains();
        for (const range of all) placed.add(range, chainOf(range));
        assert.equal(placed.size, all.length);
        for (let position = 0; position <= MOST; position++) {
          const expected = all.find(({ from, limit }) => from <= position && position < limit);
          assert.deepEqual(placed.find(position), expected && chainOf(expected));
        }
        const starts = Array.from(placed, ({ from }) => from);
        assert.deepEqual(
          starts,
          starts.toSorted((a, b) => a - b),
        );
      }),
    );
  });
});
