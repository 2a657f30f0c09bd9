import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemorySource } from "#src/elf/byte-source.js";
import { convert } from "#src/unwind/convert.js";
import { elfImage, FrameSection, TEXT, TEXT_BYTES, u64 } from "../../fixtures/frame-section.js";
import { rowLines } from "../../fixtures/rows-text.js";

const TRAMPOLINE = Buffer.from([0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05]);

function textWith(offsets: readonly number[]): Buffer {
  const text = Buffer.alloc(TEXT_BYTES, 0x90);
  for (const offset of offsets) TRAMPOLINE.copy(text, offset);
  return text;
}

describe("signal trampolines that nobody described", () => {
  it("are found in a file without frames, at a window's edge too, from the byte before on", () => {
    const { rows, problems } = convert(new MemorySource(elfImage({ text: textWith([0x100, 0x10000 - 4]) })));
    assert.deepEqual(rowLines(rows), ["10ff signal", "1109 none", "10ffb signal", "11005 none"]);
    assert.deepEqual(problems, []);
  });

  it("are not looked for in functions of .eh_frame", () => {
    const section = new FrameSection();
    section.fde(section.cie(), TEXT, 0x1000);
    const { rows } = convert(new MemorySource(elfImage({ ehFrame: section.build(), text: textWith([0x100, 0x2000]) })));
    assert.deepEqual(rowLines(rows), ["1000 cfa=rsp+8 ra=c-8", "2000 none", "2fff signal", "3009 none"]);
  });

  it("go before functions of .debug_frame, which is how Go describes its own", () => {
    const section = new FrameSection("debug_frame");
    const cie = section.cie({ version: 3, augmentation: "" });
    section.rawFde(cie, [...u64(BigInt(TEXT)), ...u64(0x200n)]);
    const { rows } = convert(new MemorySource(elfImage({ debugFrame: section.build(), text: textWith([0x40]) })));
    assert.deepEqual(rowLines(rows), ["1000 cfa=rsp+8 ra=c-8", "103f signal", "1049 none"]);
  });

  it("are counted out", () => {
    const many = Array.from({ length: 100 }, (_, i) => i * 32 + 16);
    const { rows } = convert(new MemorySource(elfImage({ text: textWith(many) })));
    assert.equal(rowLines(rows).filter((line) => line.endsWith("signal")).length, 8);
  });
});
