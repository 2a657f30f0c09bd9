import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { StackCopy } from "#src/capture/stack-copy.js";
import {
  CFA_BX,
  CFA_DEREF_FP,
  CFA_DEREF_SP,
  CFA_FP,
  CFA_FP_SWITCH,
  CFA_LEAF,
  CFA_PLT,
  CFA_SP,
  emptyRule,
  RULE_END,
  RULE_FIRST_FREE,
  RULE_NONE,
  RULE_SIGNAL,
  RULE_UNSUPPORTED,
  RUN_OF_POPS,
  RUN_OF_PUSHES,
  SAVE_CFA,
  SAVE_FP,
  SAVE_PUSHED,
  SAVE_SAME,
  SAVE_SP,
  SAVE_UNKNOWN,
  type UnwindRule,
} from "#src/unwind/rule.js";
import { lookupAddress, type Registers, step } from "#src/unwind/step.js";

const STACK = 0x7ffc_0000_1000;

/** A stack of 64 words at STACK; word i holds 0x1000 + i unless given. */
function stackOf(words: Readonly<Record<number, number | bigint>> = {}): StackCopy {
  const bytes = Buffer.alloc(64 * 8);
  for (let i = 0; i < 64; i++) bytes.writeBigUInt64LE(BigInt(words[i] ?? 0x1000 + i), i * 8);
  return new StackCopy([{ start: STACK, bytes }]);
}

function registersOf(changes: Partial<Registers> = {}): Registers {
  return {
    ip: 0x5000,
    sp: STACK,
    fp: 0,
    bx: 0,
    lr: 0,
    leaf: new Float64Array(17),
    leafValid: true,
    returnAddress: false,
    ...changes,
  };
}

const CALL: Partial<UnwindRule> = { cfaOffset: 8, raKind: SAVE_CFA, raOffset: -8 };

/** rbp at CFA - 16, rbx at CFA - 32. */
const REGISTERS_OF_RUN = {
  raKind: SAVE_CFA,
  raOffset: -8,
  fpKind: SAVE_PUSHED,
  fpOffset: -16,
  bxKind: SAVE_PUSHED,
  bxOffset: -32,
};

function stepBy(
  rule: Partial<UnwindRule> | number,
  changes: Partial<Registers> = {},
  memory = stackOf(),
  machine: "x86-64" | "aarch64" = "x86-64",
  distance = 0,
) {
  const registers = registersOf(changes);
  const number = typeof rule === "number" ? rule : RULE_FIRST_FREE;
  const outcome = step(
    machine,
    registers,
    number | (distance << 16),
    { ...emptyRule(), ...(typeof rule === "number" ? {} : rule) },
    memory,
  );
  return { outcome, registers };
}

describe("step", () => {
  it("looks up the call, not what follows it", () => {
    assert.equal(lookupAddress(registersOf()), 0x5000);
    assert.equal(lookupAddress(registersOf({ returnAddress: true })), 0x4fff);
  });

  it("takes the return address below the CFA, and the CFA as sp", () => {
    const { outcome, registers } = stepBy({
      ...CALL,
      cfaOffset: 32,
      fpKind: SAVE_CFA,
      fpOffset: -16,
      bxKind: SAVE_CFA,
      bxOffset: -24,
    });
    assert.equal(outcome, undefined);
    assert.deepEqual(
      registers,
      registersOf({ ip: 0x1003, sp: STACK + 32, fp: 0x1002, bx: 0x1001, returnAddress: true }),
    );
  });

  const cfas: [string, Partial<UnwindRule>, Partial<Registers>, number | string][] = [
    ["sp", { cfaKind: CFA_SP, cfaOffset: 16 }, {}, STACK + 16],
    ["fp", { cfaKind: CFA_FP, cfaOffset: 16 }, { fp: STACK + 64 }, STACK + 80],
    [
      "fp, on the stack that it points into",
      { cfaKind: CFA_FP_SWITCH, cfaOffset: 16 },
      { sp: STACK + 4096, fp: STACK + 64 },
      STACK + 80,
    ],
    ["bx", { cfaKind: CFA_BX, cfaOffset: 24 }, { bx: STACK + 64 }, STACK + 88],
    [
      "a leaf's register",
      { cfaKind: CFA_LEAF, cfaRegister: 10, cfaOffset: 8 },
      { leaf: new Float64Array(17).fill(STACK + 64, 10, 11) },
      STACK + 72,
    ],
    [
      "a register that only a leaf has",
      { cfaKind: CFA_LEAF, cfaRegister: 10 },
      { leafValid: false },
      "unsupported-rule",
    ],
    ["a register that nobody has", { cfaKind: CFA_LEAF, cfaRegister: 17 }, {}, "unsupported-rule"],
    ["an unknown kind", { cfaKind: 99 }, {}, "unsupported-rule"],
    ["a word at sp", { cfaKind: CFA_DEREF_SP, cfaOffset: 40, cfaAddend: 8 }, {}, STACK + 128],
    ["a word at fp", { cfaKind: CFA_DEREF_FP, cfaOffset: -8 }, { fp: STACK + 48 }, STACK + 120],
    ["a word that cannot be read", { cfaKind: CFA_DEREF_FP, cfaOffset: -8 }, { fp: 8 }, "stack-unreadable"],
    ["a .plt entry before its push", { cfaKind: CFA_PLT, cfaOffset: 8, cfaAddend: 11 }, { ip: 0x500a }, STACK + 8],
    ["a .plt entry after its push", { cfaKind: CFA_PLT, cfaOffset: 8, cfaAddend: 11 }, { ip: 0x500b }, STACK + 16],
  ];
  for (const [name, rule, registers, expected] of cfas) {
    it(`CFA by ${name}`, () => {
      const result = stepBy({ ...rule, raKind: SAVE_CFA, raOffset: -8 }, registers, stackOf({ 5: STACK + 120 }));
      if (typeof expected === "string") assert.equal(result.outcome, expected);
      else assert.deepEqual([result.outcome, result.registers.sp], [undefined, expected]);
    });
  }

  it("counts the pushes and pops of a run that lie behind the address", () => {
    // push rbp; push r12; push rbx: they end 1, 3 and 4 bytes in.
    const pushes = { cfaRegister: RUN_OF_PUSHES, cfaOffset: 8, cfaAddend: 0b1101, ...REGISTERS_OF_RUN };
    const pops = { ...pushes, cfaRegister: RUN_OF_POPS, cfaOffset: 32, cfaAddend: 0b1011 };
    const at = (rule: Partial<UnwindRule>, distance: number) => {
      const { registers } = stepBy(rule, { fp: 0xf, bx: 0xb }, stackOf(), "x86-64", distance);
      return [registers.sp - STACK, registers.fp, registers.bx];
    };
    assert.deepEqual(at(pushes, 0), [8, 0xf, 0xb]);
    assert.deepEqual(at(pushes, 1), [16, 0x1000, 0xb]);
    assert.deepEqual(at(pushes, 3), [24, 0x1001, 0xb]);
    assert.deepEqual(at(pushes, 16), [32, 0x1002, 0x1000]);
    assert.deepEqual(at(pops, 0), [32, 0x1002, 0x1000]);
    assert.deepEqual(at(pops, 1), [24, 0x1001, 0xb]);
    assert.deepEqual(at(pops, 16), [8, 0xf, 0xb]);
  });

  it("finds saved registers from fp and sp, leaves some, loses others", () => {
    const rule = { ...CALL, cfaOffset: 64, fpKind: SAVE_FP, fpOffset: 0, bxKind: SAVE_SP, bxOffset: 8 };
    const { registers } = stepBy(rule, { fp: STACK + 24, bx: 7 });
    assert.deepEqual([registers.fp, registers.bx], [0x1003, 0x1001]);
    const lost = stepBy({ ...CALL, fpKind: SAVE_UNKNOWN, bxKind: SAVE_SAME }, { fp: 5, bx: 7 });
    assert.deepEqual([lost.registers.fp, lost.registers.bx], [1, 7]);
    // Where nothing else is known either, the stack ends, and not as if this were its root.
    assert.equal(stepBy(RULE_NONE, lost.registers).outcome, "no-frame-pointer");
  });

  it("ends at the root, at a cleared return address, at what no rule says", () => {
    assert.equal(stepBy(RULE_END).outcome, "complete");
    assert.equal(stepBy(CALL, {}, stackOf({ 0: 0 })).outcome, "complete");
    assert.equal(stepBy(RULE_UNSUPPORTED).outcome, "unsupported-rule");
  });

  it("ends where the stack does not grow or cannot be read", () => {
    assert.equal(stepBy({ ...CALL, cfaOffset: 0 }, { returnAddress: true }).outcome, "stack-not-growing");
    assert.equal(stepBy({ ...CALL, cfaOffset: -8 }).outcome, "stack-not-growing");
    assert.equal(stepBy({ ...CALL, cfaOffset: 64 * 8 + 16 }).outcome, "stack-unreadable");
    assert.equal(stepBy({ ...CALL, fpKind: SAVE_CFA, fpOffset: -32000 }).outcome, "stack-unreadable");
  });

  it("wraps addresses as C does", () => {
    // bx = 0: the CFA is 2^64 - 8, far up, where nothing can be read.
    assert.equal(stepBy({ ...CALL, cfaKind: CFA_BX, cfaOffset: -8 }).outcome, "stack-unreadable");
    assert.equal(
      stepBy({ ...CALL, cfaKind: CFA_FP, cfaOffset: 4096 }, { fp: 2 ** 64 - 2048 }).outcome,
      "stack-not-growing",
    );
  });

  it("follows the frame pointer where nothing is known", () => {
    const { outcome, registers } = stepBy(RULE_NONE, { fp: STACK + 16 });
    assert.equal(outcome, undefined);
    assert.deepEqual([registers.ip, registers.sp, registers.fp], [0x1003, STACK + 32, 0x1002]);
    assert.equal(stepBy(RULE_NONE, { fp: 0 }).outcome, "complete");
    for (const fp of [STACK - 8, STACK + 4, STACK + 64 * 8 - 8, 2 ** 60]) {
      assert.equal(stepBy(RULE_NONE, { fp }).outcome, "no-frame-pointer");
    }
    assert.equal(stepBy(RULE_NONE, { fp: STACK + 16 }, stackOf({ 3: 0 })).outcome, "complete");
  });

  it("takes all registers from a signal frame, wherever its sp points", () => {
    const saved = { 15: 0xf, 16: 0xb, 20: STACK - 4096, 21: 0x1234 };
    const { outcome, registers } = stepBy(RULE_SIGNAL, { returnAddress: true, leafValid: false }, stackOf(saved));
    assert.equal(outcome, undefined);
    assert.deepEqual([registers.ip, registers.sp, registers.fp, registers.bx], [0x1234, STACK - 4096, 0xf, 0xb]);
    assert.equal(registers.returnAddress, false);
    assert.equal(stepBy(RULE_SIGNAL, { sp: STACK + 400 }).outcome, "stack-unreadable");
  });

  it("arm64: the link register of a leaf, signatures above 48 bits, its signal frame", () => {
    const leaf = stepBy({ cfaOffset: 0 }, { lr: 0x7777 }, stackOf(), "aarch64");
    assert.deepEqual([leaf.outcome, leaf.registers.ip, leaf.registers.sp], [undefined, 0x7777, STACK]);
    const signed = stepBy(CALL, {}, stackOf({ 0: 0x002b_aaaa_bbbb_cccdn }), "aarch64");
    assert.equal(signed.registers.ip, 0xaaaa_bbbb_cccd);
    const at = (register: number) => (312 + 8 * register) / 8;
    const context = { [at(29)]: 29, [at(30)]: 30, [at(31)]: 31 };
    const memory = new StackCopy([{ start: STACK, bytes: Buffer.concat([stackBytes(context, 80)]) }]);
    const signal = stepBy(RULE_SIGNAL, {}, memory, "aarch64");
    assert.deepEqual(
      [signal.registers.fp, signal.registers.lr, signal.registers.sp, signal.registers.ip],
      [29, 30, 31, 0x1000 + at(32)],
    );
  });
});

function stackBytes(words: Readonly<Record<number, number>>, count: number): Buffer {
  const bytes = Buffer.alloc(count * 8);
  for (let i = 0; i < count; i++) bytes.writeBigUInt64LE(BigInt(words[i] ?? 0x1000 + i), i * 8);
  return bytes;
}
