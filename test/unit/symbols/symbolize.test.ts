import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import type { ExecutableSerial } from "#src/model/brand.js";
import { executableSegments, toFileOffset } from "#src/elf/elf-file.js";
import { createResolverCache } from "#src/symbols/cache.js";
import type { SymbolizeRequest, SymbolizeResult } from "#src/symbols/resolver.js";
import { symbolize } from "#src/symbols/symbolize.js";
import { openImage, openProgram, readelfFunctions } from "../../support/elf-image.js";

const directory = mkdtempSync(join(tmpdir(), "hostflame-symbolize-"));
after(() => rmSync(directory, { recursive: true }));

const source = join(directory, "program.cc");
const program = join(directory, "program");
writeFileSync(
  source,
  `template <class T> __attribute__((noinline)) T twice(T x) { return x + x; }
   namespace deep { struct Walker { __attribute__((noinline)) int walk(int n) const { return twice(n) + 1; } }; }
   int main(int argc, char **) { return deep::Walker().walk(argc) + (int)twice(2.0); }`,
);
execFileSync("g++", ["-O1", "-Wl,--build-id=0xfeedface", "-o", program, source]);

const executable = 7 as ExecutableSerial;

function ask(file: string, fileOffsets: readonly number[], cache = createResolverCache()): SymbolizeResult {
  const fd = openSync(file, "r");
  try {
    return symbolize({ executable, fd, name: "program", fileOffsets: Float64Array.from(fileOffsets) }, cache);
  } finally {
    closeSync(fd);
  }
}

const elf = openProgram(program);
const functions = readelfFunctions(program);
const offsetOf = (name: string) => toFileOffset(elf, functions.find((symbol) => symbol.name === name)!.start)!;
const walk = offsetOf("_ZNK4deep6Walker4walkEi");
const twice = offsetOf("_Z5twiceIiET_S0_");

describe("symbolize", () => {
  it("names file offsets, demangled, each function once", () => {
    const offsets = [offsetOf("main"), walk, walk + 4, twice].sort((one, other) => one - other);
    const result = ask(program, offsets);
    const named = Array.from(result.chainIndices, (index) => result.functions[index].name);
    assert.deepEqual(
      named,
      offsets.map((offset) =>
        offset === offsetOf("main")
          ? "main"
          : offset === twice
            ? "int twice<int>(int)"
            : "deep::Walker::walk(int) const",
      ),
    );
    assert.equal(result.functions.length, 3);
    assert.equal(result.functions[result.chainIndices[offsets.indexOf(twice)]].systemName, "_Z5twiceIiET_S0_");
    assert.equal(result.buildId, "feedface");
    assert.equal(result.executable, executable);
    assert.deepEqual(result.unresolved, {});
    const [text] = executableSegments(elf);
    assert.ok(result.textStart <= text.elfAddress && result.textLimit >= text.elfAddress + text.memorySize);
    assert.equal(result.textStart - result.textFileOffset, text.elfAddress - text.fileOffset);
    assert.equal(result.textStart % 4096, 0);
    offsets.forEach((offset, at) => assert.equal(toFileOffset(elf, result.elfAddresses[at]), offset));
    assert.equal(toFileOffset(elf, result.symbolStarts[offsets.indexOf(walk + 4)]), walk);
  });

  it("counts what has no name, with the reason", () => {
    const result = ask(program, [walk, elf.source.size + 1, 2 ** 60]);
    assert.deepEqual([...result.chainIndices], [0, -1, -1]);
    assert.deepEqual(result.unresolved, { "unmapped-offset": 2 });
    assert.equal(result.elfAddresses[1], elf.source.size + 1);
    assert.deepEqual([...result.symbolStarts.slice(1)], [0, 0]);
  });

  it("takes what is no ELF file, or cannot be read", () => {
    assert.deepEqual(ask(source, [0, 10]).unresolved, { "no-symbols": 2 });
    const closed = openSync(program, "r");
    closeSync(closed);
    const request: SymbolizeRequest = { executable, fd: closed, name: "gone", fileOffsets: Float64Array.of(1) };
    assert.deepEqual(symbolize(request, createResolverCache()).unresolved, { "read-failed": 1 });
    assert.deepEqual(symbolize({ ...request, fd: -1 }, createResolverCache()).unresolved, { "let-go": 1 });
    assert.deepEqual(ask("/", [1]).unresolved, { "read-failed": 1 });
  });

  it("answers from the cache through another descriptor", () => {
    const cache = createResolverCache();
    const first = ask(program, [walk], cache);
    const { bytes } = cache;
    assert.equal(cache.size, 1);
    assert.ok(bytes > 0 && bytes < 64 * 1024);
    assert.deepEqual(ask(program, [walk], cache), first);
    assert.equal(cache.bytes, bytes);
  });

  it("keeps within its budget", () => {
    const cache = createResolverCache(1);
    assert.equal(ask(program, [walk], cache).chainIndices[0], 0);
    assert.equal(cache.size, 0);
  });

  it("names the vDSO's functions", (context) => {
    const image = readVdso();
    if (image === undefined) return context.skip("this process has no vDSO");
    const file = join(directory, "vdso.so");
    writeFileSync(file, image);
    const vdso = openImage(image);
    const symbols = readelfFunctions(file);
    assert.ok(symbols.length > 3);
    const starts = [...new Set(symbols.map(({ start }) => start))].sort((one, other) => one - other);
    const fileOffsets = Float64Array.from(starts, (start) => toFileOffset(vdso, start)!);
    const result = symbolize({ executable, fd: -1, image, name: "[vdso]", fileOffsets }, createResolverCache());
    assert.deepEqual(result.unresolved, {});
    starts.forEach((start, at) => {
      const { systemName } = result.functions[result.chainIndices[at]];
      assert.ok(symbols.some((symbol) => symbol.start === start && symbol.name === systemName));
    });
    if (process.arch === "x64") {
      const names = result.functions.map(({ systemName }) => systemName);
      assert.ok(names.includes("__vdso_clock_gettime") && !names.includes("clock_gettime"), names.join(" "));
    }
  });

  it("takes any bytes for an ELF file", () => {
    const image = readFileSync(program);
    const damage = fc.array(fc.tuple(fc.nat(image.length - 1), fc.nat(255)), { minLength: 1, maxLength: 60 });
    const headers = fc.array(fc.tuple(fc.nat(1023), fc.nat(255)), { maxLength: 20 });
    fc.assert(
      fc.property(damage, headers, fc.nat(image.length), (anywhere, atStart, length) => {
        const copy = Buffer.from(image);
        for (const [at, value] of [...anywhere, ...atStart]) copy[at] = value;
        const fileOffsets = Float64Array.of(0, twice, walk, walk + 4, 2 ** 40);
        for (const bytes of [copy, copy.subarray(0, length)]) {
          const request = { executable, fd: -1, image: bytes, name: "damaged", fileOffsets };
          const result = symbolize(request, createResolverCache());
          const unresolved = Object.values(result.unresolved).reduce((sum, count) => sum + count, 0);
          assert.equal(result.chainIndices.filter((index) => index >= 0).length + unresolved, fileOffsets.length);
          assert.ok(result.chainIndices.every((index) => index < result.chains.offsets.length - 1));
        }
      }),
      { numRuns: 500 },
    );
  });
});

function readVdso(): Uint8Array | undefined {
  const match = /^([0-9a-f]+)-([0-9a-f]+) .*\[vdso\]$/m.exec(readFileSync("/proc/self/maps", "latin1"));
  if (match === null) return undefined;
  const [start, end] = [BigInt(`0x${match[1]}`), BigInt(`0x${match[2]}`)];
  const image = new Uint8Array(Number(end - start));
  const memory = openSync("/proc/self/mem", "r");
  readSync(memory, image, 0, image.length, start);
  closeSync(memory);
  return image;
}
