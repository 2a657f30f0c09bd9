import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MemorySource } from "#src/elf/byte-source.js";
import { Instruction, MAX_INSTRUCTION_BYTES, RBP, RBX, RIP, RSP } from "#src/unwind/code/instruction.js";
import { convert } from "#src/unwind/convert.js";
import { elfImage, TEXT_BYTES } from "../../fixtures/frame-section.js";
import { fuzz, withinMs } from "../../support/fuzz.js";

function decode(hex: string): Instruction {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  const instruction = new Instruction();
  assert.ok(instruction.decode(bytes, 0, bytes.length), hex);
  assert.equal(instruction.length, bytes.length, hex);
  return instruction;
}

function written(hex: string): number[] {
  const { written } = decode(hex);
  return Array.from({ length: 16 }, (_, register) => register).filter((register) => (written >> register) & 1);
}

/** Beginnings of instructions that lengths depend on. */
const likely = fc.constantFrom(
  0x0f,
  0x38,
  0x3a,
  0x48,
  0x66,
  0x67,
  0xc4,
  0xc5,
  0x62,
  0x8f,
  0xf2,
  0xf3,
  0xf6,
  0xe8,
  0xc3,
);
const code = fc.array(fc.oneof(likely, fc.nat(255)), { maxLength: 256 }).map((bytes) => Uint8Array.from(bytes));

describe("x86-64 instructions", () => {
  it("have the length that their bytes say", () => {
    for (const hex of [
      "c3",
      "f30f1efa", // endbr64
      "662e0f1f840000000000", // nopw
      "48b88877665544332211", // movabs
      "48a18877665544332211", // movabs from an address
      "66c7000100", // movw
      "f6c301", // test
      "f6d3", // not
      "c8100000", // enter
      "66e800000000", // call, whatever its prefix
      "c4e27d18442408", // vbroadcastss
      "c5f877", // vzeroupper
      "62f17c4810442401", // vmovups, disp8
      "62f37d4825c0ff", // vpternlogd
      "8fe97812c0", // XOP
      "660f3a0fc108", // palignr
      "660f78c00102", // extrq
    ]) {
      decode(hex);
    }
  });

  it("say which general registers they write", () => {
    assert.deepEqual(written("4889e5"), [RBP]);
    assert.deepEqual(written("4883ec08"), [RSP]);
    assert.deepEqual(written("4839e5"), [], "cmp");
    assert.deepEqual(written("4883fb01"), [], "cmp");
    assert.deepEqual(written("0f28eb"), [], "movaps %xmm3,%xmm5");
    assert.deepEqual(written("f30f7eeb"), [], "movq %xmm3,%xmm5");
    assert.deepEqual(written("66480f7eed"), [RBP], "movq %xmm5,%rbp");
    assert.deepEqual(written("b701"), [RBX], "mov into bh");
    assert.deepEqual(written("40b501"), [RBP], "mov into bpl");
    assert.deepEqual(written("0fa2"), [0, 1, 2, RBX], "cpuid");
    assert.deepEqual(written("4887dd"), [RBX, RBP], "xchg");
    assert.deepEqual(written("c4e2e0f3cd"), [RBX], "blsr into vvvv");
    assert.deepEqual(written("f0480fb11f"), [], "cmpxchg reads rbx");
  });

  it("say addresses", () => {
    const { base, displacement, reg } = decode("488d2d10000000");
    assert.deepEqual([base, displacement, reg], [RIP, 16, RBP]);
    const indexed = decode("486304 8a".replace(" ", ""));
    assert.deepEqual([indexed.base, indexed.index, indexed.scale], [2, 1, 4]);
  });

  it("are never longer than there are bytes, whatever these are", () => {
    const instruction = new Instruction();
    fuzz(
      fc.property(code, fc.nat(255), (bytes, from) => {
        const at = Math.min(from, bytes.length);
        if (!instruction.decode(bytes, at, bytes.length)) return;
        assert.ok(instruction.length > 0 && instruction.length <= MAX_INSTRUCTION_BYTES);
        assert.ok(at + instruction.length <= bytes.length);
        assert.ok(instruction.written >= 0 && instruction.written <= 0xffff);
        // Cut by a byte, it is none.
        assert.equal(instruction.decode(bytes, at, at + instruction.length - 1), false);
      }),
      2000,
    );
  });

  it("make rows in bounded time in whatever order they come", () => {
    const pieces = fc.oneof(
      code,
      fc.constantFrom(
        ...[
          "55",
          "5d",
          "53",
          "c3",
          "c9",
          "e8f0ffffff",
          "ebe0",
          "74f0",
          "4883ec08",
          "4883c408",
          "4889e5",
          "0f1f00",
          "31ed",
        ].map((hex) => Uint8Array.from(Buffer.from(hex, "hex"))),
      ),
    );
    fuzz(
      fc.property(fc.array(pieces, { maxLength: 400 }), (parts) => {
        const text = Buffer.alloc(TEXT_BYTES, 0xcc);
        Buffer.concat(parts).copy(text);
        const { rows } = withinMs(2000, () => convert(new MemorySource(elfImage({ text }))));
        if (rows === undefined) return;
        for (let i = 1; i < rows.fileOffsets.length; i++) assert.ok(rows.fileOffsets[i] > rows.fileOffsets[i - 1]);
      }),
      100,
    );
  });
});
