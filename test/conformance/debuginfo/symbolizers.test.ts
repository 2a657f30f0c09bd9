import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { type Companions, type DebugAnswer, hasDebugInfo, lookUpLines } from "#src/debuginfo/debug-info.js";
import { findSectionOfType } from "#src/elf/elf-file.js";
import { readBuildId } from "#src/elf/build-id.js";
import { SHT_SYMTAB } from "#src/elf/constants.js";
import { SymtabResolver } from "#src/symbols/symtab.js";
import { buildInlined, type Compiler } from "../../fixtures/inlined/build.js";
import { addr2line } from "../../support/addr2line.js";
import { dwzCommand } from "../../support/dwz.js";
import { byStart, openProgram, readelfFunctions } from "../../support/elf-image.js";
import { llvmSymbolizer, type SymbolizerFrame } from "../../support/llvm-symbolizer.js";
import { randomAddresses } from "../../support/random-addresses.js";
import { describeVerdict, EXPLAINED, judge, type Verdict } from "../../support/symbolizer-verdict.js";

/**
 * Names, inlined calls and lines of random addresses against the two symbolizers that everybody has.
 * `ADDRESSES=20000 npm test -- conformance/debuginfo` takes larger programs, and some minutes.
 */
const ADDRESSES = Number(process.env["ADDRESSES"] ?? 1500);
const SOURCE = ADDRESSES > 3000 ? "large" : "inlined";
const LIMITS = { deadlineMs: Infinity, maxInflatedBytes: 1 << 28 };
const LIBC = "/lib/x86_64-linux-gnu/libc.so.6";
/** Asked for: 99.9 % of the chains and 99.5 % of files and lines are equal. */
const CHAINS = 0.999;
const PLACES = 0.995;

const directory = mkdtempSync(path.join(tmpdir(), "hostflame-symbolizers-"));
after(() => rmSync(directory, { recursive: true }));
const at = (name: string) => path.join(directory, name);

function check(t: TestContext, what: string, verdict: Verdict): void {
  t.diagnostic(describeVerdict(what, verdict));
  const explained = new Set<string>(Object.values(EXPLAINED));
  const wrong = (why: string) => verdict.differences.get(why)?.count ?? 0;
  for (const [why, { example }] of verdict.differences) if (!explained.has(why)) t.diagnostic(`${why}: ${example}`);
  assert.ok(wrong("another chain") <= verdict.addresses * (1 - CHAINS), what);
  assert.ok(wrong("another place") <= verdict.addresses * (1 - PLACES), what);
}

function look(file: string, addresses: Float64Array, companions?: Companions): DebugAnswer[] {
  return lookUpLines(openProgram(file), addresses, companions === undefined ? LIMITS : { ...LIMITS, companions });
}

const beside: Companions = {
  split(name, compDir) {
    const file = path.resolve(compDir, name);
    return existsSync(file) ? openProgram(file) : undefined;
  },
};

for (const compiler of ["g++", "clang++", "rustc"] as const) {
  for (const dwarf of [4, 5] as const) describeCompiler(compiler, dwarf);
}

function describeCompiler(compiler: Compiler, dwarf: 4 | 5): void {
  describe(`a program of ${compiler} with DWARF ${dwarf}`, () => {
    const program = at(`${compiler}-${dwarf}`);
    let addresses: Float64Array = new Float64Array(0);
    let expected: SymbolizerFrame[][] = [];
    // Building and asking takes a minute for a large program: not before its turn.
    before(() => {
      buildInlined(compiler, dwarf, program, [], directory, SOURCE);
      addresses = randomAddresses(openProgram(program), ADDRESSES);
      expected = llvmSymbolizer(program, addresses);
    });
    const compare = (t: TestContext, what: string, file: string, companions?: Companions) => {
      check(t, what, judge(addresses, look(file, addresses, companions), expected, false));
    };

    it("is what llvm-symbolizer says", (t) => compare(t, "llvm-symbolizer", program));

    it("is what addr2line says, but for what is known of it", (t) => {
      check(t, "addr2line", judge(addresses, look(program, addresses), addr2line(program, addresses), true));
    });

    for (const compression of ["zlib", "zstd"]) {
      it(`is so when compressed by ${compression}`, (t) => {
        const compressed = at(`${compiler}-${dwarf}-${compression}`);
        execFileSync("objcopy", [`--compress-debug-sections=${compression}`, program, compressed]);
        compare(t, compression, compressed);
      });
    }

    const dwz = dwzCommand();
    it(
      "is so when dwz has made it smaller, alone and with another",
      { skip: dwz === undefined && "needs dwz" },
      (t) => {
        const [one, two, alone] = ["one", "two", "alone"].map((name) => at(`${compiler}-${dwarf}-${name}`));
        const made = spawnSync(dwz!, ["-o", alone, program], { encoding: "utf8" });
        // It stops at sections that LLVM's DWARF 5 has and it does not know.
        if (made.status !== 0) return t.diagnostic(made.stderr.trim());
        compare(t, "dwz", alone);
        copyFileSync(program, one);
        copyFileSync(program, two);
        const shared = at(`${compiler}-${dwarf}-shared`);
        const { status, stderr } = spawnSync(dwz!, ["-m", shared, "-M", path.basename(shared), one, two], {
          encoding: "utf8",
        });
        if (status !== 0) return t.diagnostic(`dwz -m: ${stderr.trim()}`);
        compare(t, "dwz with a supplementary file", one, { supplementary: () => openProgram(shared) });
      },
    );

    it("is so when it was split into .dwo files, and a .dwp of them", (t) => {
      const folder = at(`${compiler}-${dwarf}-split`);
      mkdirSync(folder);
      const split = path.join(folder, "program");
      const flags = compiler === "rustc" ? ["-Csplit-debuginfo=unpacked"] : ["-gsplit-dwarf"];
      buildInlined(compiler, dwarf, split, flags, folder, SOURCE);
      const own = randomAddresses(openProgram(split), ADDRESSES);
      const oracle = llvmSymbolizer(split, own);
      check(t, ".dwo", judge(own, look(split, own, beside), oracle, false));
      // Of DWARF 5 Debian 12's dwp crashes, and its llvm-dwp never ends with gcc's.
      const packer = dwarf === 4 ? "dwp" : compiler === "clang++" ? "llvm-dwp" : undefined;
      if (packer === undefined || compiler === "rustc" || spawnSync(packer, ["--version"]).status !== 0) {
        return t.diagnostic(`no packager makes a .dwp of ${compiler}'s DWARF ${dwarf} here`);
      }
      const packed = path.join(folder, "packed.dwp");
      execFileSync(packer, ["-e", split, "-o", packed], { cwd: folder, timeout: 120_000 });
      check(t, ".dwp", judge(own, look(split, own, { package: () => openProgram(packed) }), oracle, false));
    });

    it("is so when rustc has packed it", { skip: compiler !== "rustc" && "is not Rust" }, (t) => {
      const folder = at(`rustc-${dwarf}-packed`);
      mkdirSync(folder);
      const split = path.join(folder, "program");
      buildInlined(compiler, dwarf, split, ["-Csplit-debuginfo=packed"], folder);
      const own = randomAddresses(openProgram(split), ADDRESSES);
      const answers = look(split, own, { package: () => openProgram(`${split}.dwp`) });
      check(t, "rustc's .dwp", judge(own, answers, llvmSymbolizer(split, own), false));
    });
  });
}

describe("programs of this machine", () => {
  const libcDebug = () => {
    const id = readBuildId(openProgram(LIBC));
    return `/usr/lib/debug/.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`;
  };
  const hasLibcDebug = existsSync(LIBC) && existsSync(libcDebug());
  it("libc, by its debug file", { skip: !hasLibcDebug && "needs libc6-dbg" }, (t) => {
    const addresses = randomAddresses(openProgram(LIBC), ADDRESSES);
    const companions: Companions = {
      supplementary: ({ buildId }) => {
        const file = `/usr/lib/debug/.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`;
        return existsSync(file) ? openProgram(file) : undefined;
      },
    };
    const answers = look(libcDebug(), addresses, companions);
    check(t, "llvm-symbolizer", judge(addresses, answers, llvmSymbolizer(LIBC, addresses), false));
  });

  it("node, of which most has no debug information: by its symbols", (t) => {
    const elf = openProgram(process.execPath);
    if (findSectionOfType(elf, SHT_SYMTAB) === undefined) return t.skip("this node is stripped");
    const addresses = randomAddresses(elf, ADDRESSES);
    const expected = llvmSymbolizer(process.execPath, addresses);
    const covered = hasDebugInfo(elf)
      ? look(process.execPath, addresses).filter(({ lines }) => lines.length > 0).length
      : 0;
    const resolver = new SymtabResolver(elf);
    const differences: string[] = [];
    const symbols = byStart(readelfFunctions(process.execPath));
    let [labels, aliases] = [0, 0];
    for (const [row, address] of addresses.entries()) {
      const found = resolver.resolve(address);
      const name = typeof found === "string" ? "" : found.systemName;
      const other = expected[row].at(-1)!.name;
      // What assembly leaves without a type, and stubs, are names that llvm-symbolizer does not look at.
      if (typeof found !== "string" && found.source !== "symtab" && other !== name) labels++;
      else if (typeof found !== "string" && symbols.get(found.start)?.some((alias) => alias.name === other)) {
        if (other !== name) aliases++;
      } else if (other !== name) differences.push(`0x${address.toString(16)} ${name} | ${other}`);
    }
    t.diagnostic(`${labels} labels and stubs, ${aliases} other names of one address`);
    t.diagnostic(`${covered} of ${addresses.length} have lines; ${differences.length} other names, ${differences[0]}`);
    assert.ok(differences.length <= addresses.length / 100, differences.slice(0, 5).join("\n"));
  });
});
