import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import * as rule from "#src/unwind/rule.js";

describe("rule.ts", () => {
  it("has the numbers of bpf/abi.h", () => {
    const header = readFileSync("bpf/abi.h", "utf8");
    const constants = Object.entries(rule).filter(([, value]) => typeof value === "number");
    const compared = constants.filter(([name]) => /^(RULE_(NONE|END|UNSUPPORTED|SIGNAL|FRAME_POINTER|FIRST_FREE)|CFA_|SAVE_|MAX_RULES|PAGE_SHIFT)/.test(name));
    assert.equal(compared.length, 21);
    for (const [name, value] of compared) {
      const match = new RegExp(`\\bABI_${name}\\b[ =]+(\\d+)`).exec(header);
      assert.equal(Number(match?.[1]), value, name);
    }
    const count = (prefix: string) => [...header.matchAll(new RegExp(`^\\s*ABI_${prefix}_[A-Z_]+ = \\d+`, "gm"))].length;
    assert.equal(count("CFA"), compared.filter(([name]) => name.startsWith("CFA_")).length);
    assert.equal(count("SAVE"), compared.filter(([name]) => name.startsWith("SAVE_")).length);
  });

  it("packs struct abi_rule field by field", () => {
    const words = new Uint32Array(rule.RULE_WORDS);
    const all = {
      cfaKind: 5, cfaRegister: 16, fpKind: 2, raKind: 1, bxKind: 4,
      cfaOffset: -0x7fff_0001, cfaAddend: -2, fpOffset: -3, raOffset: 0x7fff, bxOffset: -0x8000,
    };
    rule.packRule(all, words, 0);
    assert.deepEqual(rule.unpackRule(words, 0, rule.emptyRule()), all);
    const view = new DataView(words.buffer);
    assert.deepEqual([0, 1, 2, 3].map((at) => view.getUint8(at)), [5, 16, 0x12, 4]);
    assert.equal(view.getInt32(4, true), -0x7fff_0001);
    assert.deepEqual([8, 10, 12, 14].map((at) => view.getInt16(at, true)), [-2, -3, 0x7fff, -0x8000]);
  });
});
