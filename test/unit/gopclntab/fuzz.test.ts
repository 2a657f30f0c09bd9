import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { MemorySource } from "#src/elf/byte-source.js";
import { type ElfFile, findSection, isRefusal } from "#src/elf/elf-file.js";
import { parseElf } from "#src/elf/parser.js";
import { openGoTable } from "#src/gopclntab/go-table.js";
import { convert } from "#src/unwind/convert.js";
import { goToolchain } from "../../support/go-toolchain.js";

const RUNS = Number(process.env["FUZZ_RUNS"] ?? 60);
/** A whole program takes some 50 ms. */
const LIMIT_MS = 3000;

const go = goToolchain("local");

describe("a Go table that lies", { skip: typeof go === "string" ? go : false }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), "hostflame-go-fuzz-"));
  let program: Buffer;
  let seed: ElfFile;
  before(() => {
    if (typeof go === "string") return;
    const file = path.join(folder, "program");
    go.run(["build", "-ldflags=-s -w", "-o", file, "."], { folder: "test/fixtures/go-names" });
    program = readFileSync(file);
    seed = open(program);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function open(bytes: Buffer): ElfFile {
    const elf = parseElf(new MemorySource(bytes));
    assert.ok(!isRefusal(elf));
    return elf;
  }

  /** Whatever the bytes are: no exception, bounded time, sane answers. */
  function check(bytes: Buffer): void {
    const started = performance.now();
    const elf = open(bytes);
    const table = openGoTable(elf);
    if (table !== undefined && !isRefusal(table)) {
      const text = findSection(elf, ".text");
      assert.ok(text !== undefined);
      for (let at = 0; at < text.size; at += Math.ceil(text.size / 200)) {
        for (const { line, startLine } of table.framesAt(text.elfAddress + at).frames) {
          assert.ok(line >= 0 && startLine >= 0);
        }
      }
    }
    const { rows, problems } = convert(new MemorySource(bytes));
    assert.ok(rows !== undefined || problems.length > 0);
    assert.ok(performance.now() - started < LIMIT_MS);
  }

  for (const name of [".gopclntab", ".go.module", ".noptrdata"]) {
    it(`in ${name}`, (context) => {
      const section = findSection(seed, name);
      if (section === undefined) {
        context.skip("this release of Go has no such section");
        return;
      }
      const { fileOffset, size } = section;
      // The header and the first entries decide most: a third of the changes is there.
      const place = fc.oneof(fc.nat(Math.min(size, 128) - 1), fc.nat(Math.min(size, 65_536) - 1), fc.nat(size - 1));
      const change = fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 8 }));
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
          const bytes = Buffer.from(program);
          for (const [at, values] of changes) bytes.set(values.subarray(0, size - at), fileOffset + at);
          check(bytes);
        }),
        { numRuns: RUNS },
      );
    });
  }

  it("that is cut", () => {
    const section = findSection(seed, ".gopclntab");
    assert.ok(section !== undefined);
    fc.assert(
      fc.property(fc.nat(section.size), (left) => {
        check(Buffer.from(program.subarray(0, section.fileOffset + left)));
      }),
      { numRuns: RUNS },
    );
  });
});
