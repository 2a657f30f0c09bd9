import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  emptyRule,
  FRAME_POINTER_RULE,
  MAX_RULES,
  packRule,
  RULE_BYTES,
  RULE_FIRST_FREE,
  RULE_FRAME_POINTER,
  RULE_UNSUPPORTED,
  RULE_WORDS,
  unpackRule,
} from "#src/unwind/rule.js";
import { RuleTable } from "#src/unwind/rules.js";

/** Rules that differ in their CFA offsets. */
function rulesOf(offsets: readonly number[]): Uint8Array {
  const words = new Uint32Array(offsets.length * RULE_WORDS);
  offsets.forEach((cfaOffset, i) => packRule({ ...emptyRule(), cfaOffset }, words, i * RULE_WORDS));
  return new Uint8Array(words.buffer);
}

function tableWithMemory() {
  const memory = new Uint8Array(MAX_RULES * RULE_BYTES);
  return { table: new RuleTable(memory), words: new Uint32Array(memory.buffer) };
}

const range = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

describe("RuleTable", () => {
  it("gives equal rules of different files one number, and writes them where BPF reads", () => {
    const { table, words } = tableWithMemory();
    const first = table.acquire(rulesOf([8, 16, 24]));
    const second = table.acquire(rulesOf([24, 32, 8]));
    assert.deepEqual([...first], [5, 6, 7]);
    assert.deepEqual([...second], [7, 8, 5]);
    assert.equal(unpackRule(words, 8 * RULE_WORDS, emptyRule()).cfaOffset, 32);
    assert.deepEqual(unpackRule(words, RULE_FRAME_POINTER * RULE_WORDS, emptyRule()), FRAME_POINTER_RULE);
    assert.equal(table.size, 4);
  });

  it("takes bytes that begin anywhere", () => {
    const bytes = new Uint8Array(1 + 2 * RULE_BYTES);
    bytes.set(rulesOf([8, 16]), 1);
    assert.deepEqual([...tableWithMemory().table.acquire(bytes.subarray(1))], [5, 6]);
  });

  it("keeps a rule until its last file is released, and reuses numbers late", () => {
    const { table } = tableWithMemory();
    const first = table.acquire(rulesOf([8, 16]));
    const second = table.acquire(rulesOf([16]));
    table.release(first);
    assert.equal(table.size, 1);
    assert.deepEqual([...table.acquire(rulesOf([16]))], [...second]);
    assert.deepEqual([...table.acquire(rulesOf([8]))], [7]);
  });

  it("over the limit says unsupported, counts it, and recovers", () => {
    const { table } = tableWithMemory();
    const room = MAX_RULES - RULE_FIRST_FREE;
    const all = table.acquire(rulesOf(range(room)));
    assert.equal(new Set(all).size, room);
    const over = table.acquire(rulesOf([1_000_000, 7]));
    assert.deepEqual([...over], [RULE_UNSUPPORTED, all[7]]);
    assert.equal(table.overflows, 1);
    table.release(over);
    table.release(all);
    assert.equal(table.size, 0);
    const again = table.acquire(rulesOf(range(room, 2_000_000)));
    assert.equal(new Set(again).size, room);
    assert.ok(again.every((number) => number >= RULE_FIRST_FREE && number < MAX_RULES));
    assert.deepEqual([...table.acquire(rulesOf([2_000_003]))], [again[3]]);
  });

  it("survives many files coming and going", () => {
    const { table, words } = tableWithMemory();
    const held: { offsets: number[]; numbers: Uint16Array }[] = [];
    let seed = 1;
    const random = (below: number) => (seed = (seed * 48271) % 0x7fff_ffff) % below;
    for (let round = 0; round < 2000; round++) {
      const offsets = [...new Set(range(random(100)).map(() => random(3000)))];
      held.push({ offsets, numbers: table.acquire(rulesOf(offsets)) });
      if (held.length > 40) table.release(held.splice(random(held.length), 1)[0].numbers);
    }
    for (const { offsets, numbers } of held) {
      offsets.forEach((offset, i) =>
        assert.equal(unpackRule(words, numbers[i] * RULE_WORDS, emptyRule()).cfaOffset, offset),
      );
    }
    assert.equal(table.size, new Set(held.flatMap(({ offsets }) => offsets)).size);
  });
});
