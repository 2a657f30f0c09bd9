import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, describe, it } from "node:test";
import type { ByteSource } from "#src/elf/byte-source.js";
import { type ElfFile, isRefusal, toFileOffset } from "#src/elf/elf-file.js";
import { openGoTable } from "#src/gopclntab/go-table.js";
import type { ExecutableSerial } from "#src/model/brand.js";
import { createResolverCache } from "#src/symbols/cache.js";
import { symbolize } from "#src/symbols/symbolize.js";
import { chainInWords } from "../../support/chain-words.js";
import { openProgram } from "../../support/elf-image.js";
import { goToolchain } from "../../support/go-toolchain.js";

const SOURCE = "test/fixtures/go-names";
const go = goToolchain("local");

/** How many bytes of a file are asked for meanwhile. */
function bytesRead(elf: ElfFile, work: (counted: ElfFile) => void): number {
  let bytes = 0;
  const { source } = elf;
  const counting: ByteSource = {
    size: source.size,
    failure: undefined,
    read(offset, length) {
      bytes += length;
      return source.read(offset, length);
    },
    readInto(offset, target) {
      bytes += target.length;
      return source.readInto(offset, target);
    },
  };
  work({ ...elf, source: counting });
  return bytes;
}

describe("a Go program", { skip: typeof go === "string" ? go : false }, () => {
  const folder = mkdtempSync(join(tmpdir(), "hostflame-go-lines-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const [kind, ...flags] of [["whole"], ["stripped", "-ldflags=-s -w", "-buildmode=pie"]]) {
    it(`that is ${kind} has its functions, inlined ones too, with files and lines`, () => {
      if (typeof go === "string") return;
      const file = join(folder, kind);
      go.run(["build", ...flags, "-o", file, "."], { folder: SOURCE });
      const elf = openProgram(file);
      const table = openGoTable(elf);
      assert.ok(table !== undefined && !isRefusal(table));
      const main = [...table.functions()].find(({ name }) => name() === "main.main");
      assert.ok(main !== undefined);
      // What had to be searched for is not searched for again.
      const read = bytesRead(elf, (counted) => {
        const again = openGoTable(counted, table.place);
        assert.ok(again !== undefined && !isRefusal(again));
        assert.deepEqual(again.place, table.place);
      });
      assert.ok(read < 4096, `${read} bytes`);
      const offsets: number[] = [];
      for (let at = main.start; at < main.limit; at++) offsets.push(toFileOffset(elf, at)!);
      const fd = openSync(file, "r");
      try {
        const request = { executable: 1 as ExecutableSerial, fd, name: kind, fileOffsets: Float64Array.from(offsets) };
        const result = symbolize(request, createResolverCache());
        const source = join(resolve(SOURCE), "main.go");
        const chains = new Set(Array.from(result.chainIndices, (chain) => chainInWords(result, chain)));
        const words = [...chains].map((chain) => chain.replaceAll(source, "main.go"));
        // The function begins at line 32; template.New is called in line 37, and has no code of its own.
        assert.ok(words.includes("main.main main.go:32:36"), words.join("\n"));
        const inlined = /^text\/template\.New \S*\/template\.go:\d+:\d+ < main\.main main\.go:32:37$/;
        assert.ok(words.some((chain) => inlined.test(chain)));
        // All but what aligns the next function, which is no symbol's.
        const fromHere = result.found[kind === "stripped" ? "gopclntab" : "symtab"] ?? 0;
        assert.ok(fromHere > 0.9 * offsets.length, JSON.stringify(result.found));
        // What one address is told holds of all around it.
        for (const [at, offset] of offsets.entries()) {
          assert.ok(result.rangeStarts[at] <= offset && offset < result.rangeLimits[at]);
          const other = offsets.indexOf(result.rangeStarts[at]);
          if (other >= 0) assert.equal(result.chainIndices[other], result.chainIndices[at]);
        }
      } finally {
        closeSync(fd);
      }
    });
  }
});
