import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { lookupRow, ruleOf, viewTable } from "#src/unwind/lookup.js";
import { measure, write } from "#src/unwind/pages.js";
import {
  CFA_SP,
  emptyRule,
  RULE_FIRST_FREE,
  RULE_NONE,
  RULE_WORDS,
  SAVE_CFA,
  SAVE_SAME,
  type UnwindRule,
  unpackRule,
} from "#src/unwind/rule.js";
import { RuleSet } from "#src/unwind/rule-set.js";
import { joinRuns, packUsedRules } from "#src/unwind/runs.js";
import { step } from "#src/unwind/step.js";
import type { UnwindRows } from "#src/unwind/table.js";

interface PlainRow {
  readonly offset: number;
  /** -1: nothing is known. */
  readonly cfaOffset: number;
  readonly fpOffset?: number;
  readonly bxOffset?: number;
}

/** sp-based rules with the return address below the CFA. */
function ruleOfRow({ cfaOffset, fpOffset, bxOffset }: PlainRow): UnwindRule {
  return {
    ...emptyRule(),
    cfaKind: CFA_SP,
    cfaOffset,
    raKind: SAVE_CFA,
    raOffset: -8,
    fpKind: fpOffset === undefined ? SAVE_SAME : SAVE_CFA,
    fpOffset: fpOffset ?? 0,
    bxKind: bxOffset === undefined ? SAVE_SAME : SAVE_CFA,
    bxOffset: bxOffset ?? 0,
  };
}

function join(plain: readonly PlainRow[]): UnwindRows {
  const rules = new RuleSet();
  const ruleIndices = plain.map((row) => (row.cfaOffset < 0 ? RULE_NONE : RULE_FIRST_FREE + rules.add(ruleOfRow(row))));
  const rows = {
    fileOffsets: Uint32Array.from(plain, ({ offset }) => offset),
    ruleIndices: Uint16Array.from(ruleIndices),
  };
  return packUsedRules(joinRuns(rows, rules), rules);
}

const SP = 0x1_0000;

/** What a step from a file offset makes of sp, fp and bx, each read as the address it is saved at. */
function answerOf(match: number, rule: UnwindRule): unknown {
  const registers = {
    ip: 1,
    sp: SP,
    fp: -6,
    bx: -3,
    lr: 0,
    leaf: new Float64Array(17),
    leafValid: true,
    returnAddress: false,
  };
  const memory = { word: (address: number) => address, low48: (address: number) => address };
  const outcome = step("x86-64", registers, match, rule, memory);
  return { outcome, ip: registers.ip, sp: registers.sp, fp: registers.fp, bx: registers.bx };
}

/** Holds the joined rows to the plain ones at every byte from the first row to past the last. */
function assertSame(plain: readonly PlainRow[]): UnwindRows {
  const joined = join(plain);
  const extent = measure(joined);
  const memory = new ArrayBuffer(extent.elements * 8);
  write(
    joined,
    extent,
    Uint16Array.from({ length: joined.rules.length / 16 }, (_, i) => i + RULE_FIRST_FREE),
    memory,
  );
  const view = viewTable(memory, extent);
  const words = new Uint32Array(joined.rules.buffer);
  const last = plain[plain.length - 1].offset;
  let row = 0;
  for (let offset = plain[0].offset; offset <= last; offset++) {
    while (row + 1 < plain.length && plain[row + 1].offset <= offset) row++;
    const match = lookupRow(view, offset);
    const index = ruleOf(match) - RULE_FIRST_FREE;
    const rule = index < 0 ? emptyRule() : unpackRule(words, index * RULE_WORDS, emptyRule());
    const expected =
      plain[row].cfaOffset < 0 ? answerOf(RULE_NONE, emptyRule()) : answerOf(RULE_FIRST_FREE, ruleOfRow(plain[row]));
    assert.deepEqual(answerOf(match, rule), expected, `at ${offset.toString(16)}`);
  }
  return joined;
}

/** Functions that push n registers, call, and pop them again; gcc describes registers as it goes, clang at the end. */
function functions(count: number, start: number, describesEach: boolean): PlainRow[] {
  const rows: PlainRow[] = [];
  let offset = start;
  for (let i = 0; i < count; i++) {
    const pushes = 2 + (i % 3);
    const saved = (depth: number) => ({
      ...(depth >= 1 && { fpOffset: -16 }),
      ...(depth >= pushes && { bxOffset: -8 - 8 * pushes }),
    });
    rows.push({ offset, cfaOffset: 8 });
    for (let n = 1; n <= pushes; n++) {
      offset += n === 1 ? 1 : 2;
      rows.push({ offset, cfaOffset: 8 + 8 * n, ...(describesEach && saved(n)) });
    }
    offset += 4;
    rows.push({ offset, cfaOffset: 64 + 8 * pushes, ...saved(pushes) });
    offset += 700;
    for (let n = pushes; n >= 0; n--) {
      rows.push({ offset, cfaOffset: 8 + 8 * n, ...saved(n) });
      offset += n === pushes ? 1 : 2;
    }
  }
  return [...rows, { offset, cfaOffset: -1 }];
}

describe("joinRuns", () => {
  for (const describesEach of [true, false]) {
    it(`joins pushes and pops ${describesEach ? "described one by one" : "described at the end"}`, () => {
      const plain = functions(150, 0x1230, describesEach);
      const joined = assertSame(plain);
      assert.ok(joined.fileOffsets.length < plain.length / 2.2, `${joined.fileOffsets.length} of ${plain.length}`);
      assert.ok(joined.rules.length / 16 < 24);
    });
  }

  it("leaves what is rare as it is", () => {
    const plain = functions(4, 0x1230, true);
    assert.equal(assertSame(plain).fileOffsets.length, plain.length);
  });

  it("ends a run with its page", () => {
    // Every function begins 8 bytes later against the page's end.
    for (let shift = 0; shift < 64; shift += 1) {
      const filler = functions(100, 0x1000, true).slice(0, -1);
      const crossing = functions(3, 0x2_0000 - 20 - shift, true);
      assertSame([...filler, ...crossing]);
    }
  });

  it("keeps what a red zone holds, and registers saved at other places", () => {
    const rows: PlainRow[] = [];
    for (let i = 0; i < 200; i++) {
      const offset = 0x1000 + i * 32;
      // rbx is kept below sp before it is pushed over; rbp moves from one place to another.
      rows.push({ offset, cfaOffset: 8, bxOffset: -24 });
      rows.push({ offset: offset + 2, cfaOffset: 16, bxOffset: -24, fpOffset: -16 });
      rows.push({ offset: offset + 4, cfaOffset: 24, bxOffset: -24, fpOffset: -24 });
      rows.push({ offset: offset + 6, cfaOffset: 32, bxOffset: -24 });
    }
    assertSame([...rows, { offset: 0x4000, cfaOffset: -1 }]);
  });
});
