import assert from "node:assert/strict";
import { closeSync, fstatSync, openSync } from "node:fs";
import { after, describe, it } from "node:test";
import { type ByteSource, FileSource } from "#src/elf/byte-source.js";
import { type ElfFile, findSection, isRefusal } from "#src/elf/elf-file.js";
import { parseElf } from "#src/elf/parser.js";
import { readName, StringTable } from "#src/symbols/string-table.js";

const fd = openSync(process.execPath, "r");
after(() => {
  closeSync(fd);
});

/** The Node.js that runs this, whose names fill megabytes; each read of its file is noted. */
function openNode(): { elf: ElfFile; reads: (readonly [offset: number, bytes: number])[] } {
  const file = new FileSource(fd, fstatSync(fd).size);
  const reads: (readonly [number, number])[] = [];
  const source: ByteSource = {
    size: file.size,
    failure: undefined,
    read: (offset, length) => (reads.push([offset, length]), file.read(offset, length)),
    readInto: (offset, target) => (reads.push([offset, target.length]), file.readInto(offset, target)),
  };
  const elf = parseElf(source);
  assert.ok(!isRefusal(elf));
  reads.length = 0;
  return { elf, reads };
}

describe("the names of a symbol table", () => {
  it("are read one by one while few are asked for, and then all at once, and are the same", () => {
    const { elf, reads } = openNode();
    const section = findSection(elf, ".dynstr")!;
    const names = new StringTable(section);
    const offsets = Array.from({ length: 5000 }, (_, i) => Math.floor((i * 7919) % (section.size - 1)));
    const first = offsets.map((offset) => readName(names.open(elf)!, offset));
    assert.equal(names.bytes, section.size, "all of them are held");
    const single = reads.filter(([, bytes]) => bytes < section.size).length;
    assert.ok(single >= section.size / 8192 - 1 && single < section.size / 4096, `${single} single reads`);
    const all = new Set(first);
    assert.ok(all.size > 100 && !all.has(undefined));
    const fresh = new StringTable(section);
    for (const [row, offset] of offsets.slice(0, 50).entries()) {
      assert.equal(readName(fresh.open(elf)!, offset), first[row]);
    }
    assert.equal(fresh.bytes, 0);
  });

  it("stay one by one where the file ends before they do", () => {
    const { elf } = openNode();
    const section = findSection(elf, ".dynstr")!;
    const names = new StringTable(section);
    const cut: ElfFile = { ...elf, source: { ...elf.source, readInto: () => 0 } };
    for (let i = 0; i < 2000; i++) names.open(cut);
    assert.equal(names.bytes, 0);
    assert.equal(readName(names.open(cut)!, 1), readName(new StringTable(section).open(elf)!, 1));
  });
});
