import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { MemorySource } from "#src/elf/byte-source.js";
import { isRefusal } from "#src/elf/elf-file.js";
import { openExports } from "#src/elf/exports.js";
import { parseElf } from "#src/elf/parser.js";
import { openImage, openProgram } from "../../support/elf-image.js";
import { fuzz, mutated, withinMs } from "../../support/fuzz.js";

const FUNCTIONS = 200;

describe("symbols that a file exports", () => {
  const directory = mkdtempSync(join(tmpdir(), "hostflame-exports-"));
  after(() => rmSync(directory, { recursive: true }));
  const source = join(directory, "library.c");
  const text = Array.from({ length: FUNCTIONS }, (_, n) => `int function_${n}(int x) { return x * ${n}; }`);
  writeFileSync(source, ["extern int puts(const char *);", ...text, 'int say(void) { return puts(""); }'].join("\n"));
  const libraryOf = (style: string): string => {
    const file = join(directory, `${style}.so`);
    execFileSync("gcc", ["-shared", "-fPIC", "-O1", "-s", `-Wl,--hash-style=${style}`, "-o", file, source]);
    return file;
  };

  for (const style of ["gnu", "sysv", "both"]) {
    it(`are found by a hash table of the style ${style}, each where readelf has it`, () => {
      const file = libraryOf(style);
      const exports = openExports(openProgram(file));
      const listed = execFileSync("readelf", ["--dyn-syms", "-W", file], { encoding: "utf8" });
      let found = 0;
      for (const [, value, size, name] of listed.matchAll(/^ *\d+: (\w+) +(\d+) FUNC +GLOBAL +DEFAULT +\d+ (\w+)$/gm)) {
        assert.deepEqual(exports.find(name), { elfAddress: Number.parseInt(value, 16), size: Number(size) }, name);
        found++;
      }
      assert.equal(found, FUNCTIONS + 1);
    });

    it(`are not those that it wants, or that nobody has: ${style}`, () => {
      const exports = openExports(openProgram(libraryOf(style)));
      assert.equal(exports.find("puts"), undefined);
      assert.equal(exports.find("function_"), undefined);
      assert.equal(exports.find(`function_${FUNCTIONS}`), undefined);
      assert.equal(exports.find(""), undefined);
    });
  }

  it("are none in a file without a dynamic section", () => {
    const file = join(directory, "object.o");
    execFileSync("gcc", ["-c", "-o", file, source]);
    assert.equal(openExports(openImage(readFileSync(file))).find("function_1"), undefined);
  });

  it("take no longer, and throw nothing, where the file is hostile", () => {
    const seeds = ["gnu", "sysv"].map((style) => readFileSync(libraryOf(style)));
    fuzz(
      fc.property(mutated(seeds), (bytes) => {
        const elf = parseElf(new MemorySource(bytes));
        if (isRefusal(elf)) return;
        withinMs(200, () => openExports(elf).find("function_17"));
      }),
      300,
    );
  });
});
