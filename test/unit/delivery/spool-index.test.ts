import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { SpoolIndex, type SpoolRow } from "#src/delivery/spool-index.js";

describe("the index of a spool", () => {
  it("does what a list of rows does, whatever comes and goes", () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ push: fc.nat(1_000_000) }) },
      { weight: 2, arbitrary: fc.record({ removeAt: fc.nat(3) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
        const index = new SpoolIndex();
        const rows: SpoolRow[] = [];
        for (const [number, each] of steps.entries()) {
          if ("push" in each) {
            const row = {
              sequence: 1e12 + number,
              run: 0xfedcba98,
              profiles: 2,
              bytes: each.push,
              queuedAtMs: -number,
            };
            rows.push(row);
            index.push(row);
          } else if (each.removeAt < rows.length) {
            rows.splice(each.removeAt, 1);
            index.removeAt(each.removeAt);
          }
        }
        assert.equal(index.length, rows.length);
        assert.equal(
          index.totalBytes,
          rows.reduce((sum, { bytes }) => sum + bytes, 0),
        );
        rows.forEach((row, place) => {
          assert.deepEqual(index.at(place), row);
          assert.equal(index.find(row), place);
        });
        assert.equal(index.find({ sequence: 1, run: 0xfedcba98 }), -1);
      }),
    );
  });
});
