import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { crc32 } from "node:zlib";
import { MemorySource } from "#src/elf/byte-source.js";
import { decompressXz } from "#src/xz/decompress.js";

const LIMIT = 1 << 24;

function compressed(bytes: Uint8Array, ...options: string[]): Buffer {
  return execFileSync("xz", ["-q", "-c", ...options], { input: bytes, maxBuffer: 2 ** 30 });
}

function problemOf(stored: Uint8Array, limit = LIMIT): string {
  const result = decompressXz(new MemorySource(stored), limit);
  return "problem" in result ? `${result.problem}: ${result.detail}` : "";
}

const text = Buffer.concat([readFileSync("README.md"), readFileSync("ARCHITECTURE.md")]);
const program = readFileSync(process.execPath).subarray(0, 1_500_000);
let state = 1;
const noise = Uint8Array.from({ length: 200_000 }, () => (state = Math.imul(state, 1664525) + 1013904223) >>> 24);

describe("what xz has compressed", () => {
  const inputs = {
    text,
    program,
    noise,
    zeros: new Uint8Array(2_000_000),
    nothing: text.subarray(0, 0),
    mixed: Buffer.concat([noise, text, noise]),
  };
  const ways = [
    ...["-0", "-6", "-9e", "-6 --check=crc32", "-6 --check=none", "-6 --check=sha256", "-T2 --block-size=100000"],
    ...["--lzma2=lc=0,lp=2,pb=4", "--lzma2=lc=4,lp=0,pb=0", "--lzma2=dict=4KiB,mode=fast"],
  ];
  for (const [name, bytes] of Object.entries(inputs)) {
    for (const way of ways) {
      it(`is ${name} again, by ${way}`, () => {
        const inflated = decompressXz(new MemorySource(compressed(bytes, ...way.split(" "))), LIMIT);
        assert.ok(!("problem" in inflated), JSON.stringify(inflated));
        assert.equal(inflated.compare(bytes), 0);
      });
    }
  }

  it("is refused by name where it was filtered", () => {
    assert.equal(problemOf(compressed(program, "--x86", "--lzma2")), "unsupported: filter x86");
    assert.equal(problemOf(compressed(program, "--delta", "--lzma2")), "unsupported: filter delta");
  });

  it("is refused where it is too large, before it is allocated", () => {
    const bomb = compressed(Buffer.alloc(50_000_000));
    assert.ok(bomb.length < 10_000);
    const before = process.memoryUsage().arrayBuffers;
    assert.match(problemOf(bomb), /^limit-exceeded: 50000000 bytes/);
    assert.ok(process.memoryUsage().arrayBuffers - before < 10_000_000);
  });

  it("is refused where a bit of it is another", () => {
    const good = compressed(text);
    for (let at = 0; at < good.length; at += 97) {
      const bad = Buffer.from(good);
      bad[at] ^= 0x10;
      assert.match(problemOf(bad), /^(malformed|unsupported|limit-exceeded): ./, `byte ${at}`);
    }
  });

  it("is refused where it is cut short, goes on, or is not xz at all", () => {
    const good = compressed(text);
    assert.match(problemOf(good.subarray(0, good.length - 1)), /^malformed: no end of a stream/);
    assert.match(problemOf(good.subarray(0, 20)), /^malformed/);
    assert.match(problemOf(Buffer.concat([good, good])), /^malformed: more than one stream/);
    assert.match(problemOf(text), /^malformed: no xz magic/);
    assert.match(problemOf(new Uint8Array(0)), /^malformed: shorter/);
  });
});

describe("an index that lies", () => {
  /** The stream with its index' size of the one block put to another number, its checks right. */
  function withSize(stored: Buffer, from: number, to: number): Buffer {
    const bad = Buffer.from(stored);
    const indexAt = bad.length - 12 - (bad.readUInt32LE(bad.length - 8) + 1) * 4;
    const vli = (value: number) => [(value & 0x7f) | 0x80, ((value >> 7) & 0x7f) | 0x80, value >> 14];
    const at = bad.indexOf(Buffer.from(vli(from)), indexAt);
    assert.ok(at > indexAt);
    bad.set(vli(to), at);
    const end = bad.length - 12 - 4;
    bad.writeUInt32LE(crc32(bad.subarray(indexAt, end)), end);
    return bad;
  }

  it("of how much there is, is refused", () => {
    assert.ok(text.length > 1 << 14 && text.length < 1 << 21);
    const good = compressed(text);
    assert.match(problemOf(withSize(good, text.length, text.length + 1)), /ends 1 bytes early/);
    assert.match(problemOf(withSize(good, text.length, text.length - 1)), /bad chunk/);
    assert.match(problemOf(withSize(good, text.length, (1 << 21) - 1), 1 << 20), /^limit-exceeded/);
  });
});
