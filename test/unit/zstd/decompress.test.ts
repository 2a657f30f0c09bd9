import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import * as zlib from "node:zlib";
import { decompressHere, decompressZstd } from "#src/zstd/decompress.js";
import { withinMs } from "../../support/fuzz.js";

const hasZstd = spawnSync("zstd", ["--version"]).status === 0;
const skip = !hasZstd && "needs zstd";
const isNative = "zstdDecompressSync" in zlib;

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];

function compressed(bytes: Uint8Array, ...options: string[]): Buffer {
  return execFileSync("zstd", ["-q", "-c", ...options], { input: bytes, maxBuffer: 2 ** 30 });
}

/** A frame of one segment of so many bytes, 2^32 at most, with these blocks. */
function frameOf(size: number, ...blocks: readonly (readonly number[])[]): Uint8Array {
  const sizeBytes = [size, size >>> 8, size >>> 16, size >>> 24].map((byte) => byte & 0xff);
  return Uint8Array.from([MAGIC, [0xa0], sizeBytes, ...blocks].flat());
}

function block(type: number, size: number, isLast: boolean, content: readonly number[]): number[] {
  const header = (size << 3) | (type << 1) | Number(isLast);
  return [header & 0xff, (header >> 8) & 0xff, (header >> 16) & 0xff, ...content];
}

describe("what zstd has compressed", { skip }, () => {
  const text = Buffer.concat([readFileSync("README.md"), readFileSync("ARCHITECTURE.md")]);
  const program = readFileSync(process.execPath).subarray(0, 3_000_000);
  let state = 1;
  const noise = Uint8Array.from({ length: 300_000 }, () => (state = Math.imul(state, 1664525) + 1013904223) >>> 24);
  const inputs = {
    text,
    program,
    noise,
    zeros: new Uint8Array(2_000_000),
    nothing: new Uint8Array(0),
    "one byte": Uint8Array.of(7),
    // One symbol has most of the shares: prefix codes of unequal lengths, and lone streams.
    skewed: Uint8Array.from(noise.subarray(0, 900), (byte) => (byte < 250 ? 0x61 : byte)),
  };
  for (const [name, bytes] of Object.entries(inputs)) {
    for (const options of ["-1", "-3", "-12", "-19", "--ultra -22 --long=27", "--fast=10", "--no-check -B1KiB"]) {
      it(`is ${name} again, at ${options}`, () => {
        for (const decompress of [decompressHere, decompressZstd]) {
          const inflated = decompress(compressed(bytes, ...options.split(" ")), bytes.length);
          assert.ok(typeof inflated !== "string", String(inflated));
          assert.equal(inflated.compare(bytes), 0);
        }
      });
    }
  }

  it("in several frames, with something else between them", () => {
    const other = Uint8Array.of(0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);
    const frames = Buffer.concat([compressed(text), other, compressed(noise), compressed(text, "-19")]);
    const whole = Buffer.concat([text, noise, text]);
    assert.deepEqual(decompressHere(frames, whole.length), whole);
  });

  it("is refused where it is another size, or cut short", () => {
    const bytes = compressed(text);
    for (const decompress of [decompressHere, decompressZstd]) {
      assert.equal(typeof decompress(bytes, text.length - 1), "string");
      assert.equal(typeof decompress(bytes, text.length + 1), "string");
      assert.equal(typeof decompress(bytes.subarray(0, bytes.length - 5), text.length), "string");
    }
  });
});

describe("what only looks like zstd", () => {
  it("is refused, with a reason", () => {
    const cases: [Uint8Array, RegExp][] = [
      [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), /not zstd/],
      [Uint8Array.of(...MAGIC), /cut short/],
      [Uint8Array.of(...MAGIC, 0x23, 9, 0, 0, 0, 100), /dictionary/],
      [Uint8Array.of(...MAGIC, 0x28, 0, 1, 0, 0), /reserved/],
      [frameOf(100, block(3, 1, true, [0])), /unknown type/],
      [frameOf(100, block(1, 101, true, [0])), /more than 100/],
      [frameOf(100, block(2, 200_000, true, new Array<number>(200_000).fill(0))), /too large/],
      [frameOf(100, block(1, 99, true, [0])), /99 of 100/],
    ];
    for (const [bytes, reason] of cases) assert.match(String(decompressHere(bytes, 100)), reason);
  });

  it("does not outgrow the size it was said to have", () => {
    // 98,000 copies of 64 KiB each are asked for by each block of a dozen bytes: the first is one too many.
    const sequences = [0, 255, 255, 255, 0x54, 0, 2, 52, ...new Array<number>(20).fill(0xff)];
    const bomb = frameOf(1 << 24, block(2, sequences.length, true, sequences));
    assert.match(String(withinMs(1000, () => decompressHere(bomb, 1 << 24))), /bad sequences/);
  });

  it("is not read forever where it has blocks of nothing", () => {
    const empty = new Array<number[]>(50_000).fill(block(0, 0, false, []));
    assert.match(String(decompressHere(frameOf(100, ...empty), 100)), /more blocks/);
  });
});

describe("Node.js's own zstd", { skip: !isNative && "this Node.js has none" }, () => {
  it("says the same of what is too large", () => {
    const bytes = frameOf(1 << 24, block(1, 1 << 20, true, [0]));
    assert.equal(typeof decompressZstd(bytes, 100), "string");
  });
});
