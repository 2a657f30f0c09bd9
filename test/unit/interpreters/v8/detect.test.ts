import assert from "node:assert/strict";
import { closeSync, fstatSync, openSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { FileSource, MemorySource } from "#src/elf/byte-source.js";
import { PT_GNU_EH_FRAME, PT_LOAD } from "#src/elf/constants.js";
import type { ElfFile, ElfSegment } from "#src/elf/elf-file.js";
import { detectBy } from "#src/interpreters/detect.js";
import { findBuiltins } from "#src/interpreters/v8/builtins.js";
import { V8_INTERPRETER } from "#src/interpreters/v8/v8-interpreter.js";
import { layoutOf, parseV8Version } from "#src/interpreters/v8/layout.js";
import { findV8Version } from "#src/interpreters/v8/v8-version.js";
import { interpreterLayout, limits, v8LayoutLayout } from "#src/native/abi.generated.js";
import { fuzz } from "../../../support/fuzz.js";

function segment(type: number, fileOffset: number, fileSize: number, elfAddress: number): ElfSegment {
  return { type, flags: 5, fileOffset, elfAddress, fileSize, memorySize: fileSize, alignment: 1 };
}

function image(bytes: Buffer, segments: readonly ElfSegment[]): ElfFile {
  const source = new MemorySource(bytes);
  return { source, machine: "x86-64", type: 2, entry: 0, segments, sections: [], sectionRefusal: undefined };
}

const TEXT = 0x1000;
const BUILTINS = 0x2000;
const BUILTINS_BYTES = 0x60000;
const NEXT = BUILTINS + BUILTINS_BYTES;
const HEADER = NEXT + 0x100;

/** A text with a hole of unwind information that has an interpreter's loop, and what tells of the functions beside it. */
function program(): Buffer {
  const bytes = Buffer.alloc(HEADER + 0x100, 0x90);
  const loop = BUILTINS + 0x4000;
  bytes.fill(0xcc, loop - 8, loop);
  bytes.write("554889e5565750" + "4154" + "48c1e12051" + "ffd14c8b65e0", loop + 16, "hex");
  bytes.fill(0xcc, loop + 0x100 - 8, loop + 0x100);
  bytes.write("4d8b95d82e0000" + "498bdf" + "c1eb08c1e304", BUILTINS + 0x9000, "hex");
  bytes.write("13.6.233.17-node.53\0", HEADER + 0x80, "latin1");
  bytes.writeUInt8(0, HEADER + 0x7f);
  bytes.write("011b033b", HEADER, "hex");
  bytes.writeUInt32LE(3, HEADER + 8);
  const functions = [TEXT, BUILTINS - 0x10, NEXT];
  for (const [row, at] of functions.entries()) {
    bytes.writeInt32LE(at - HEADER, HEADER + 12 + 8 * row);
    bytes.writeInt32LE(0x40, HEADER + 16 + 8 * row);
  }
  bytes.writeUInt32LE(0x10, HEADER + 0x40 + 12); // the bytes of each function
  return bytes;
}

const SEGMENTS = [segment(PT_LOAD, 0, HEADER + 0x100, 0), segment(PT_GNU_EH_FRAME, HEADER, 0x40, HEADER)];

describe("what is V8 in a file", () => {
  it("are the builtins where unwind information has its hole, and the interpreter's loop in it", () => {
    assert.deepEqual(findBuiltins(image(program(), SEGMENTS)), {
      elfAddress: BUILTINS,
      size: BUILTINS_BYTES,
      entries: [{ elfAddress: BUILTINS + 0x4000, size: 0x100, push: 16, built: 30 }],
      dispatchTable: 0x2ed8,
    });
  });

  it("are none where the hole has no such loop", () => {
    const bytes = program().fill(0x90, BUILTINS, NEXT);
    assert.equal(findBuiltins(image(bytes, SEGMENTS)), undefined);
  });

  it("says its version", () => {
    assert.equal(findV8Version(image(program(), SEGMENTS)), "13.6.233.17");
    assert.equal(
      findV8Version(image(Buffer.from("internal/persistent-node.h\0"), [segment(PT_LOAD, 0, 27, 0)])),
      undefined,
    );
    assert.equal(layoutOf(parseV8Version("13.6.233.17")!)?.jsFunction.dispatchHandle, 24);
    assert.equal(layoutOf(parseV8Version("9.4.146.26")!), undefined);
    assert.equal(parseV8Version("13.6.233"), undefined);
  });

  it("of the node that runs this is known, by each way", () => {
    const fd = openSync(process.execPath, "r");
    try {
      const found = detectBy(V8_INTERPRETER, new FileSource(fd, fstatSync(fd).size));
      assert.ok(found !== undefined);
      if ("problem" in found) {
        assert.match(found.problem, /unknown layout/);
        return;
      }
      assert.ok(process.versions.v8.startsWith(found.version));
      assert.equal(found.bytes.length, interpreterLayout.sizeOf);
      const view = new DataView(found.bytes.buffer, found.bytes.byteOffset + interpreterLayout.layout);
      assert.ok(view.getBigUint64(v8LayoutLayout.builtins + 8, true) > 1_000_000n, "bytes of builtins");
      assert.ok(v8LayoutLayout.sizeOf <= limits.layoutBytes);
    } finally {
      closeSync(fd);
    }
  });

  it("never throws, whatever headers and bytes a file has", () => {
    const number = fc.oneof(fc.nat(HEADER + 0x200), fc.constantFrom(0, 2 ** 32, 2 ** 53, -1, NaN));
    const change = fc.tuple(fc.nat(HEADER + 0xff), fc.integer({ min: 0, max: 255 }));
    fuzz(
      fc.property(
        fc.array(change, { maxLength: 20 }),
        fc.array(fc.tuple(number, number, number), { maxLength: 3 }),
        (changes, more) => {
          const bytes = program();
          for (const [at, value] of changes) bytes[at] = value;
          const hostile = more.map(([offset, size, address], row) =>
            segment(row === 0 ? PT_GNU_EH_FRAME : PT_LOAD, offset, size, address),
          );
          findBuiltins(image(bytes, [...hostile, ...SEGMENTS]));
          findV8Version(image(bytes, [...hostile, ...SEGMENTS]));
        },
      ),
      100,
    );
  });
});
