import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { readBuildId } from "#src/elf/build-id.js";
import { MemorySource } from "#src/elf/byte-source.js";
import { isRefusal } from "#src/elf/elf-file.js";
import { parseElf } from "#src/elf/parser.js";
import { openSection } from "#src/elf/section-source.js";
import { convert } from "#src/unwind/convert.js";
import { lookupRow, ruleOf, viewTable } from "#src/unwind/lookup.js";
import { measure, write } from "#src/unwind/pages.js";
import { RULE_FIRST_FREE } from "#src/unwind/rule.js";
import { elfImage, FRAMES, FrameSection, TEXT } from "../../fixtures/frame-section.js";

const directory = mkdtempSync(join(tmpdir(), "hostflame-fuzz-"));
after(() => rmSync(directory, { recursive: true }));

const source = join(directory, "seed.c");
writeFileSync(
  source,
  '#include <stdio.h>\nint main(int n, char **v) { char b[n + 9]; return snprintf(b, n, "%s", v[0]); }\n',
);
const seeds = [
  ["-O2"],
  ["-O0", "-g", "-gz=zlib", "-fno-asynchronous-unwind-tables"],
  ["-O2", "-nostdlib", "-shared", "-fpic"],
].map((flags, i) => {
  const program = join(directory, `seed-${i}`);
  execFileSync("gcc", [...flags, "-o", program, source]);
  return readFileSync(program);
});

/** How long one input may take; a megabyte takes 20 ms. */
const TIME_LIMIT_MS = 2000;

/** Whatever the bytes are: no exception, bounded time, rows in order, indices in range, and a table that can be read. */
function check(bytes: Uint8Array): void {
  const started = performance.now();
  const elf = parseElf(new MemorySource(bytes));
  if (!isRefusal(elf)) {
    assert.match(readBuildId(elf), /^[0-9a-f]*$/);
    for (const section of elf.sections) openSection(elf, section, 1 << 20);
  }
  const { rows, problems, fdes, badFdes } = convert(new MemorySource(bytes));
  assert.ok(performance.now() - started < TIME_LIMIT_MS);
  assert.ok(badFdes <= fdes);
  assert.ok(rows !== undefined || problems.length > 0);
  if (rows === undefined) return;
  const { fileOffsets, ruleIndices } = rows;
  assert.equal(ruleIndices.length, fileOffsets.length);
  for (let i = 0; i < fileOffsets.length; i++) {
    assert.ok(i === 0 || fileOffsets[i] > fileOffsets[i - 1]);
    assert.ok(ruleIndices[i] < RULE_FIRST_FREE + rows.rules.length / 16);
  }
  const extent = measure(rows);
  assert.ok(extent.elements <= fileOffsets.length + 3 * extent.pages + 1);
  if (extent.pages > 4096) return;
  const memory = new ArrayBuffer(extent.elements * 8);
  write(
    rows,
    extent,
    Uint16Array.from({ length: rows.rules.length / 16 }, (_, i) => i + RULE_FIRST_FREE),
    memory,
  );
  const view = viewTable(memory, extent);
  const step = Math.ceil(fileOffsets.length / 50);
  for (let i = 0; i < fileOffsets.length; i += step) {
    assert.equal(ruleOf(lookupRow(view, fileOffsets[i])), ruleIndices[i]);
  }
}

const interesting = fc.oneof(
  fc.nat(0xff).map((byte) => [byte]),
  fc.constantFrom(
    [0xff, 0xff, 0xff, 0xff],
    [0xff, 0xff, 0xff, 0x7f],
    [0, 0, 0, 0x80],
    [0, 0, 0, 0],
    new Array<number>(8).fill(0xff),
    [0xf0, 0xff, 0xff, 0xff],
  ),
);

describe("whatever a file holds", () => {
  it("real executables with bytes changed", () => {
    const edits = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), interesting), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(fc.constantFrom(...seeds), edits, fc.constantFrom(64, 1024, 0), (seed, changes, range) => {
        const bytes = Uint8Array.from(seed);
        // Headers are small and matter most, so many changes go there.
        const size = range === 0 ? bytes.length : range;
        for (const [place, value] of changes) bytes.set(value, Math.min(Math.floor(place * size), bytes.length - 8));
        check(bytes);
      }),
      { numRuns: 300 },
    );
  });

  it("call frame information with bytes changed", () => {
    const frames = seeds.flatMap((seed) => {
      const elf = parseElf(new MemorySource(seed));
      return isRefusal(elf)
        ? []
        : elf.sections.filter(({ name }) => /_frame(_hdr)?$/.test(name)).map((section) => ({ seed, section }));
    });
    const edits = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), interesting), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(fc.constantFrom(...frames), edits, fc.boolean(), ({ seed, section }, changes, stripped) => {
        const bytes = Uint8Array.from(seed);
        for (const [place, value] of changes) {
          bytes.set(value, section.fileOffset + Math.floor(place * Math.max(0, section.size - 8)));
        }
        if (stripped) bytes.fill(0, 40, 48);
        check(bytes);
      }),
      { numRuns: 500 },
    );
  });

  it("executables cut short", () => {
    fc.assert(
      fc.property(fc.constantFrom(...seeds), fc.double({ min: 0, max: 1, noNaN: true }), (seed, share) => {
        check(seed.subarray(0, Math.floor(seed.length * share)));
      }),
      { numRuns: 100 },
    );
  });

  it("random bytes as frames", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) =>
        check(elfImage({ ehFrame: Buffer.from(bytes), debugFrame: Buffer.from(bytes) })),
      ),
      { numRuns: 200 },
    );
  });

  it("random instructions", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.uint8Array({ maxLength: 40 }), (instructions, initial) => {
        const section = new FrameSection();
        section.fde(section.cie({ instructions: [...initial] }), TEXT, 0x1000, [...instructions]);
        section.fde(section.cie(), TEXT + 0x800, 0x1000, [...instructions]);
        assert.ok(section.build().length < FRAMES);
        check(elfImage({ ehFrame: section.build() }));
      }),
      { numRuns: 500 },
    );
  });

  it("random bytes as a file", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1000 }), (bytes) => {
        check(bytes);
        check(Buffer.concat([seeds[0].subarray(0, 64), bytes]));
      }),
      { numRuns: 200 },
    );
  });
});
