import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemorySource } from "#src/elf/byte-source.js";
import { convert } from "#src/unwind/convert.js";
import {
  type CieOptions,
  elfImage,
  FRAMES,
  FrameSection,
  INITIAL,
  TEXT,
  u32,
  u64,
} from "../../fixtures/frame-section.js";
import { rowLines } from "../../fixtures/rows-text.js";

/** The rows of one function of 0x100 bytes at TEXT that runs these instructions, less the row past its end. */
function rowsOf(instructions: readonly number[], cie: CieOptions = {}, machine = 62): string[] {
  const section = new FrameSection();
  section.fde(section.cie(cie), TEXT, 0x100, instructions);
  const { rows } = convert(new MemorySource(elfImage({ ehFrame: section.build(), machine })));
  const lines = rowLines(rows);
  return lines.at(-1) === "1100 none" ? lines.slice(0, -1) : lines;
}

/** Bytes of an expression with its length before it. */
const block = (...bytes: number[]) => [bytes.length, ...bytes];
const advance = (bytes: number) => 0x40 | bytes;
const LEAF = "cfa=rsp+8 ra=c-8";

describe("call frame instructions", () => {
  const cases: [string, number[], string[]][] = [
    ["nothing but the CIE's", [], [`1000 ${LEAF}`]],
    ["def_cfa_offset, offset", [advance(1), 0x0e, 16, 0x86, 2], [`1000 ${LEAF}`, "1001 cfa=rsp+16 rbp=c-16 ra=c-8"]],
    [
      "def_cfa_register",
      [advance(1), 0x0e, 16, 0x86, 2, advance(3), 0x0d, 6],
      [`1000 ${LEAF}`, "1001 cfa=rsp+16 rbp=c-16 ra=c-8", "1004 cfa=rbp+16 rbp=c-16 ra=c-8"],
    ],
    ["def_cfa", [advance(1), 0x0c, 3, 24], [`1000 ${LEAF}`, "1001 cfa=rbx+24 ra=c-8"]],
    ["def_cfa on a leaf's register", [advance(1), 0x0c, 10, 0], [`1000 ${LEAF}`, "1001 cfa=leaf10+0 ra=c-8"]],
    ["def_cfa on a register past the leaf's", [advance(1), 0x0c, 17, 0], [`1000 ${LEAF}`, "1001 unsupported"]],
    [
      "def_cfa_sf, def_cfa_offset_sf",
      [0x12, 7, 0x7e, advance(1), 0x13, 0x7d],
      ["1000 cfa=rsp+16 ra=c-8", "1001 cfa=rsp+24 ra=c-8"],
    ],
    [
      "advance_loc1, 2 and 4",
      [0x02, 2, 0x0e, 16, 0x03, 0x10, 0, 0x0e, 24, 0x04, 0x20, 0, 0, 0, 0x0e, 32],
      [`1000 ${LEAF}`, "1002 cfa=rsp+16 ra=c-8", "1012 cfa=rsp+24 ra=c-8", "1032 cfa=rsp+32 ra=c-8"],
    ],
    ["advance_loc8", [0x1d, 2, 0, 0, 0, 0, 0, 0, 0, 0x0e, 16], [`1000 ${LEAF}`, "1002 cfa=rsp+16 ra=c-8"]],
    [
      "an advance past the end",
      [advance(1), 0x0e, 16, 0x04, 0, 0, 0, 0xff, 0x0e, 24],
      [`1000 ${LEAF}`, "1001 cfa=rsp+16 ra=c-8"],
    ],
    [
      "offset_extended, restore",
      [0x05, 6, 2, 0x0e, 16, advance(1), 0xc6],
      ["1000 cfa=rsp+16 rbp=c-16 ra=c-8", "1001 cfa=rsp+16 ra=c-8"],
    ],
    [
      "offset_extended_sf, restore_extended",
      [0x11, 3, 2, 0x0e, 16, advance(1), 0x06, 3],
      ["1000 cfa=rsp+16 rbx=c-16 ra=c-8", "1001 cfa=rsp+16 ra=c-8"],
    ],
    [
      "GNU_negative_offset_extended",
      [0x2f, 6, 0x7e, advance(1), 0x0e, 16],
      ["1000 cfa=rsp+8 rbp=c+1008 ra=c-8", "1001 cfa=rsp+16 rbp=c+1008 ra=c-8"],
    ],
    [
      "remember_state, restore_state",
      [0x0a, advance(1), 0x0e, 16, advance(1), 0x0b],
      [`1000 ${LEAF}`, "1001 cfa=rsp+16 ra=c-8", `1002 ${LEAF}`],
    ],
    ["undefined return address", [0x07, 16], ["1000 end"]],
    ["undefined frame pointer", [0x07, 6], ["1000 cfa=rsp+8 rbp=u ra=c-8"]],
    [
      "same_value",
      [0x86, 2, 0x0e, 16, advance(1), 0x08, 6],
      ["1000 cfa=rsp+16 rbp=c-16 ra=c-8", "1001 cfa=rsp+16 ra=c-8"],
    ],
    ["return address in a register", [0x09, 16, 5], ["1000 unsupported"]],
    ["frame pointer in a register", [0x09, 6, 5], ["1000 cfa=rsp+8 rbp=u ra=c-8"]],
    ["val_offset of the stack pointer that is the CFA", [0x14, 7, 0], [`1000 ${LEAF}`]],
    ["a stack pointer that is not the CFA", [0x14, 7, 1], ["1000 unsupported"]],
    ["a saved stack pointer", [0x87, 2], ["1000 unsupported"]],
    [
      "val_offset_sf and val_expression of the frame pointer",
      [0x15, 6, 1, advance(1), 0x16, 6, ...block(0x70, 0)],
      ["1000 cfa=rsp+8 rbp=u ra=c-8"],
    ],
    ["GNU_args_size and nop", [0x2e, 16, 0, 0], [`1000 ${LEAF}`]],
    ["an offset that fits no field", [0x05, 6, 0x80, 0x80, 4], ["1000 cfa=rsp+8 rbp=u ra=c-8"]],
    [
      "an offset far from CFA and sp",
      [0x0e, 0x80, 0x80, 4, 0x05, 6, 0xfe, 0xff, 0],
      ["1000 cfa=rsp+65536 rbp=u ra=c-8"],
    ],
    ["a CFA offset of 2^40", [0x0e, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40], ["1000 unsupported"]],
  ];
  for (const [name, instructions, expected] of cases) {
    it(name, () => assert.deepEqual(rowsOf(instructions), expected));
  }

  it("set_loc", () => {
    const section = new FrameSection();
    const cie = section.cie({ augmentationData: [0x00] });
    section.rawFde(cie, [...u64(BigInt(TEXT)), ...u64(0x100n), 0], [0x01, ...u64(BigInt(TEXT + 8)), 0x0e, 16]);
    section.rawFde(cie, [...u64(BigInt(TEXT + 0x100)), ...u64(0x100n), 0], [0x01, ...u64(8n), 0x0e, 16]);
    const result = convert(new MemorySource(elfImage({ ehFrame: section.build() })));
    assert.deepEqual(rowLines(result.rows), [`1000 ${LEAF}`, "1008 cfa=rsp+16 ra=c-8", "1100 none"]);
    assert.equal(result.badFdes, 1);
  });

  it("arm64: return address in the link register, signed or not; a far slot from sp", () => {
    const cie = { returnAddressRegister: 30, instructions: [0x0c, 31, 0] };
    const push = [advance(4), 0x0e, 32, 0x9d, 4, 0x9e, 3];
    assert.deepEqual(rowsOf([0x2d, ...push], cie, 183), ["1000 cfa=rsp+0 ra=lr", "1004 cfa=rsp+32 rbp=c-32 ra=c-24"]);
    const large = [0x0e, 0x80, 0x80, 4, 0x05, 29, 0x80, 0x40, 0x9e, 3];
    assert.deepEqual(rowsOf(large, cie, 183), ["1000 cfa=rsp+65536 rbp=*(rsp+0) ra=c-24"]);
  });
});

describe("expressions", () => {
  /* bn_mul_mont: breg7 8; breg9 0; lit8; mul; plus; deref; plus_uconst 8. */
  const INDEXED = [0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22, 0x06, 0x23, 8];
  const PLT = (n: number) => [0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x30 + n, 0x2a, 0x33, 0x24, 0x22];
  const cases: [string, number[], string][] = [
    [".plt, push before 11", [0x0f, ...block(...PLT(11))], "cfa=rsp+8+8*((rip&15)>=11) ra=c-8"],
    [".plt, push before 10", [0x0f, ...block(...PLT(10))], "cfa=rsp+8+8*((rip&15)>=10) ra=c-8"],
    ["behind an array", [0x0f, ...block(...INDEXED)], "cfa=*(rsp+8+8*leaf9)+8 ra=c-8"],
    ["behind an array, cut", [0x0f, ...block(...INDEXED.slice(0, -1))], "unsupported"],
    ["behind an array, on another register", [0x0f, ...block(0x76, ...INDEXED.slice(1))], "unsupported"],
    [".plt on another register", [0x0f, ...block(0x76, ...PLT(11).slice(1))], "unsupported"],
    ["realigned stack: *(rbp-8)", [0x0f, ...block(0x76, 0x78, 0x06)], "cfa=*(rbp-8)+0 ra=c-8"],
    ["libcrypto: *(rsp+152)+8", [0x0f, ...block(0x77, 0x98, 1, 0x06, 0x23, 8)], "cfa=*(rsp+152)+8 ra=c-8"],
    ["rsp+24", [0x0f, ...block(0x77, 16, 0x23, 8)], "cfa=rsp+24 ra=c-8"],
    ["a dereferenced rax", [0x0f, ...block(0x70, 0, 0x06)], "unsupported"],
    ["an addend that fits no field", [0x0f, ...block(0x77, 0, 0x06, 0x23, 0x80, 0x80, 4)], "unsupported"],
    ["something after the shape", [0x0f, ...block(0x77, 8, 0x06, 0x06)], "unsupported"],
    ["a shape cut short", [0x0f, ...block(0x77, 0x80)], "unsupported"],
    ["no expression at all", [0x0f, 0], "unsupported"],
    ["rbp at *(rbp+0)", [0x10, 6, ...block(0x76, 0)], "cfa=rsp+8 rbp=*(rbp+0) ra=c-8"],
    ["rbx at *(rsp+8)", [0x10, 3, ...block(0x77, 8)], "cfa=rsp+8 rbx=*(rsp+8) ra=c-8"],
    ["rbp at *(rax)", [0x10, 6, ...block(0x70, 0)], "cfa=rsp+8 rbp=u ra=c-8"],
    ["return address at *(rbp+8)", [0x10, 16, ...block(0x76, 8)], "cfa=rsp+8 ra=*(rbp+8)"],
    ["return address at something odd", [0x10, 16, ...block(0x76, 8, 0x06)], "unsupported"],
    ["def_cfa_offset after an expression", [0x0f, ...block(0x77, 8, 0x06), 0x0e, 16], "unsupported"],
  ];
  for (const [name, instructions, expected] of cases) {
    it(name, () => assert.deepEqual(rowsOf(instructions), [`1000 ${expected}`]));
  }
});

describe("popped registers", () => {
  const push = [advance(1), 0x0e, 16, 0x83, 2];
  it("count as unchanged once sp has passed their place", () => {
    assert.deepEqual(rowsOf([...push, advance(8), 0x0e, 8]), [
      `1000 ${LEAF}`,
      "1001 cfa=rsp+16 rbx=c-16 ra=c-8",
      `1009 ${LEAF}`,
    ]);
    const leave = [advance(1), 0x0e, 16, 0x86, 2, advance(3), 0x0d, 6, advance(8), 0x0c, 7, 8];
    assert.equal(rowsOf(leave).at(-1), `100c ${LEAF}`);
  });
  it("do not when they are kept in the red zone", () => {
    assert.deepEqual(rowsOf([advance(4), 0x83, 3]), [`1000 ${LEAF}`, "1004 cfa=rsp+8 rbx=c-24 ra=c-8"]);
  });
});

describe("entries", () => {
  const start = BigInt(TEXT);
  const encodings: [string, number, number[] | undefined][] = [
    ["absptr", 0x00, [...u64(start), ...u64(16n)]],
    ["uleb128", 0x01, [0x80, 0x20, 16]],
    ["udata2", 0x02, [0x00, 0x10, 16, 0]],
    ["udata4", 0x03, [...u32(TEXT), ...u32(16)]],
    ["udata8", 0x04, [...u64(start), ...u64(16n)]],
    ["sleb128", 0x09, [0x80, 0x20, 16]],
    ["sdata2", 0x0a, [0x00, 0x10, 16, 0]],
    ["sdata4", 0x0b, [...u32(TEXT), ...u32(16)]],
    ["sdata8", 0x0c, [...u64(start), ...u64(16n)]],
    ["pcrel absptr", 0x10, undefined],
    ["pcrel udata8", 0x14, undefined],
    ["pcrel sdata8", 0x1c, undefined],
    ["pcrel sdata4", 0x1b, undefined],
    ["aligned", 0x50, undefined],
  ];
  for (const [name, encoding, given] of encodings) {
    it(`pointer encoding ${name}`, () => {
      const section = new FrameSection();
      const cie = section.cie({ augmentationData: [encoding] });
      const field = FRAMES + section.offset + 8;
      const distance = encoding === 0x50 ? start : start - BigInt(field);
      const padding = encoding === 0x50 ? new Array<number>((8 - (field % 8)) % 8).fill(0) : [];
      const pointer =
        encoding === 0x1b ? [...u32(Number(distance)), ...u32(16)] : [...padding, ...u64(distance), ...u64(16n)];
      section.rawFde(cie, [...(given ?? pointer), 0]);
      const { rows, badFdes } = convert(new MemorySource(elfImage({ ehFrame: section.build() })));
      assert.deepEqual(rowLines(rows), [`1000 ${LEAF}`, "1010 none"]);
      assert.equal(badFdes, 0);
    });
  }
  for (const [name, encoding] of [
    ["indirect", 0x9b],
    ["function-relative", 0x4b],
    ["text-relative without .text", 0x2b],
    ["omitted", 0xff],
    ["unknown format", 0x07],
  ] as const) {
    it(`refuses ${name} pointers`, () => {
      const section = new FrameSection();
      section.rawFde(section.cie({ augmentationData: [encoding] }), [...u32(TEXT), ...u32(16), 0]);
      assert.equal(convert(new MemorySource(elfImage({ ehFrame: section.build() }))).badFdes, 1);
    });
  }

  for (const is64Bit of [false, true]) {
    it(`.eh_frame and .debug_frame of ${is64Bit ? 64 : 32}-bit DWARF`, () => {
      const ehFrame = new FrameSection("eh_frame", is64Bit);
      ehFrame.fde(ehFrame.cie(), TEXT + 0x100, 0x100);
      const debugFrame = new FrameSection("debug_frame", is64Bit);
      for (const version of [1, 3, 4]) {
        const cie = debugFrame.cie({ version, augmentation: "" });
        debugFrame.rawFde(cie, [...u64(BigInt(TEXT + 0x80 * version)), ...u64(0x80n)], [0x0e, 8 + 8 * version]);
      }
      const { rows, badFdes, fdes } = convert(
        new MemorySource(elfImage({ ehFrame: ehFrame.build(), debugFrame: debugFrame.build() })),
      );
      // The second function of .debug_frame begins inside .eh_frame's, which has the bytes.
      assert.deepEqual(rowLines(rows), [
        "1080 cfa=rsp+16 ra=c-8",
        `1100 ${LEAF}`,
        "1200 cfa=rsp+40 ra=c-8",
        "1280 none",
      ]);
      assert.deepEqual([fdes, badFdes], [4, 0]);
    });
  }

  it("augmentations z, P, L, R, S, B and unknown ones", () => {
    const personality = [0x9b, 1, 2, 3, 4, 0x1b, 0x1b];
    assert.deepEqual(rowsOf([], { augmentation: "zPLR", augmentationData: personality }), [`1000 ${LEAF}`]);
    assert.deepEqual(rowsOf([advance(4), 0x0e, 64], { augmentation: "zRS" }), ["1000 signal"]);
    assert.deepEqual(rowsOf([], { augmentation: "zRB" }), [`1000 ${LEAF}`]);
    assert.deepEqual(rowsOf([], { augmentation: "zR?", augmentationData: [0x1b, 9, 9] }), [`1000 ${LEAF}`]);
    assert.deepEqual(rowsOf([], { augmentation: "armcc+" }), []);
  });

  it("functions that overlap: the later start has the bytes, the first of equal starts", () => {
    const section = new FrameSection();
    const cie = section.cie();
    section.fde(cie, TEXT + 0x40, 0x10, [0x0e, 24]);
    section.fde(cie, TEXT, 0x20000, [0x0e, 16]);
    section.fde(cie, TEXT + 0x40, 0x80, [0x0e, 32]);
    section.fde(cie, TEXT + 0x80, 0x10, [0x0e, 40]);
    const { rows } = convert(new MemorySource(elfImage({ ehFrame: section.build() })));
    assert.deepEqual(rowLines(rows), [
      "1000 cfa=rsp+16 ra=c-8",
      "1040 cfa=rsp+24 ra=c-8",
      "1050 none",
      "1080 cfa=rsp+40 ra=c-8",
      "1090 none",
    ]);
  });

  it("padding keeps the row before it; functions outside executable segments have none", () => {
    const section = new FrameSection();
    const cie = section.cie();
    section.fde(cie, TEXT, 0x31, [advance(1), 0x0e, 16]);
    section.fde(cie, TEXT + 0x40, 0x10);
    section.fde(cie, 0x40, 0x10);
    section.fde(cie, FRAMES, 0x10);
    section.fde(cie, TEXT + 0x60, 0);
    const { rows, fdes, badFdes } = convert(new MemorySource(elfImage({ ehFrame: section.build() })));
    assert.deepEqual(rowLines(rows), [`1000 ${LEAF}`, "1001 cfa=rsp+16 ra=c-8", `1040 ${LEAF}`, "1050 none"]);
    assert.deepEqual([fdes, badFdes], [5, 0]);
  });

  it("a terminator in the middle, and what follows it", () => {
    const section = new FrameSection();
    section.fde(section.cie(), TEXT, 0x10);
    section.raw([0, 0, 0, 0]);
    section.fde(section.cie({ instructions: [...INITIAL, 0x0e, 16] }), TEXT + 0x10, 0x10);
    const { rows } = convert(new MemorySource(elfImage({ ehFrame: section.build() })));
    assert.deepEqual(rowLines(rows), [`1000 ${LEAF}`, "1010 cfa=rsp+16 ra=c-8", "1020 none"]);
  });
});
