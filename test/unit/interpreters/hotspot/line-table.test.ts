import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CompressedStream } from "#src/interpreters/hotspot/compressed-stream.js";
import { lineOf, readLineTable, startLine } from "#src/interpreters/hotspot/line-table.js";
import { compressed } from "../../../support/compressed-numbers.js";
import { fuzz, nasty, withinMs } from "../../../support/fuzz.js";

const biases = fc.constantFrom<0 | 1>(0, 1);

describe("numbers that HotSpot packed", () => {
  it("are what was packed", () => {
    const number = fc.oneof(fc.nat(400), fc.nat(70_000), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
    fuzz(
      fc.property(fc.array(number), biases, (numbers, bias) => {
        const stream = new CompressedStream(Uint8Array.from(numbers.flatMap((each) => compressed(each, bias))), bias);
        assert.deepEqual(
          numbers.map(() => stream.unsigned()),
          numbers,
        );
        assert.equal(stream.unsigned(), undefined);
      }),
      500,
    );
  });

  it("end where the bytes do", () => {
    assert.equal(new CompressedStream(Uint8Array.of(255, 255), 0).unsigned(), undefined);
    assert.equal(new CompressedStream(Uint8Array.of(0), 1).unsigned(), undefined); // no number has such a byte
    assert.equal(new CompressedStream(Uint8Array.of(0), 0).unsigned(), 0);
  });
});

describe("a table of lines", () => {
  it("has short differences in a byte, and long and negative ones behind an escape", () => {
    const table = readLineTable(
      Uint8Array.of((4 << 3) | 3, (2 << 3) | 1, 0xff, ...compressed(2 * 300, 0), ...compressed(2 * 2 - 1, 0), 0, 99),
      0,
    );
    assert.deepEqual([...table], [4, 3, 6, 4, 306, 2]);
    assert.equal(startLine(table), 2);
  });

  it("tells of a bytecode the line of the last pair before it", () => {
    const table = Uint16Array.of(0, 10, 5, 12, 3, 11);
    assert.deepEqual(
      [-1, 0, 2, 3, 4, 5, 60_000].map((bci) => lineOf(table, bci)),
      [10, 10, 10, 11, 11, 12, 12],
    );
    assert.equal(lineOf(new Uint16Array(0), 3), 0);
  });

  it("is read from any bytes", () => {
    fuzz(
      fc.property(fc.uint8Array({ maxLength: 4096 }), fc.array(nasty), biases, (bytes, more, bias) => {
        const table = withinMs(200, () => readLineTable(Uint8Array.from([...bytes, ...more]), bias));
        assert.ok(table.length % 2 === 0 && table.length <= 2 * 65_536);
        assert.ok(lineOf(table, 7) >= 0 && startLine(table) >= 0);
      }),
      300,
    );
  });
});
