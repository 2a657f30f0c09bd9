import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { lookUpLines } from "#src/debuginfo/debug-info.js";
import { MemorySource } from "#src/elf/byte-source.js";
import { isRefusal } from "#src/elf/elf-file.js";
import { parseElf } from "#src/elf/parser.js";
import { buildInlined } from "../../fixtures/inlined/build.js";
import { openImage } from "../../support/elf-image.js";
import { fuzz, nasty, withinMs } from "../../support/fuzz.js";
import { randomAddresses } from "../../support/random-addresses.js";

/** An input of 300 KB takes 5 to 30 ms; others run on this machine too. */
const TIME_LIMIT_MS = 1000;
const MEMORY_LIMIT = 512 * 1024 * 1024;
const LIMITS = { deadlineMs: Infinity, maxInflatedBytes: 1 << 22 };

const directory = mkdtempSync(join(tmpdir(), "hostflame-debugfuzz-"));
after(() => rmSync(directory, { recursive: true }));

/** Small programs of each grammar: units, lines, range lists, indexed strings and addresses. */
function buildSeeds(): Buffer[] {
  const source = join(directory, "seed.c");
  writeFileSync(
    source,
    `static inline int inner(int x) { while (x & 1) x = x * 3 + 1; return x; }
     static inline int outer(int x) { return x > 5 ? inner(x) + inner(x - 1) : inner(x + 2); }
     __attribute__((cold)) int rare(int x) { return outer(x) * 7; }
     int main(int n, char **v) { return v[n] ? outer(n) : rare(n + outer(n)); }`,
  );
  const seeds = [
    ["gcc", "-gdwarf-4"],
    ["gcc", "-gdwarf-5"],
    ["gcc", "-gdwarf-5", "-gdwarf64"],
    ["gcc", "-gdwarf-5", "-gz=zlib"],
    ["clang", "-gdwarf-4"],
    ["clang", "-gdwarf-5"],
    ["clang", "-gdwarf-2"],
    ["clang", "-gdwarf-5", "-ffunction-sections"],
  ].map(([compiler, ...flags], i) => {
    const program = join(directory, `seed-${i}`);
    execFileSync(compiler, [...flags, "-O2", "-o", program, source]);
    return readFileSync(program);
  });
  const [zstd, large] = [join(directory, "zstd"), join(directory, "large")];
  execFileSync("objcopy", ["--compress-debug-sections=zstd", join(directory, "seed-1"), zstd]);
  buildInlined("g++", 5, large);
  return [...seeds, readFileSync(zstd), readFileSync(large)];
}

/** Whatever the bytes are: an answer for each address, in bounded time and memory. */
function check(bytes: Uint8Array, addresses: Float64Array): void {
  const elf = parseElf(new MemorySource(bytes));
  if (isRefusal(elf)) return;
  const answers = withinMs(TIME_LIMIT_MS, () => lookUpLines(elf, addresses, LIMITS));
  assert.ok(process.memoryUsage.rss() < MEMORY_LIMIT);
  assert.equal(answers.length, addresses.length);
  for (const [at, { lines, problem, from, limit }] of answers.entries()) {
    assert.equal(lines.length === 0, problem !== undefined);
    assert.ok(from <= addresses[at] && addresses[at] < limit, `${from} ${addresses[at]} ${limit}`);
    for (const { systemName, fileName, line, startLine } of lines) {
      assert.ok(systemName.length <= 16384 && fileName.length <= 4096);
      assert.ok(line >= 0 && startLine >= 0);
    }
  }
}

describe("debug information that lies", () => {
  const seeds = buildSeeds().map((bytes) => {
    const elf = openImage(bytes);
    const sections = elf.sections.filter(({ name }) => name.startsWith(".debug_"));
    return { bytes, sections, addresses: randomAddresses(elf, 60) };
  });
  const change = fc.record({
    section: fc.nat(1_000_000),
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    values: fc.array(fc.oneof(fc.nat(255), nasty), { minLength: 1, maxLength: 8 }),
  });

  it("has an answer in bounded time", () => {
    const property = fc.property(
      fc.constantFrom(...seeds),
      fc.array(change, { minLength: 1, maxLength: 12 }),
      ({ bytes, sections, addresses }, changes) => {
        const copy = Buffer.from(bytes);
        for (const { section, at, values } of changes) {
          const { fileOffset, size } = sections[section % sections.length];
          copy.set(values.slice(0, size), fileOffset + Math.floor(at * Math.max(1, size - values.length)));
        }
        check(copy, addresses);
      },
    );
    fuzz(property, 500);
  });

  it("is no reason to fail where it is cut short", () => {
    for (const { bytes, sections, addresses } of seeds.slice(0, 7)) {
      for (const { fileOffset, size } of sections) {
        for (const part of [0, 0.3, 0.9]) {
          const copy = Buffer.from(bytes);
          copy.fill(0xff, fileOffset + Math.floor(size * part), fileOffset + size);
          check(copy, addresses);
          copy.fill(0, fileOffset + Math.floor(size * part), fileOffset + size);
          check(copy, addresses);
        }
      }
    }
  });
});
