import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MemorySource } from "#src/elf/byte-source.js";
import { decompressXz } from "#src/xz/decompress.js";
import { decodeLzma2 } from "#src/xz/lzma2.js";
import { fuzz, mutated, withinMs } from "../../support/fuzz.js";

const TIME_LIMIT_MS = 1000;
const LIMIT = 1 << 22;
const STREAM_HEADER = 12;

describe("xz that lies", () => {
  const text = readFileSync("ARCHITECTURE.md");
  const program = readFileSync(process.execPath).subarray(0, 200_000);
  const streams = [text.subarray(0, 300), text, program].flatMap((input) =>
    ["-0", "-9"].map((level) => execFileSync("xz", ["-q", "-c", level, "--check=none"], { input })),
  );

  it("is inflated or refused, in bounded time", () => {
    fuzz(
      fc.property(mutated(streams), (stored) => {
        const result = withinMs(TIME_LIMIT_MS, () => decompressXz(new MemorySource(stored), LIMIT));
        if ("problem" in result) assert.ok(result.detail.length < 100);
        else assert.ok(result.length <= LIMIT);
      }),
      500,
    );
  });

  // A stream's own checks keep most changes from being looked at: the data without them is looked at by itself.
  it("behind its checks too", () => {
    const data = streams.map((stream) => stream.subarray(STREAM_HEADER + (stream[STREAM_HEADER] + 1) * 4));
    fuzz(
      fc.property(mutated(data), fc.constantFrom(0, 300, text.length, program.length, LIMIT), (stored, size) => {
        const out = new Uint8Array(size);
        const outcome = withinMs(TIME_LIMIT_MS, () => decodeLzma2(new MemorySource(stored), 0, out, [0, size]));
        if ("end" in outcome) assert.ok(outcome.end <= stored.length);
        else assert.ok(outcome.problem.length < 100);
      }),
      500,
    );
  });
});
