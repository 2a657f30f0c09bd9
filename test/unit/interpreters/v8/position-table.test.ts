import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decodePosition, readPositionTable, VlqReader } from "#src/interpreters/v8/position-table.js";
import { fuzz } from "../../../support/fuzz.js";

/** In sevens of bits, the lowest first. */
function vlq(value: bigint): number[] {
  const bytes: number[] = [];
  let left = value;
  do {
    bytes.push(Number(left & 0x7fn) | (left > 0x7fn ? 0x80 : 0));
    left >>= 7n;
  } while (left > 0n);
  return bytes;
}

function zigzag(value: bigint): number[] {
  return vlq(value >= 0n ? value * 2n : -value * 2n - 1n);
}

interface Entry {
  readonly distance: number;
  readonly character: number;
  readonly inlining: number;
  readonly isStatement: boolean;
}

function encode(entries: readonly Entry[], isV14: boolean): Uint8Array {
  const bytes: number[] = [];
  let position = 0n;
  for (const { distance, character, inlining, isStatement } of entries) {
    if (isV14) bytes.push(...vlq(BigInt(distance) * 4n + 2n + (isStatement ? 1n : 0n)));
    else bytes.push(...zigzag(isStatement ? BigInt(distance) : BigInt(-distance - 1)));
    const raw = (BigInt(inlining + 1) << 31n) | (BigInt(character + 1) << 1n);
    bytes.push(...zigzag(raw - position));
    position = raw;
  }
  return Uint8Array.from(bytes);
}

const entry: fc.Arbitrary<Entry> = fc.record({
  distance: fc.nat(1 << 20),
  character: fc.nat(2 ** 30 - 2),
  inlining: fc.integer({ min: -1, max: 0xfffe }),
  isStatement: fc.boolean(),
});

describe("V8's source position tables", () => {
  for (const flags of ["sign", "two-bits"] as const) {
    it(`give what was put in, with ${flags}`, () => {
      fc.assert(
        fc.property(fc.array(entry, { maxLength: 40 }), (entries) => {
          const table = readPositionTable(encode(entries, flags === "two-bits"), flags);
          let offset = -1;
          const expected = entries
            .map(({ distance, ...rest }) => ({ offset: (offset += distance), ...rest }))
            .filter((one) => one.offset >= 0);
          assert.deepEqual(
            Array.from(table!.offsets),
            expected.map((one) => one.offset),
          );
          assert.deepEqual(
            Array.from(table!.characters),
            expected.map(({ character }) => character),
          );
          assert.deepEqual(
            Array.from(table!.inlinings),
            expected.map(({ inlining }) => inlining),
          );
        }),
      );
    });
  }

  it("of V8 11 and 14 say the same of `function () { return 1 }`", () => {
    const older = readPositionTable(Buffer.from("01e40902140420", "hex"), "sign");
    const newer = readPositionTable(Buffer.from("02e40907140b20", "hex"), "two-bits");
    assert.deepEqual(older, newer);
    assert.deepEqual(Array.from(older!.offsets), [0, 2]);
  });

  it("have no characters of what is not JavaScript", () => {
    assert.deepEqual(decodePosition(1 + 2 * 17), { character: -1, inlining: -1 });
    assert.deepEqual(decodePosition(0), { character: -1, inlining: -1 });
    assert.deepEqual(decodePosition(2 ** 31 * 3 + 2 * 8), { character: 7, inlining: 2 });
  });

  it("are none when they are cut short, or go back before their beginning", () => {
    assert.equal(readPositionTable(Uint8Array.of(0x80), "sign"), undefined);
    assert.equal(readPositionTable(Uint8Array.of(2), "sign"), undefined);
    assert.equal(readPositionTable(Uint8Array.of(2, 1), "sign"), undefined);
  });

  it("never make it throw, and ascend", () => {
    fuzz(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom("sign", "two-bits"), (bytes, flags) => {
        const table = readPositionTable(bytes, flags);
        for (let row = 1; row < (table?.offsets.length ?? 0); row++) {
          assert.ok(table!.offsets[row] >= table!.offsets[row - 1]);
        }
      }),
      500,
    );
  });

  it("read numbers of at most 53 bits", () => {
    assert.equal(new VlqReader(Uint8Array.from(vlq(2n ** 53n - 1n))).unsigned(), Number.MAX_SAFE_INTEGER);
    assert.equal(new VlqReader(Uint8Array.from(vlq(2n ** 60n))).unsigned(), undefined);
    assert.equal(new VlqReader(Uint8Array.from(zigzag(-5n))).signed(), -5);
  });
});
