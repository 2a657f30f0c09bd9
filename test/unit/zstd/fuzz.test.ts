import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decompressHere } from "#src/zstd/decompress.js";
import { fuzz, mutated, withinMs } from "../../support/fuzz.js";

const hasZstd = spawnSync("zstd", ["--version"]).status === 0;
const TIME_LIMIT_MS = 1000;

describe("zstd that lies", { skip: !hasZstd && "needs zstd" }, () => {
  const bytes = readFileSync("ARCHITECTURE.md");
  const program = readFileSync(process.execPath).subarray(0, 200_000);
  const seeds = [bytes.subarray(0, 300), bytes, program].flatMap((input) =>
    ["-1", "-6", "-19"].map((level) => execFileSync("zstd", ["-q", "-c", level], { input })),
  );

  it("is inflated to what was asked for or refused, in bounded time", () => {
    const sizes = fc.constantFrom(0, 1, 300, bytes.length, program.length, 1 << 22);
    fuzz(
      fc.property(mutated(seeds), sizes, (stored, size) => {
        const inflated = withinMs(TIME_LIMIT_MS, () => decompressHere(stored, size));
        if (typeof inflated === "string") assert.ok(inflated.length > 0 && inflated.length < 100);
        else assert.equal(inflated.length, size);
      }),
      500,
    );
  });

  it("of no seed is refused too, or what it says", () => {
    fuzz(
      fc.property(fc.uint8Array({ maxLength: 300 }), (stored) => {
        const frame = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 200, ...stored);
        const inflated = withinMs(TIME_LIMIT_MS, () => decompressHere(frame, 200));
        assert.ok(typeof inflated === "string" || inflated.length === 200);
      }),
      2000,
    );
  });
});
