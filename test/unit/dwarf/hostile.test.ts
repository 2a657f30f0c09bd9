import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemorySource } from "#src/elf/byte-source.js";
import { convert } from "#src/unwind/convert.js";
import type { ConversionResult } from "#src/unwind/table.js";
import {
  type CieOptions,
  elfImage,
  FrameSection,
  INITIAL,
  TEXT,
  TEXT_BYTES,
  u32,
  u64,
} from "../../fixtures/frame-section.js";
import { rowLines } from "../../fixtures/rows-text.js";

function convertFrames(ehFrame: Buffer): ConversionResult {
  return convert(new MemorySource(elfImage({ ehFrame })));
}

function problemsOf(result: ConversionResult): string[] {
  return result.problems.map(({ problem }) => problem);
}

const GOOD = ["1000 cfa=rsp+8 ra=c-8", "1010 none"];

describe("frames that lie", () => {
  it("a million functions for one byte", () => {
    const section = new FrameSection();
    const cie = section.cie();
    const head = section.build();
    // Only the pointers back to the CIE and to the code differ between copies.
    const count = 1_000_000;
    const bytes = Buffer.alloc(head.length + count * 20);
    head.copy(bytes);
    for (let i = 0; i < count; i++) {
      const at = head.length + i * 20;
      bytes.writeUInt32LE(16, at);
      bytes.writeUInt32LE(at + 4 - cie, at + 4);
      bytes.writeInt32LE(TEXT - (TEXT + TEXT_BYTES + at + 8), at + 8);
      bytes.writeUInt32LE(1, at + 12);
    }
    const started = performance.now();
    const result = convertFrames(bytes);
    assert.ok(performance.now() - started < 3000);
    assert.equal(result.fdes, count);
    assert.deepEqual(rowLines(result.rows), ["1000 cfa=rsp+8 ra=c-8", "1001 none"]);
  });

  it("ten million rows", () => {
    const section = new FrameSection();
    const cie = section.cie({ augmentationData: [0x00] });
    // advance 1, def_cfa_offset 16, advance 1, def_cfa_offset 8: each function has 120,000 rows in a text of 128 KiB.
    const rows = Array.from({ length: 60_000 }, () => [0x41, 0x0e, 16, 0x41, 0x0e, 8])
      .flat()
      .slice(0, 250_000);
    const entry = (start: number) => {
      const body = [...u64(BigInt(TEXT + start)), ...u64(BigInt(TEXT_BYTES - start)), 0, ...rows];
      return body;
    };
    for (let i = 0; i < 12; i++) section.rawFde(cie, entry(i));
    const started = performance.now();
    const result = convertFrames(section.build());
    assert.ok(performance.now() - started < 3000);
    assert.ok(result.rows);
    assert.ok(result.rows.fileOffsets.length < TEXT_BYTES);
  });

  it("an FDE that is its own CIE, and two that name each other", () => {
    const section = new FrameSection();
    const own = section.offset;
    section.rawFde(own, [...u32(0), ...u32(16), 0]);
    const first = section.offset;
    section.rawFde(first + 20, [...u32(0), ...u32(16), 0]);
    section.rawFde(first, [...u32(0), ...u32(16), 0]);
    section.fde(section.cie(), TEXT, 16);
    const result = convertFrames(section.build());
    assert.deepEqual([result.fdes, result.badFdes], [4, 3]);
    assert.deepEqual(rowLines(result.rows), GOOD);
  });

  it("an FDE before any CIE, beyond the end, and in the middle of one", () => {
    const section = new FrameSection();
    section.rawFde(-1000, [...u32(0), ...u32(16), 0]);
    section.rawFde(0x7fff_0000, [...u32(0), ...u32(16), 0]);
    const cie = section.cie();
    section.rawFde(cie + 2, [...u32(0), ...u32(16), 0]);
    section.fde(cie, TEXT, 16);
    const result = convertFrames(section.build());
    assert.deepEqual([result.fdes, result.badFdes], [4, 3]);
    assert.deepEqual(rowLines(result.rows), GOOD);
  });

  it("every FDE with a CIE pointer of its own into nothing", () => {
    const section = new FrameSection();
    for (let i = 0; i < 40_000; i++) section.entry([...u32(i * 3 + 1), ...u32(0), ...u32(16), 0]);
    const started = performance.now();
    const result = convertFrames(section.build());
    assert.ok(performance.now() - started < 3000);
    assert.equal(result.badFdes, 40_000);
    assert.deepEqual(problemsOf(result), ["no-unwind-information"]);
  });

  for (const [name, length] of [
    ["a length beyond the section", u32(0x1000)],
    ["a reserved length", u32(0xffff_fff0)],
    ["a length of 2^64 - 1", [...u32(0xffff_ffff), ...u64(2n ** 64n - 1n)]],
    ["a length of 2^63", [...u32(0xffff_ffff), ...u64(2n ** 63n)]],
    ["a 64-bit length cut off", [...u32(0xffff_ffff), 1, 0]],
  ] as const) {
    it(`${name} ends the section; what came before stays`, () => {
      const section = new FrameSection();
      section.fde(section.cie(), TEXT, 16);
      section.raw([...length, ...new Array<number>(name.includes("cut") ? 0 : 16).fill(0)]);
      const result = convertFrames(section.build());
      assert.deepEqual(rowLines(result.rows), GOOD);
      assert.deepEqual(problemsOf(result), ["malformed"]);
    });
  }

  it("an entry larger than any function's", () => {
    const section = new FrameSection();
    const cie = section.cie();
    section.entry(new Array<number>(300_000).fill(0x41));
    section.fde(cie, TEXT, 16);
    const result = convertFrames(section.build());
    assert.deepEqual([result.fdes, result.badFdes], [2, 1]);
    assert.deepEqual(rowLines(result.rows), GOOD);
  });

  const badPrograms: [string, number[]][] = [
    ["remember_state a thousand deep", new Array<number>(1000).fill(0x0a)],
    ["restore_state of nothing", [0x0b]],
    ["an unknown instruction", [0x3f]],
    ["an instruction cut off", [0x0e]],
    ["an endless LEB128", [0x0e, ...new Array<number>(64).fill(0x80)]],
    ["an expression longer than the entry", [0x0f, 0xff, 0xff, 3]],
    ["a val_expression of 2^60 bytes", [0x16, 6, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]],
  ];
  for (const [name, instructions] of badPrograms) {
    it(`${name}: the function is left out`, () => {
      const section = new FrameSection();
      const cie = section.cie();
      // Padded with the instruction's own bytes, an operand would be found in the padding.
      while (instructions.length % 4 !== 3) instructions.unshift(0);
      section.fde(cie, TEXT + 0x100, 16, instructions);
      section.fde(cie, TEXT, 16);
      const result = convertFrames(section.build());
      assert.deepEqual([result.fdes, result.badFdes], [2, 1]);
      assert.deepEqual(rowLines(result.rows), GOOD);
    });
  }

  const badCies: [string, CieOptions][] = [
    ["version 2", { version: 2 }],
    ["four-byte addresses", { version: 4, addressSize: 4 }],
    ["segment selectors", { version: 4, segmentSelectorSize: 2 }],
    [
      "augmentation data beyond the entry",
      { augmentation: "zR", augmentationData: new Array<number>(127).fill(0x1b), instructions: [] },
    ],
    ["an endless augmentation", { augmentation: "zRRRRRRRRRRRRRRRRRRRRRR" }],
    ["bad instructions", { instructions: [...INITIAL, 0x0b] }],
  ];
  for (const [name, options] of badCies) {
    it(`a CIE with ${name}`, () => {
      const section = new FrameSection();
      const cie = section.cie(options);
      if (name.includes("beyond")) section.raw([]);
      section.fde(cie, TEXT, 16);
      const bytes = section.build();
      if (name.includes("beyond")) bytes.writeUInt32LE(16, cie);
      const result = convertFrames(bytes);
      assert.equal(result.rows === undefined || result.badFdes > 0, true);
      assert.ok(result.badFdes >= 1 || problemsOf(result).includes("malformed"));
    });
  }

  it("addresses at the end of the address space, and sizes of 2^64", () => {
    const section = new FrameSection();
    const cie = section.cie({ augmentationData: [0x00] });
    section.rawFde(cie, [...u64(2n ** 64n - 1n), ...u64(16n), 0]);
    section.rawFde(cie, [...u64(BigInt(TEXT)), ...u64(2n ** 64n - 1n), 0]);
    section.rawFde(cie, [...u64(2n ** 52n), ...u64(2n ** 52n), 0]);
    section.rawFde(cie, [...u64(BigInt(TEXT)), ...u64(2n ** 40n), 0]);
    const result = convertFrames(section.build());
    assert.deepEqual([result.fdes, result.badFdes], [4, 3]);
    assert.deepEqual(rowLines(result.rows), ["1000 cfa=rsp+8 ra=c-8", "21000 none"]);
  });
});
