import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { isRefusal, toFileOffset } from "#src/elf/elf-file.js";
import { openMiniDebugInfo } from "#src/elf/mini-debug-info.js";
import type { ExecutableSerial } from "#src/model/brand.js";
import { createResolverCache } from "#src/symbols/cache.js";
import { symbolize } from "#src/symbols/symbolize.js";
import { SymtabResolver } from "#src/symbols/symtab.js";
import { buildInlined } from "../../fixtures/inlined/build.js";
import { byStart, openImage, openProgram, readelfFunctions } from "../../support/elf-image.js";
import { fuzz, mutated, withinMs } from "../../support/fuzz.js";

const directory = mkdtempSync(path.join(tmpdir(), "hostflame-minidebug-"));
after(() => rmSync(directory, { recursive: true }));

const LIMITS = { maxInflatedBytes: 1 << 24 };
const at = (name: string) => path.join(directory, name);

function symbolsOf(file: string, options: readonly string[], types: RegExp): string[] {
  const text = execFileSync("nm", [...options, "--format=posix", "--defined-only", file], { encoding: "utf8" });
  const lines = text.split("\n").map((line) => line.split(" "));
  return lines.filter(([, type = ""]) => types.test(type)).map(([name]) => name);
}

/** Strips a program as Fedora's find-debuginfo does: functions that .dynsym has not are left, in a file of their own. */
function stripAsFedora(program: string, output: string): void {
  const [debug, mini, keep] = [at("debug"), at("mini"), at("keep")];
  execFileSync("objcopy", ["--only-keep-debug", program, debug]);
  const exported = new Set(symbolsOf(program, ["-D"], /./));
  const functions = symbolsOf(debug, [], /^[TtD]$/).filter((name) => !exported.has(name));
  writeFileSync(keep, functions.join("\n"));
  const unwanted = ["--remove-section=.gdb_index", "--remove-section=.comment"];
  execFileSync("objcopy", ["-S", ...unwanted, `--keep-symbols=${keep}`, debug, mini]);
  writeFileSync(`${mini}.xz`, execFileSync("xz", ["-c", mini]));
  execFileSync("strip", ["-o", output, program]);
  execFileSync("objcopy", [`--add-section=.gnu_debugdata=${mini}.xz`, output]);
}

describe("a program that was stripped as Fedora does", () => {
  const program = at("program");
  const stripped = at("stripped");
  buildInlined("g++", 5, program, ["-fno-inline", "-rdynamic"]);
  stripAsFedora(program, stripped);

  it("has its functions in .gnu_debugdata", () => {
    const mini = openMiniDebugInfo(openProgram(stripped), LIMITS);
    assert.ok(mini !== undefined && !isRefusal(mini), JSON.stringify(mini));
    const own = new SymtabResolver(openProgram(stripped));
    const inner = new SymtabResolver(mini);
    let [named, byMini] = [0, 0];
    for (const [start, aliases] of byStart(readelfFunctions(program))) {
      if (start === 0 || aliases.every(({ size }) => size === 0)) continue;
      const exported = own.resolve(start);
      const found = typeof exported === "string" ? inner.resolve(start) : exported;
      assert.ok(typeof found !== "string", `0x${start.toString(16)} ${aliases[0].name}: ${JSON.stringify(found)}`);
      assert.ok(
        aliases.some(({ name }) => name === found.systemName),
        found.systemName,
      );
      named++;
      if (typeof exported === "string") byMini++;
    }
    assert.ok(byMini > 10 && named > byMini, `${byMini} of ${named}`);
  });

  it("has the names of both when it is sampled, each counted by where it was found", () => {
    const elf = openProgram(stripped);
    const functions = readelfFunctions(program).filter(({ start, size }) => start > 0 && size > 0);
    const names = new Map(functions.map(({ start, name }) => [toFileOffset(elf, start)!, name]));
    const fileOffsets = Float64Array.from([...names.keys()].sort((a, b) => a - b));
    const fd = openSync(stripped, "r");
    try {
      const request = { executable: 1 as ExecutableSerial, fd, name: "stripped", fileOffsets };
      const cache = createResolverCache();
      for (const result of [symbolize(request, cache), symbolize(request, cache)]) {
        assert.deepEqual(result.unresolved, {});
        assert.ok(result.found.minidebuginfo! > 10 && result.found.dynsym! > 0, JSON.stringify(result.found));
        const found = Array.from(result.chainIndices, (chain) => {
          return result.functions[result.chains.functions[result.chains.offsets[chain]]].systemName;
        });
        const known = new Set(functions.map(({ name }) => name));
        assert.ok(found.every((name) => known.has(name)));
      }
    } finally {
      closeSync(fd);
    }
  });

  it("has none where there is no such section", () => {
    assert.equal(openMiniDebugInfo(openProgram(program), LIMITS), undefined);
  });

  it("is refused where what is inside is too large, no xz, or no ELF", () => {
    const refused = (bytes: Uint8Array, limits = LIMITS) => {
      const plain = at("plain");
      const inner = at("inner");
      writeFileSync(inner, bytes);
      execFileSync("objcopy", [`--add-section=.gnu_debugdata=${inner}`, program, plain]);
      const result = openMiniDebugInfo(openProgram(plain), limits);
      return result !== undefined && isRefusal(result) ? `${result.problem}: ${result.detail}` : "";
    };
    const packed = execFileSync("xz", ["-c", program]);
    assert.equal(refused(packed), "");
    assert.match(refused(packed, { maxInflatedBytes: 1000 }), /^limit-exceeded: .gnu_debugdata: \d+ bytes inflated/);
    assert.match(refused(Buffer.from("no xz, but something else")), /^malformed: .gnu_debugdata: no xz magic/);
    assert.match(refused(execFileSync("xz", ["-c"], { input: "text" })), /^malformed: .gnu_debugdata: shorter than/);
  });

  it("is no danger where it lies", () => {
    const image = readFileSync(stripped);
    const section = openImage(image).sections.find(({ name }) => name === ".gnu_debugdata")!;
    const data = image.subarray(section.fileOffset, section.fileOffset + section.size);
    fuzz(
      fc.property(mutated([data]), (bytes) => {
        const copy = Buffer.from(image);
        copy.set(bytes, section.fileOffset);
        const result = withinMs(1000, () => openMiniDebugInfo(openImage(copy), { maxInflatedBytes: 1 << 22 }));
        assert.ok(result !== undefined);
      }),
      200,
    );
  });
});
