import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Arm64Stores } from "#src/interpreters/hotspot/arm64-stores.js";
import { fuzz, withinMs } from "../../../support/fuzz.js";

function storesOf(words: readonly number[], elfAddress: number): (readonly [number, number])[] {
  const stores: (readonly [number, number])[] = [];
  new Arm64Stores((target, value) => stores.push([target, value])).run(
    new Uint8Array(Uint32Array.from(words).buffer),
    elfAddress,
  );
  return stores;
}

describe("constants that A64 code stores", () => {
  /** Debian's libjvm.so of 17, from the constructor of its table; words of objdump. */
  const CODE = [
    0x90008960, // 2ccc44: adrp x0, 13f8000
    0x9109c000, // add x0, x0, #0x270
    0xd2806f03, // mov x3, #0x378
    0xf901c003, // str x3, [x0, #896]
    0xf900881f, // str xzr, [x0, #272]
  ];

  it("are followed to where they go", () => {
    assert.deepEqual(storesOf(CODE, 0x2ccc44), [
      [0x13f8270 + 896, 0x378],
      [0x13f8270 + 272, 0],
    ]);
  });

  it("are unknown behind a branch, and behind what else made them", () => {
    const branch = 0x14000001; // b .+4
    const load = 0xf9400003; // ldr x3, [x0]
    const [adrp, add, mov, store] = CODE;
    assert.deepEqual(storesOf([adrp, add, mov, branch, store], 0x2ccc44), []);
    assert.deepEqual(storesOf([adrp, add, mov, load, store], 0x2ccc44), []);
  });

  it("come out of any code", () => {
    fuzz(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 400 }), (words) => {
        const stores = withinMs(200, () => storesOf([...CODE, ...words], 0x2ccc44));
        assert.ok(stores.every(([target, value]) => !Number.isNaN(target) && !Number.isNaN(value)));
      }),
      200,
    );
  });
});
