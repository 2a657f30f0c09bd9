import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { untilWindowEnd } from "#src/agent/window-times.js";

describe("a window's end", () => {
  for (const [wall, length, expected] of [
    ["12:00:00.000", 60_000, 60_000],
    ["12:00:30.000", 60_000, 30_000],
    ["12:00:53.999", 60_000, 6001],
    ["12:00:54.001", 60_000, 65_999],
    ["12:00:59.999", 60_000, 60_001],
    ["12:00:00.500", 1000, 500],
  ] as const) {
    it(`is ${expected} ms after ${wall}, of ${length} ms`, () => {
      assert.equal(untilWindowEnd(Date.parse(`2026-11-21T${wall}Z`), length), expected);
    });
  }

  it("is at a multiple of the length, a tenth to eleven tenths of it away, whatever the clock says", () => {
    const lengths = fc.integer({ min: 1000, max: 600_000 });
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 45), max: 2 ** 45 }), lengths, (wallMs, lengthMs) => {
        const rest = untilWindowEnd(wallMs, lengthMs);
        assert.equal(Math.abs((wallMs + rest) % lengthMs), 0);
        assert.ok(rest >= lengthMs * 0.1 && rest <= lengthMs * 1.1, String(rest));
      }),
    );
  });
});
