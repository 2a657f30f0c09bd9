import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { distanceOf, lookupRow, ruleOf, TABLE_CORRUPT, viewTable } from "#src/unwind/lookup.js";
import { measure, write } from "#src/unwind/pages.js";
import { RULE_FIRST_FREE, RULE_NONE } from "#src/unwind/rule.js";
import type { UnwindRows } from "#src/unwind/table.js";

/** The table of rows given as [file offset, rule index]. Rule i of the file gets number 100 + i. */
function build(entries: readonly (readonly [number, number])[]) {
  const rows: UnwindRows = {
    fileOffsets: Uint32Array.from(entries, ([offset]) => offset),
    ruleIndices: Uint16Array.from(entries, ([, rule]) => rule),
    rules: new Uint8Array(16 * 8),
  };
  const extent = measure(rows);
  const memory = new ArrayBuffer(extent.elements * 8);
  write(
    rows,
    extent,
    Uint16Array.from({ length: 8 }, (_, i) => 100 + i),
    memory,
  );
  return { rows, extent, memory, view: viewTable(memory, extent) };
}

function numberAt({ fileOffsets, ruleIndices }: UnwindRows, offset: number): number {
  const row = fileOffsets.findLastIndex((start) => start <= offset);
  const index = row < 0 ? RULE_NONE : ruleIndices[row];
  return index < RULE_FIRST_FREE ? index : 100 + index - RULE_FIRST_FREE;
}

describe("unwind table", () => {
  it("is laid out as bpf/abi.h says", () => {
    const { extent, memory } = build([
      [0x10010, 5],
      [0x10020, 6],
      [0x30000, 1],
      [0x30008, 0],
    ]);
    assert.deepEqual(extent, { basePage: 1, pages: 3, elements: 3 + 2 + 1 + 1 });
    const words = new Uint32Array(memory);
    assert.deepEqual([...words.subarray(0, 6)], [3, 2, 5, 1, 6, 1]);
    const rows = Array.from(words.subarray(6), (word) => [word & 0xffff, word >>> 16]);
    assert.deepEqual(rows, [
      [0, 0],
      [0x10, 100],
      [0x20, 101],
      [0x20, 101], // an odd number of rows repeats the last
      [0, 101],
      [0, 101], // the rule in force carried into a page without rows
      [0, 1],
      [8, 0],
    ]);
  });

  it("has no rows for pages in which nothing is known", () => {
    const { extent, view } = build([
      [0x10, 5],
      [0x20, 0],
      [0x50000, 5],
      [0x50010, 0],
    ]);
    assert.deepEqual(extent, { basePage: 0, pages: 6, elements: 6 + 2 + 1 });
    assert.equal(view.words[2 * 3 + 1], 0);
    assert.equal(lookupRow(view, 0x30000), RULE_NONE);
  });

  it("of no rows is empty", () => {
    const { extent, view } = build([]);
    assert.equal(extent.elements, 0);
    assert.equal(lookupRow(view, 0), RULE_NONE);
  });

  it("answers like the rows it was made of, everywhere", () => {
    const offsets = fc.uniqueArray(
      fc.oneof(fc.integer({ min: 0, max: 0x5_0000 }), fc.constantFrom(0, 0xffff, 0x10000, 0x20000, 0xfffe_ffff)),
      { maxLength: 200 },
    );
    const entries = offsets.chain((list) => {
      const sorted = list.sort((a, b) => a - b);
      return fc
        .array(fc.integer({ min: 0, max: 12 }), { minLength: sorted.length, maxLength: sorted.length })
        .map((rules) => sorted.map((offset, i) => [offset, rules[i]] as const));
    });
    fc.assert(
      fc.property(entries, fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { maxLength: 20 }), (list, probes) => {
        const { rows, extent, view } = build(list);
        const end = (extent.basePage + extent.pages) * 0x10000;
        for (const near of [...probes, ...list.flatMap(([offset]) => [offset - 1, offset, offset + 1])]) {
          // Beyond the last page nothing is stored; converters end their rows with one of no rule.
          const expected = near >= 0 && near < end ? numberAt(rows, near) : RULE_NONE;
          assert.equal(ruleOf(lookupRow(view, near)), expected, near.toString(16));
        }
      }),
      { numRuns: 200 },
    );
  });

  it("says how far into its row an address lies, up to a run's length", () => {
    const { view } = build([
      [0x10, 5],
      [0x20, 6],
      [0x1_0008, 7],
    ]);
    const distances = [0x10, 0x1f, 0x20, 0x2f, 0x30, 0x31, 0xffff].map((at) => distanceOf(lookupRow(view, at)));
    assert.deepEqual(distances, [0, 15, 0, 15, 16, 16, 16]);
    // A row that is carried into a page counts from there; no run reaches that far.
    assert.equal(distanceOf(lookupRow(view, 0x1_0004)), 4);
  });

  it("that contradicts itself is corrupt, not a wild read", () => {
    const { view } = build([
      [0, 5],
      [8, 6],
    ]);
    view.words[1] = 0xffff_ffff;
    assert.equal(lookupRow(view, 4), TABLE_CORRUPT);
    assert.equal(lookupRow(view, 2 ** 60), RULE_NONE);
    assert.equal(lookupRow(view, -1), RULE_NONE);
  });
});
