import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { readBuildId } from "#src/elf/build-id.js";
import { FileSource, MemorySource, SliceSource } from "#src/elf/byte-source.js";
import {
  type ElfFile,
  executableSegments,
  findSection,
  isRefusal,
  toElfAddress,
  toFileOffset,
} from "#src/elf/elf-file.js";
import { parseElf } from "#src/elf/parser.js";
import { openSection } from "#src/elf/section-source.js";

const directory = mkdtempSync(join(tmpdir(), "hostflame-elf-"));
after(() => rmSync(directory, { recursive: true }));

const source = join(directory, "program.c");
const program = join(directory, "program");
writeFileSync(source, "int twice(int x) { return 2 * x; }\nint main(void) { return twice(0); }\n");
execFileSync("gcc", ["-g", "-gz=zlib", "-O1", "-Wl,--build-id=0x0123456789abcdef", "-o", program, source]);

function parse(bytes: Uint8Array): ElfFile {
  const elf = parseElf(new MemorySource(bytes));
  assert.ok(!isRefusal(elf), JSON.stringify(elf));
  return elf;
}

describe("parseElf", () => {
  it("agrees with readelf on every section header", () => {
    const elf = parse(readFileSync(program));
    const lines = execFileSync("readelf", ["-SW", program], { encoding: "utf8" }).split("\n");
    const expected = lines.flatMap((line) => {
      const match = /^\s*\[\s*(\d+)\] (\S+)\s+\S+\s+([0-9a-f]{16}) ([0-9a-f]+) ([0-9a-f]+)/.exec(line);
      return match && match[2] !== "NULL" ? [`${match[2]} ${match[3]} ${match[4]}`] : [];
    });
    const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
    const actual = elf.sections.slice(1).map((s) => `${s.name} ${hex(s.elfAddress, 16)} ${hex(s.fileOffset, 6)}`);
    assert.ok(expected.length > 20);
    assert.deepEqual(actual, expected);
  });

  it("converts between file offsets and ELF addresses", () => {
    const elf = parse(readFileSync(program));
    const data = findSection(elf, ".data");
    assert.ok(data && data.elfAddress !== data.fileOffset);
    assert.equal(toFileOffset(elf, data.elfAddress), data.fileOffset);
    assert.equal(toElfAddress(elf, data.fileOffset), data.elfAddress);
    assert.equal(toFileOffset(elf, 2 ** 60), undefined);
    assert.equal(toElfAddress(elf, elf.source.size), undefined);
    const [text] = executableSegments(elf);
    assert.equal(toElfAddress(elf, text.fileOffset), text.elfAddress);
  });

  it("reads a file through a descriptor as it does memory", () => {
    const fd = openSync(program, "r");
    const viaFile = parseElf(new FileSource(fd, fstatSync(fd).size));
    assert.ok(!isRefusal(viaFile));
    const viaMemory = parse(readFileSync(program));
    assert.deepEqual(viaFile.sections, viaMemory.sections);
    assert.deepEqual(viaFile.segments, viaMemory.segments);
    assert.equal(readBuildId(viaFile), "0123456789abcdef");
    closeSync(fd);
    assert.equal(viaFile.source.readInto(0, new Uint8Array(8)), 0);
    assert.equal(viaFile.source.failure, "EBADF");
  });

  it("finds segments and the build ID without section headers", () => {
    const image = Buffer.from(readFileSync(program));
    image.fill(0, 40, 48);
    image.fill(0, 58, 64);
    const elf = parse(image);
    assert.equal(elf.sections.length, 0);
    assert.equal(elf.sectionRefusal, undefined);
    assert.equal(readBuildId(elf), "0123456789abcdef");
  });

  it("takes counts that did not fit the header from section 0", () => {
    const image = Buffer.from(readFileSync(program));
    const plain = parse(image);
    const table = Number(image.readBigUInt64LE(40));
    image.writeBigUInt64LE(BigInt(image.readUInt16LE(60)), table + 32);
    image.writeUInt32LE(image.readUInt16LE(62), table + 40);
    image.writeUInt32LE(image.readUInt16LE(56), table + 44);
    image.writeUInt16LE(0, 60);
    image.writeUInt16LE(0xffff, 62);
    image.writeUInt16LE(0xffff, 56);
    const extended = parse(image);
    assert.deepEqual(extended.sections.slice(1), plain.sections.slice(1));
    assert.deepEqual(extended.segments, plain.segments);
  });

  const refusals: [string, string, (image: Buffer) => unknown][] = [
    ["an empty file", "not-elf", () => Buffer.alloc(0)],
    ["text", "not-elf", () => Buffer.alloc(4096, "#!/bin/sh\n")],
    ["32-bit ELF", "wrong-machine", (image) => (image[4] = 1)],
    ["big-endian ELF", "wrong-machine", (image) => (image[5] = 2)],
    ["RISC-V", "wrong-machine", (image) => image.writeUInt16LE(243, 18)],
    ["program headers beyond the end", "malformed", (image) => image.writeBigUInt64LE(1n << 40n, 32)],
    ["program headers at 2^64 - 1", "malformed", (image) => image.writeBigUInt64LE((1n << 64n) - 1n, 32)],
    ["program headers of the wrong size", "malformed", (image) => image.writeUInt16LE(32, 54)],
    ["too many program headers", "limit-exceeded", (image) => image.writeUInt16LE(0xfffe, 56)],
    ["a file cut after its header", "malformed", (image) => image.subarray(0, 64)],
  ];
  for (const [name, problem, change] of refusals) {
    it(`refuses ${name}: ${problem}`, () => {
      const image = Buffer.from(readFileSync(program));
      const changed = change(image);
      const result = parseElf(new MemorySource(Buffer.isBuffer(changed) ? changed : image));
      assert.ok(isRefusal(result));
      assert.equal(result.problem, problem);
    });
  }

  it("goes on without section headers that lie, and says so", () => {
    const image = Buffer.from(readFileSync(program));
    image.writeBigUInt64LE(1n << 63n, 40);
    assert.equal(parse(image).sectionRefusal?.problem, "malformed");
    const crowded = Buffer.from(readFileSync(program));
    crowded.writeUInt16LE(0xfff0, 60);
    assert.equal(parse(crowded).sectionRefusal?.problem, "limit-exceeded");
  });
});

describe("openSection", () => {
  it("inflates a compressed section", () => {
    const elf = parse(readFileSync(program));
    const section = findSection(elf, ".debug_info");
    assert.ok(section && (section.flags & 0x800) !== 0);
    const opened = openSection(elf, section, 1 << 20);
    assert.ok(!isRefusal(opened));
    const plain = join(directory, "plain");
    const dump = join(directory, "debug-info");
    execFileSync("objcopy", ["--decompress-debug-sections", program, plain]);
    execFileSync("objcopy", [
      "-O",
      "binary",
      "--only-section=.debug_info",
      "--set-section-flags",
      ".debug_info=alloc",
      plain,
      dump,
    ]);
    assert.deepEqual(opened.read(0, opened.size), readFileSync(dump));
  });

  it("refuses to inflate past the limit, or what is not zlib", () => {
    const elf = parse(readFileSync(program));
    const section = findSection(elf, ".debug_info");
    assert.ok(section);
    const over = openSection(elf, section, 16);
    assert.ok(isRefusal(over) && over.problem === "limit-exceeded");
    const image = Buffer.from(readFileSync(program));
    image.fill(0xff, section.fileOffset + 24, section.fileOffset + section.size);
    const garbled = openSection(parse(image), section, 1 << 20);
    assert.ok(isRefusal(garbled) && garbled.problem === "malformed");
    const bomb = Buffer.from(readFileSync(program));
    bomb.writeBigUInt64LE(8n, section.fileOffset + 8);
    const tooMuch = openSection(parse(bomb), section, 1 << 20);
    assert.ok(isRefusal(tooMuch) && tooMuch.problem === "malformed");
  });

  it("refuses a section beyond the end of the file", () => {
    const elf = parse(readFileSync(program));
    for (const fileOffset of [2 ** 64, NaN, elf.source.size]) {
      const result = openSection(elf, { ...elf.sections[1], fileOffset, size: 16 }, 1 << 20);
      assert.ok(isRefusal(result));
    }
  });
});

describe("ByteSource", () => {
  it("answers every range with the bytes or undefined", () => {
    const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
    for (const whole of [
      new MemorySource(bytes),
      new SliceSource(new MemorySource(Buffer.concat([bytes, bytes])), 100, 100),
    ]) {
      assert.deepEqual([...(whole.read(98, 2) ?? [])], [98, 99]);
      assert.equal(whole.read(99, 2), undefined);
      for (const odd of [-1, 0.5, NaN, Infinity, 2 ** 64]) {
        assert.equal(whole.read(odd, 1), undefined);
        assert.equal(whole.read(0, odd), undefined);
        assert.equal(whole.readInto(odd, new Uint8Array(4)), 0);
      }
      const target = new Uint8Array(8);
      assert.equal(whole.readInto(95, target), 5);
      assert.deepEqual([...target], [95, 96, 97, 98, 99, 0, 0, 0]);
    }
    assert.equal(new SliceSource(new MemorySource(bytes), 2 ** 70, 4).size, 0);
    assert.equal(new SliceSource(new MemorySource(bytes), 90, NaN).size, 0);
    assert.equal(new SliceSource(new MemorySource(bytes), 90, 2 ** 64).size, 10);
  });

  it("of a file is its bytes, wherever was read before, and however it shrinks meanwhile", () => {
    const path = join(directory, "numbers");
    const bytes = Buffer.from(Uint32Array.from({ length: 30_000 }, (_, i) => i).buffer);
    writeFileSync(path, bytes);
    const fd = openSync(path, "r");
    const ranges = fc.array(
      fc.tuple(fc.integer({ min: -5, max: bytes.length + 5 }), fc.integer({ min: 0, max: 40_000 })),
    );
    fc.assert(
      fc.property(ranges, (reads) => {
        const file = new FileSource(fd, bytes.length);
        for (const [offset, length] of reads) {
          const expected = new MemorySource(bytes).read(offset, length);
          assert.deepEqual(file.read(offset, length), expected);
          assert.deepEqual(file.read(offset, 24), new MemorySource(bytes).read(offset, 24));
        }
      }),
    );
    const file = new FileSource(fd, bytes.length);
    assert.equal(file.read(50_000, 100)?.length, 100);
    truncateSync(path, 50_050);
    assert.equal(file.read(80_000, 100), undefined);
    assert.equal(file.read(50_040, 8)?.length, 8);
    closeSync(fd);
  });
});
