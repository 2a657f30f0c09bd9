import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { ExecutableSerial } from "#src/model/brand.js";
import { toFileOffset } from "#src/elf/elf-file.js";
import { NameCache } from "#src/naming/name-cache.js";
import type { Namer } from "#src/naming/name-window.js";
import { createResolverCache } from "#src/symbols/cache.js";
import { resolveKernelSymbols } from "#src/symbols/kallsyms.js";
import type { SymbolizeResult } from "#src/symbols/resolver.js";
import { symbolize } from "#src/symbols/symbolize.js";
import { chainInWords } from "../../support/chain-words.js";
import { openProgram, readelfFunctions } from "../../support/elf-image.js";

const directory = mkdtempSync(join(tmpdir(), "hostflame-lines-"));
after(() => rmSync(directory, { recursive: true }));

const program = join(directory, "program");
writeFileSync(
  join(directory, "inner.h"),
  `static inline __attribute__((always_inline)) int inner(volatile int *x) {
     return *x * 3;
   }`,
);
for (const name of ["one", "two"]) {
  writeFileSync(
    join(directory, `${name}.c`),
    `#include "inner.h"
     static inline __attribute__((always_inline)) int outer(volatile int *x) {
       return inner(x);
     }
     int ${name}(volatile int *x) {
       return outer(x);
     }`,
  );
}
writeFileSync(
  join(directory, "main.c"),
  "int one(int *); int two(int *); int main(int n) { return one(&n) + two(&n); }",
);
const sources = ["main.c", "one.c", "two.c"].map((name) => join(directory, name));
execFileSync("gcc", ["-g", "-O1", "-o", program, ...sources]);

const elf = openProgram(program);
const startOf = (name: string) => readelfFunctions(program).find((symbol) => symbol.name === name)!.start;
const offsets = ["one", "two"].map((name) => toFileOffset(elf, startOf(name))!);

function ask(fileOffsets: readonly number[], linesBudgetMs: number, file = program): SymbolizeResult {
  const fd = openSync(file, "r");
  try {
    const request = { executable: 3 as ExecutableSerial, fd, name: "program", linesBudgetMs };
    return symbolize({ ...request, fileOffsets: Float64Array.from(fileOffsets) }, createResolverCache());
  } finally {
    closeSync(fd);
  }
}

function inWords(result: SymbolizeResult): string[] {
  return Array.from(result.chainIndices, (chain) => chainInWords(result, chain).replaceAll(`${directory}/`, ""));
}

const WHOLE = ["one", "two"].map((name) => `inner inner.h:1:2 < outer ${name}.c:2:3 < ${name} ${name}.c:5:6`);

describe("lines of a file with debug information", () => {
  it("come with what was inlined, innermost first", () => {
    const result = ask(offsets, Infinity);
    assert.deepEqual(inWords(result), WHOLE);
    assert.deepEqual([...result.provisional], [0, 0]);
    assert.deepEqual(result.withoutLines, {});
  });

  it("hold for all addresses that the answer says it holds for", () => {
    const [first] = offsets;
    const { rangeStarts, rangeLimits } = ask([first], Infinity);
    assert.ok(rangeLimits[0] - rangeStarts[0] >= 1);
    for (let offset = rangeStarts[0]; offset < rangeLimits[0]; offset++) {
      assert.deepEqual(inWords(ask([offset], Infinity)), [WHOLE[0]]);
    }
    assert.notDeepEqual(inWords(ask([rangeLimits[0]], Infinity)), [WHOLE[0]]);
  });

  it("are told without a symbol table too", () => {
    const stripped = join(directory, "no-symbols");
    execFileSync("objcopy", ["--strip-all", "--keep-section=.debug*", program, stripped]);
    const result = ask(offsets, Infinity, stripped);
    assert.deepEqual(inWords(result), WHOLE);
    assert.deepEqual(result.unresolved, {});
  });

  it("take the compiler's name for a part that it split off from the symbol table", () => {
    const source = join(directory, "cold.c");
    writeFileSync(
      source,
      `void rare(int) __attribute__((cold, noinline)); void rare(int x) { __asm__ volatile("" :: "r"(x)); }
       __attribute__((noinline)) int hot(int x) { if (__builtin_expect(x > 9, 0)) { rare(x); rare(x + 1); __builtin_trap(); } return x; }
       int main(int n) { return hot(n); }`,
    );
    const split = join(directory, "cold");
    execFileSync("gcc", ["-g", "-O2", "-o", split, source]);
    const cold = readelfFunctions(split).find(({ name }) => name === "hot.cold");
    assert.ok(cold);
    const [words] = inWords(ask([toFileOffset(openProgram(split), cold.start)!], Infinity, split));
    assert.match(words, /^hot\.cold cold\.c:2:2$/);
  });

  it("are not waited for: what there was no time for has its symbol's name, and is asked again", async () => {
    // A budget that is over before it begins: one unit of code is read in any case, and the other postponed.
    const late = ask(offsets, 1e-9);
    assert.deepEqual(inWords(late), [WHOLE[0], "two"]);
    assert.deepEqual([...late.provisional], [0, 1]);
    assert.deepEqual(late.withoutLines, { postponed: 1 });

    const never = ask(offsets, 0);
    assert.deepEqual(inWords(never), ["one", "two"]);
    assert.deepEqual([...never.provisional], [1, 1]);

    const fd = openSync(program, "r");
    const asked: number[][] = [];
    const resolvers = createResolverCache();
    const namer: Namer = {
      symbolize(request) {
        asked.push([...request.fileOffsets]);
        return Promise.resolve(symbolize({ ...request, linesBudgetMs: 1e-9 }, resolvers));
      },
      kernel: (addresses) => Promise.resolve(resolveKernelSymbols(addresses)),
    };
    const cache = new NameCache(namer, 1 << 20);
    const request = { executable: 3 as ExecutableSerial, name: "program", fileOffsets: Float64Array.from(offsets) };
    assert.deepEqual(inWords(await cache.symbolize({ ...request, fd })), [WHOLE[0], "two"]);
    // Let go before it could be asked again: the name that there is stays.
    assert.deepEqual(inWords(await cache.symbolize({ ...request, fd: -1 })), [WHOLE[0], "two"]);
    assert.deepEqual(inWords(await cache.symbolize({ ...request, fd })), WHOLE);
    assert.deepEqual(inWords(await cache.symbolize({ ...request, fd })), WHOLE);
    assert.deepEqual(asked, [offsets, [offsets[1]]]);
    assert.deepEqual([...cache.withoutLines], [["postponed", 1]]);
    closeSync(fd);
  });
});
