import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { type Companions, lookUpLines } from "#src/debuginfo/debug-info.js";
import { buildInlined } from "../../fixtures/inlined/build.js";
import { compareLines } from "../../support/compare-lines.js";
import { dwzCommand } from "../../support/dwz.js";
import { openProgram } from "../../support/elf-image.js";
import { randomAddresses } from "../../support/random-addresses.js";

const directory = mkdtempSync(path.join(tmpdir(), "hostflame-companions-"));
after(() => rmSync(directory, { recursive: true }));

const LIMITS = { deadlineMs: Infinity, maxInflatedBytes: 1 << 28 };

describe("what was split off into .dwo files", () => {
  const beside: Companions = {
    split(name, compDir) {
      const file = path.resolve(compDir, name);
      return existsSync(file) ? openProgram(file) : undefined;
    },
  };
  for (const compiler of ["g++", "clang++"] as const) {
    for (const dwarf of [4, 5] as const) {
      it(`by ${compiler} with DWARF ${dwarf} is llvm-symbolizer's`, () => {
        const folder = path.join(directory, `${compiler}-${dwarf}`);
        mkdirSync(folder);
        const program = path.join(folder, "program");
        buildInlined(compiler, dwarf, program, ["-gsplit-dwarf"], folder);
        assert.ok(compareLines(program, { companions: beside }) > 500);
      });
    }
  }

  // Of DWARF 5 Debian 12's binutils has a dwp that crashes, and its LLVM's never ends with gcc's.
  for (const [compiler, dwarf, packer] of [
    ["g++", 4, "dwp"],
    ["g++", 4, "llvm-dwp"],
    ["clang++", 4, "dwp"],
    ["clang++", 5, "llvm-dwp"],
  ] as const) {
    const skip = spawnSync(packer, ["--version"]).status !== 0 && `needs ${packer}`;
    it(`by ${compiler} with DWARF ${dwarf}, and put together by ${packer}, is so too`, { skip }, () => {
      const folder = path.join(directory, `${compiler}-${dwarf}-${packer}`);
      mkdirSync(folder);
      const [program, packed] = ["program", "packed.dwp"].map((name) => path.join(folder, name));
      const other = path.join(folder, "other.o");
      buildInlined(compiler, dwarf, other, ["-gsplit-dwarf", "-c", "-w", "-Dmain=other_main"], folder);
      buildInlined(compiler, dwarf, program, ["-gsplit-dwarf", other], folder);
      execFileSync(packer, ["-e", program, "-o", packed], { cwd: folder, timeout: 60_000 });
      assert.ok(compareLines(program, { companions: { package: () => openProgram(packed) } }) > 1000);
      // What is in no package is looked for by itself.
      assert.ok(compareLines(program, { companions: { ...beside, package: () => openProgram(program) } }) > 1000);
    });
  }

  it("is left out where there is no such file, or one of another build", () => {
    const folder = path.join(directory, "other");
    mkdirSync(folder);
    const program = path.join(folder, "program");
    buildInlined("g++", 5, program, ["-gsplit-dwarf"], folder);
    const addresses = randomAddresses(openProgram(program), 500);
    const other = path.join(directory, "other.dwo");
    buildInlined("g++", 5, path.join(folder, "second"), ["-gsplit-dwarf", "-DSECOND", "-O1"], folder);
    copyFileSync(path.join(folder, "second-inlined.dwo"), other);
    for (const companions of [{}, { split: () => undefined }, { split: () => openProgram(other) }] as Companions[]) {
      const answers = lookUpLines(openProgram(program), addresses, { ...LIMITS, companions });
      assert.ok(answers.filter(({ lines }) => (lines.at(0)?.line ?? 0) > 0).length > 300);
      assert.ok(answers.every(({ lines }) => lines.length <= 1));
    }
  });
});

describe("what dwz has put together", () => {
  const dwz = dwzCommand();
  it(
    "in one file, and in a supplementary one, is what it was before",
    { skip: dwz === undefined && "needs dwz" },
    () => {
      const [one, two] = ["one", "two"].map((name) => path.join(directory, name));
      buildInlined("g++", 5, one);
      buildInlined("g++", 5, two, ["-O1"]);
      const before = path.join(directory, "before");
      copyFileSync(one, before);
      const alone = path.join(directory, "alone");
      execFileSync(dwz!, ["-o", alone, one]);
      assert.ok(compareLines(alone, { program: before }) > 500);
      execFileSync(dwz!, ["-m", path.join(directory, "shared"), "-M", "shared", one, two]);
      const asked: string[] = [];
      const companions: Companions = {
        supplementary({ name, buildId }) {
          asked.push(name);
          assert.match(buildId, /^[0-9a-f]{40}$/);
          return openProgram(path.join(directory, name));
        },
      };
      assert.ok(compareLines(one, { program: before, companions }) > 500);
      assert.deepEqual(asked, ["shared"]);
      // Without it functions that are inlined have no names, and lines are told all the same.
      const addresses = randomAddresses(openProgram(before), 500);
      const answers = lookUpLines(openProgram(one), addresses, LIMITS);
      assert.ok(answers.filter(({ lines }) => (lines.at(0)?.line ?? 0) > 0).length > 300);
    },
  );
});
