import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as rule from "#src/unwind/rule.js";

describe("rule.ts", () => {
  it("packs struct abi_rule field by field", () => {
    const words = new Uint32Array(rule.RULE_WORDS);
    const all = {
      cfaKind: 5,
      cfaRegister: 16,
      fpKind: 2,
      raKind: 1,
      bxKind: 4,
      cfaOffset: -0x7fff_0001,
      cfaAddend: -2,
      fpOffset: -3,
      raOffset: 0x7fff,
      bxOffset: -0x8000,
    };
    rule.packRule(all, words, 0);
    assert.deepEqual(rule.unpackRule(words, 0, rule.emptyRule()), all);
    const view = new DataView(words.buffer);
    assert.deepEqual(
      [0, 1, 2, 3].map((at) => view.getUint8(at)),
      [5, 16, 0x12, 4],
    );
    assert.equal(view.getInt32(4, true), -0x7fff_0001);
    assert.deepEqual(
      [8, 10, 12, 14].map((at) => view.getInt16(at, true)),
      [-2, -3, 0x7fff, -0x8000],
    );
  });
});
