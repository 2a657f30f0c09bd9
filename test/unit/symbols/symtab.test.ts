import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { MemorySource } from "#src/elf/byte-source.js";
import { type ElfFile, isRefusal } from "#src/elf/elf-file.js";
import { parseElf } from "#src/elf/parser.js";
import { asLoaded } from "#src/symbols/symbol-files.js";
import { SymtabResolver } from "#src/symbols/symtab.js";
import { describeResolver } from "../../support/describe-resolver.js";
import { byStart, openImage, openProgram, readelfFunctions } from "../../support/elf-image.js";

const directory = mkdtempSync(join(tmpdir(), "hostflame-symbols-"));
after(() => rmSync(directory, { recursive: true }));

/** Code at addresses that do not change with compilers: each function is so many one-byte instructions. */
const assembly = join(directory, "fixed.s");
writeFileSync(
  assembly,
  `
  .macro function name, bytes
  .type \\name, @function
\\name:
  .skip \\bytes, 0x90
  .size \\name, \\bytes
  .endm

  .section .fixed, "ax", @progbits
  .globl _start, exported, __exported, twin_of_exported
  .weak weak_alias
  function _start, 16
  .skip 16, 0x90                # 0x10: nobody's
exported:
__exported:
weak_alias:
local_alias:
twin_of_exported:
  .type exported, @function
  .type __exported, @function
  .type weak_alias, @function
  .type local_alias, @function
  .type twin_of_exported, @function
  .skip 32, 0x90                # 0x20
  .size exported, 32
  .size __exported, 32
  .size weak_alias, 32
  .size local_alias, 32
  .size twin_of_exported, 32
  .type unsized, @function
unsized:
  .skip 16, 0x90                # 0x40, to 0x50
  .type outer, @function
outer:
  .skip 16, 0x90                # 0x50
  function inner, 8             # 0x60
  .skip 24, 0x90                # 0x68
  .size outer, 48
label:                          # 0x80, no type
  .skip 16, 0x90
  .type chosen, @gnu_indirect_function
chosen:
  .skip 16, 0x90                # 0x90
  .size chosen, 16
  .type last, @function
last:                           # 0xa0, no size, to the section's end
  .skip 16, 0x90
  .text
  function elsewhere, 4
`,
);

function link(name: string, ...options: readonly string[]): string {
  const file = join(directory, name);
  execFileSync("gcc", ["-nostdlib", "-nostartfiles", "-o", file, assembly, "-Wl,--build-id=none", ...options]);
  return file;
}

const BASE = 0x500000;
const SECTION_START = `-Wl,--section-start=.fixed=0x${BASE.toString(16)}`;
const fixed = link("fixed", "-static", "-no-pie", SECTION_START);
const pie = link("pie", "-pie", SECTION_START);
const library = link("library", "-shared", SECTION_START);
const stripped = link("stripped", "-shared", "-s", SECTION_START);
const known = (list: readonly [number, string, number][]) =>
  list.map(([offset, systemName, start]) => ({ elfAddress: BASE + offset, systemName, start: BASE + start }));

const everySymbol = known([
  [0x00, "_start", 0x00],
  [0x0f, "_start", 0x00],
  [0x20, "exported", 0x20],
  [0x3f, "exported", 0x20],
  [0x40, "unsized", 0x40],
  [0x4f, "unsized", 0x40],
  [0x50, "outer", 0x50],
  [0x60, "inner", 0x60],
  [0x67, "inner", 0x60],
  [0x68, "outer", 0x50],
  [0x7f, "outer", 0x50],
  [0x80, "label", 0x80],
  [0x8f, "label", 0x80],
  [0x90, "chosen", 0x90],
  [0xa0, "last", 0xa0],
  [0xaf, "last", 0xa0],
]);
const nowhere = [0x10, 0x1f, 0xb0, 0x1000].map((offset) => BASE + offset);

for (const [what, file] of [
  ["a static program", fixed],
  ["a position-independent program", pie],
]) {
  describeResolver(what, () => ({
    make: () => new SymtabResolver(openProgram(file)),
    known: everySymbol,
    uncovered: nowhere,
    maxBytes: 16 * 1024,
  }));
}

describeResolver("a program of which the addresses are known that will be asked for", () => ({
  make: () => {
    const elf = openProgram(fixed);
    const resolver = new SymtabResolver(elf);
    const asked = [...everySymbol.map(({ elfAddress }) => elfAddress), ...nowhere].reverse();
    resolver.reopen([{ origin: "own", elf, identity: "" }], Float64Array.from(asked));
    return resolver;
  },
  known: everySymbol,
  uncovered: nowhere,
  maxBytes: 16 * 1024,
}));

describeResolver("a stripped library", () => ({
  make: () => new SymtabResolver(openProgram(stripped)),
  known: known([
    [0x00, "_start", 0x00],
    [0x20, "exported", 0x20],
  ]),
  // Local functions were stripped: what they were lies between, and is nobody's.
  uncovered: [0x10, 0x40, 0x50, 0x60, 0x80, 0x90, 0xa0].map((offset) => BASE + offset),
  maxBytes: 16 * 1024,
}));

const [debug, bare] = ["library.debug", "library.stripped"].map((name) => join(directory, name));
execFileSync("objcopy", ["--only-keep-debug", library, debug]);
execFileSync("objcopy", ["--strip-all", library, bare]);

describeResolver("a stripped library with its debug file", () => ({
  make: () => {
    const elf = openProgram(bare);
    const resolver = new SymtabResolver(elf);
    resolver.reopen([
      { origin: "own", elf, identity: "" },
      { origin: "debugfile", elf: asLoaded(openProgram(debug), elf), identity: "1" },
    ]);
    return resolver;
  },
  known: everySymbol,
  uncovered: nowhere,
  maxBytes: 32 * 1024,
}));

describe("a file without symbols", () => {
  it("says so", () => {
    const file = link("bare", "-static", "-no-pie", "-s", SECTION_START);
    assert.equal(new SymtabResolver(openProgram(file)).resolve(BASE), "no-symbols");
  });
});

/** Every function of a program of this machine, at its first byte, its middle and its last. */
function agreeWithReadelf(file: string): void {
  const resolver = new SymtabResolver(openProgram(file));
  const functions = readelfFunctions(file);
  assert.ok(functions.length > 500, `${functions.length} functions in ${file}`);
  const atStart = byStart(functions);
  const starts = [...atStart.keys()].sort((one, other) => one - other);
  const covering = (address: number, upTo: number) => {
    for (let at = upTo; at >= 0; at--) {
      const covers = atStart.get(starts[at])!.filter(({ start, size }) => size === 0 || address < start + size);
      if (covers.length > 0) return covers;
    }
    return [];
  };
  starts.forEach((start, at) => {
    const next = starts[at + 1] ?? Number.POSITIVE_INFINITY;
    const end = Math.min(start + Math.max(...atStart.get(start)!.map(({ size }) => size), 1), next);
    for (const address of new Set([start, start + Math.floor((end - start) / 2), end - 1])) {
      const expected = covering(address, at);
      const found = resolver.resolve(address);
      assert.ok(typeof found !== "string", `0x${address.toString(16)}: ${JSON.stringify(found)}`);
      assert.equal(found.start, expected[0].start);
      assert.ok(
        expected.some(({ name }) => name === found.systemName.replace(/@.*/, "")),
        found.systemName,
      );
    }
  });
}

function libraryPath(name: string): string {
  const list = execFileSync("/sbin/ldconfig", ["-p"], { encoding: "utf8" });
  return realpathSync(new RegExp(`\\t${name.replaceAll("+", "\\+")} .*x86-64.*=> (.*)`).exec(list)![1]);
}

describe("symbols of this machine's programs", () => {
  for (const [what, file] of [
    ["bash", "/bin/bash"],
    ["libc", libraryPath("libc.so.6")],
    ["libstdc++", libraryPath("libstdc++.so.6")],
    ["node", process.execPath],
  ]) {
    it(`are readelf's for every function of ${what}`, () => agreeWithReadelf(file));
  }

  it("are addr2line's, but for aliases, in a static program", () => {
    const file = join(directory, "whole");
    writeFileSync(`${file}.c`, '#include <stdio.h>\nint main(void) { return puts(stdin ? "" : "x"); }\n');
    execFileSync("gcc", ["-static", "-o", file, `${file}.c`]);
    const resolver = new SymtabResolver(openProgram(file));
    const functions = readelfFunctions(file);
    const addresses = functions.filter(({ size }) => size > 1).map(({ start, size }) => start + (size >> 1));
    const input = addresses.map((address) => `0x${address.toString(16)}\n`).join("");
    const output = execFileSync("addr2line", ["-f", "-e", file], { input, encoding: "utf8" });
    const names = output.split("\n").filter((_, index) => index % 2 === 0);
    const aliases = byStart(functions);
    assert.ok(addresses.length > 1000);
    addresses.forEach((address, index) => {
      const found = resolver.resolve(address);
      assert.ok(typeof found !== "string");
      const alias = aliases.get(found.start)!.some(({ name }) => name === names[index].replace(/@.*/, ""));
      assert.ok(alias, `0x${address.toString(16)}: ${found.systemName}, addr2line ${names[index]}`);
    });
  });

  it("choose the name that people call of aliases", () => {
    const file = libraryPath("libc.so.6");
    const resolver = new SymtabResolver(openProgram(file));
    const start = (name: string) => readelfFunctions(file).find((symbol) => symbol.name === name)!.start;
    for (const name of ["malloc", "write", "qsort", "puts", "fork", "clock_gettime"]) {
      const found = resolver.resolve(start(name));
      assert.equal(typeof found === "string" ? found : found.systemName.replace(/@.*/, ""), name);
    }
  });
});

/** Every instruction that objdump puts under a label `name@plt`. */
function agreeWithObjdump(file: string, objdump: string, minimum: number): void {
  const resolver = new SymtabResolver(openProgram(file));
  let stubs = 0;
  for (const section of [".plt", ".plt.sec", ".plt.got"]) {
    let text = "";
    try {
      text = execFileSync(objdump, ["-d", "-j", section, file], {
        encoding: "utf8",
        stdio: "pipe",
        maxBuffer: 2 ** 28,
      });
    } catch {
      continue; // no such section
    }
    let label = { name: "", start: 0 };
    for (const line of text.split("\n")) {
      const [, start, name] = /^([0-9a-f]{16}) <(.*)>:/.exec(line) ?? [];
      if (name !== undefined) label = { name: name.replace(/@.*(?=@plt)/, ""), start: Number.parseInt(start, 16) };
      const [, address, code] = /^ +([0-9a-f]+):\t(.*)/.exec(line) ?? [];
      // Local ifuncs are `*ABS*+0x1234@plt` to objdump; padding belongs to nobody.
      if (address === undefined || !/^[^*]+@plt$/.test(label.name) || /\bnop/.test(code)) continue;
      const found = resolver.resolve(Number.parseInt(address, 16));
      assert.ok(typeof found !== "string", line);
      assert.deepEqual([found.systemName, found.start], [label.name, label.start], line);
      stubs++;
    }
  }
  assert.ok(stubs >= minimum, `${stubs} instructions`);
}

describe("PLT stubs", () => {
  const source = join(directory, "calls.c");
  writeFileSync(
    source,
    `#include <stdio.h>
     #include <stdlib.h>
     int main(int argc, char **argv) { void (*leave)(int) = exit; free(malloc(argc)); puts(argv[0]); leave(0); }`,
  );
  const layouts: Record<string, readonly string[]> = {
    "bound at start": ["-Wl,-z,now"],
    "bound lazily": ["-Wl,-z,lazy"],
    "not position-independent": ["-no-pie", "-Wl,-z,lazy"],
    "of IBT": ["-fcf-protection=full", "-Wl,-z,ibtplt", "-Wl,-z,lazy"],
  };
  for (const [what, options] of Object.entries(layouts)) {
    it(`are objdump's, ${what}`, () => {
      const file = join(directory, "calls");
      execFileSync("gcc", ["-O0", "-o", file, source, ...options]);
      agreeWithObjdump(file, "objdump", 3);
    });
  }

  it("are objdump's, in bash and node", () => {
    agreeWithObjdump("/bin/bash", "objdump", 500);
    agreeWithObjdump(process.execPath, "objdump", 1000);
  });

  it("are named before lazy binding, too", () => {
    const file = join(directory, "lazy");
    execFileSync("gcc", ["-O0", "-o", file, source, "-fcf-protection=full", "-Wl,-z,ibtplt", "-Wl,-z,lazy"]);
    const elf = openProgram(file);
    const plt = elf.sections.find(({ name }) => name === ".plt")!;
    const resolver = new SymtabResolver(elf);
    const names = Array.from({ length: plt.size / 16 }, (_, index) => resolver.resolve(plt.elfAddress + 16 * index));
    assert.equal(names[0], "not-covered");
    assert.deepEqual(
      names
        .slice(1)
        .map((found) => typeof found !== "string" && found.systemName)
        .sort(),
      ["free@plt", "malloc@plt", "puts@plt"],
    );
  });

  it("of a static program are named after what chooses their target", () => {
    const file = join(directory, "static");
    execFileSync("gcc", ["-O0", "-static", "-o", file, source]);
    const elf = openProgram(file);
    const plt = elf.sections.find(({ name }) => name === ".plt")!;
    const resolver = new SymtabResolver(elf);
    for (let at = 0; at < plt.size; at += 8) {
      const found = resolver.resolve(plt.elfAddress + at);
      assert.match(typeof found === "string" ? found : found.systemName, /^\w+@plt$/);
    }
  });

  it("of arm64 are objdump's", (context) => {
    const file = join(directory, "arm64");
    try {
      execFileSync("aarch64-linux-gnu-gcc", ["-O0", "-o", file, source], { stdio: "pipe" });
    } catch {
      return context.skip("needs gcc-aarch64-linux-gnu");
    }
    agreeWithObjdump(file, "aarch64-linux-gnu-objdump", 12);
  });
});

describe("a table of which a part is asked for", () => {
  const image = readFileSync(fixed);
  const symtab = openImage(image).sections.find(({ name }) => name === ".symtab")!;
  const own = (elf: ElfFile) => [{ origin: "own", elf, identity: "" } as const];

  it("answers as the whole one does, names and how far they hold, whatever its symbols are", () => {
    const symbol = fc.record({
      start: fc.nat(0xbf),
      size: fc.constantFrom(0, 1, 8, 16, 64, 256),
      info: fc.constantFrom(0x02, 0x12, 0x22, 0x10, 0x0a),
    });
    const count = symtab.size / 24;
    fc.assert(
      fc.property(
        fc.array(symbol, { minLength: count, maxLength: count }),
        fc.array(fc.nat(0xc7), { minLength: 1, maxLength: 6 }),
        (symbols, offsets) => {
          const copy = Buffer.from(image);
          for (const [index, { start, size, info }] of symbols.entries()) {
            const entry = symtab.fileOffset + 24 * index;
            copy[entry + 4] = info;
            copy.writeUInt16LE(1, entry + 6);
            copy.writeBigUInt64LE(BigInt(BASE + start), entry + 8);
            copy.writeBigUInt64LE(BigInt(size), entry + 16);
          }
          const asked = offsets.map((offset) => BASE + offset);
          const whole = new SymtabResolver(openImage(copy));
          const part = new SymtabResolver(openImage(copy));
          part.reopen(own(openImage(copy)), Float64Array.from(asked));
          for (const address of asked) {
            const found = whole.resolve(address);
            assert.deepEqual(part.resolve(address), found);
            if (typeof found === "string") assert.deepEqual(part.gapAround(address), whole.gapAround(address));
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("is read as a whole for an address that nobody said would be asked for", () => {
    const elf = openImage(image);
    const resolver = new SymtabResolver(elf);
    resolver.reopen(own(elf), Float64Array.of(BASE + 0x20));
    const few = resolver.bytes;
    const nameAt = (offset: number) => {
      const found = resolver.resolve(BASE + offset);
      return typeof found === "string" ? found : found.systemName;
    };
    assert.equal(nameAt(0x20), "exported");
    const little = resolver.bytes - few;
    assert.equal(nameAt(0x60), "inner");
    assert.ok(resolver.bytes - few > little, `${resolver.bytes - few} bytes after ${little}`);
  });

  it("keeps nothing of the part from one batch to the next", () => {
    const elf = openImage(image);
    const resolver = new SymtabResolver(elf);
    const before = resolver.bytes;
    resolver.reopen(own(elf), Float64Array.of(BASE + 0x20));
    assert.notEqual(typeof resolver.resolve(BASE + 0x20), "string");
    resolver.closeSources();
    assert.equal(resolver.bytes, before);
  });
});

describe("hostile symbol tables", () => {
  const image = readFileSync(fixed);
  const sections = openImage(image).sections;
  const symtab = sections.find(({ name }) => name === ".symtab")!;

  it("damaged anywhere give an answer", () => {
    const damage = fc.array(fc.tuple(fc.nat(image.length - 1), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 24,
    });
    const inTable = fc.array(fc.tuple(fc.nat(symtab.size - 1), fc.constantFrom(0, 1, 0x12, 0x7f, 0x80, 0xff)), {
      maxLength: 48,
    });
    fc.assert(
      fc.property(damage, inTable, (anywhere, within) => {
        const copy = Buffer.from(image);
        for (const [at, value] of anywhere) copy[at] = value;
        for (const [at, value] of within) copy[symtab.fileOffset + at] = value;
        const elf = parseElf(new MemorySource(copy));
        if (isRefusal(elf)) return;
        const resolver = new SymtabResolver(elf);
        for (let offset = 0; offset < 0xc0; offset += 8) resolver.resolve(BASE + offset);
        assert.ok(resolver.bytes < 1024 * 1024);
      }),
      { numRuns: 1000 },
    );
  });

  it("of millions of symbols are refused, with the reason", () => {
    const copy = Buffer.alloc(image.length + 24 * 2 ** 21 + 48);
    image.copy(copy);
    const header = image.readUInt32LE(40) + 64 * sections.indexOf(symtab);
    copy.writeUInt32LE(image.length, header + 24);
    copy.writeUInt32LE(copy.length - image.length, header + 32);
    assert.equal(new SymtabResolver(openImage(copy)).resolve(BASE), "limit-exceeded");
  });

  it("of symbols that all start at one address cost little", () => {
    const count = 200_000;
    const copy = Buffer.alloc(image.length + 24 * count);
    image.copy(copy);
    const exported = image.subarray(symtab.fileOffset, symtab.fileOffset + symtab.size);
    const entry = Array.from({ length: symtab.size / 24 }, (_, index) =>
      exported.subarray(24 * index, 24 * index + 24),
    ).find((candidate) => candidate.readUInt32LE(8) === BASE + 0x20)!;
    for (let index = 0; index < count; index++) entry.copy(copy, image.length + 24 * index);
    const header = image.readUInt32LE(40) + 64 * sections.indexOf(symtab);
    copy.writeUInt32LE(image.length, header + 24);
    copy.writeUInt32LE(24 * count, header + 32);
    const resolver = new SymtabResolver(openImage(copy));
    const start = performance.now();
    for (let index = 0; index < 100; index++) assert.notEqual(typeof resolver.resolve(BASE + 0x20), "string");
    assert.equal(resolver.resolve(BASE + 0xa0), "not-covered");
    assert.ok(performance.now() - start < 5000);
  });
});
