import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { lookUpLines } from "#src/debuginfo/debug-info.js";
import { MemorySource } from "#src/elf/byte-source.js";
import { isRefusal } from "#src/elf/elf-file.js";
import { parseElf } from "#src/elf/parser.js";
import { buildInlined } from "../../fixtures/inlined/build.js";
import { openImage, openProgram } from "../../support/elf-image.js";
import { fuzz, mutated, withinMs } from "../../support/fuzz.js";
import { randomAddresses } from "../../support/random-addresses.js";

const TIME_LIMIT_MS = 1000;
const LIMITS = { deadlineMs: Infinity, maxInflatedBytes: 1 << 22 };
const RUNS = 150;

const directory = mkdtempSync(path.join(tmpdir(), "hostflame-packagefuzz-"));
after(() => rmSync(directory, { recursive: true }));

/** Whatever the other file is: an answer for each address, each with a name or a reason. */
function lookUpWith(program: string, addresses: Float64Array, companion: Uint8Array, kind: "package" | "split"): void {
  const elf = parseElf(new MemorySource(companion));
  if (isRefusal(elf)) return;
  const answers = withinMs(TIME_LIMIT_MS, () =>
    lookUpLines(openProgram(program), addresses, { ...LIMITS, companions: { [kind]: () => elf } }),
  );
  assert.equal(answers.length, addresses.length);
  for (const [at, { lines, problem, from, limit }] of answers.entries()) {
    assert.equal(lines.length === 0, problem !== undefined);
    assert.ok(from <= addresses[at] && addresses[at] < limit);
  }
}

// As in companions.test: what packs which compiler's units here.
for (const [compiler, dwarf, packer] of [
  ["g++", 4, "dwp"],
  ["clang++", 5, "llvm-dwp"],
] as const) {
  const skip = spawnSync(packer, ["--version"]).status !== 0 && `needs ${packer}`;
  describe(`a package of ${compiler} with DWARF ${dwarf} that lies`, { skip }, () => {
    const folder = path.join(directory, `${compiler}-${dwarf}`);
    const program = path.join(folder, "program");
    let packed = new Uint8Array(0);
    let addresses: Float64Array = new Float64Array(0);
    let index = { fileOffset: 0, size: 0 };

    function build(): void {
      if (packed.length > 0) return;
      mkdirSync(folder);
      buildInlined(compiler, dwarf, program, ["-gsplit-dwarf"], folder);
      execFileSync(packer, ["-e", program, "-o", `${program}.dwp`], { cwd: folder, timeout: 60_000 });
      packed = readFileSync(`${program}.dwp`);
      addresses = randomAddresses(openProgram(program), 60);
      index = openImage(packed).sections.find(({ name }) => name === ".debug_cu_index") ?? assert.fail();
    }

    it("in its index, is answered", () => {
      build();
      const { fileOffset, size } = index;
      const section = packed.subarray(fileOffset, fileOffset + size);
      fuzz(
        fc.property(mutated([section]), (changed) => {
          const whole = Uint8Array.from(packed);
          whole.set(changed, fileOffset);
          lookUpWith(program, addresses, whole, "package");
        }),
        RUNS,
      );
    });

    it("anywhere, is answered", () => {
      build();
      fuzz(
        fc.property(mutated([packed]), (changed) => lookUpWith(program, addresses, changed, "package")),
        RUNS,
      );
    });

    it("as a split file, is answered", () => {
      build();
      fuzz(
        fc.property(mutated([packed]), (changed) => lookUpWith(program, addresses, changed, "split")),
        RUNS,
      );
    });
  });
}
