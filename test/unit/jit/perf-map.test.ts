import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MAX_FILE_BYTES } from "#src/jit/code-file.js";
import { PerfMap } from "#src/jit/perf-map.js";
import { GrowingBytes } from "../../support/growing-bytes.js";

const ALL = 1 << 30;

function nameAt(map: PerfMap, address: number): string | undefined {
  return map.find(Float64Array.of(address))[0]?.name;
}

function read(text: string): PerfMap {
  const map = new PerfMap(new GrowingBytes(text));
  assert.equal(map.readOn(ALL).outcome, "read");
  return map;
}

describe("a perf map", () => {
  it("tells what is at an address, and nothing between", () => {
    const map = read("1000 20 first\n0x2000 0x10 with spaces, and 0x\n3000 8 ünïcode\n");
    const addresses = [0xfff, 0x1000, 0x101f, 0x1020, 0x2008, 0x3000, 0x4000];
    assert.deepEqual(
      map.find(Float64Array.from(addresses)).map((code) => code?.name),
      [undefined, "first", "first", undefined, "with spaces, and 0x", "ünïcode", undefined],
    );
  });

  it("takes the later of two lines", () => {
    const map = read("1000 100 old\n1040 10 new\n2000 10 same\n2000 10 same again\n");
    assert.deepEqual(
      [0x1000, 0x1048, 0x1050, 0x2000].map((at) => nameAt(map, at)),
      ["old", "new", "old", "same again"],
    );
  });

  it("passes over what is no line of it", () => {
    const bad = [
      "",
      "garbage",
      "1000",
      "1000 20",
      "1000 20 ",
      "zz 20 x",
      "1000  x",
      "1000 0 empty",
      "-1 20 x",
      "1".repeat(20) + " 4 x",
    ];
    const map = read(`${bad.join("\n")}\nffffffffffffffff 10 kernel\n5000 5 right\n`);
    assert.equal(map.malformedLines, bad.length + 1);
    assert.equal(nameAt(map, 0x5000), "right");
    assert.equal(nameAt(map, 0x1000), undefined);
  });

  it("waits for the end of the last line, and reads on from there", () => {
    const source = new GrowingBytes("1000 10 one\n2000 10 tw");
    const map = new PerfMap(source);
    assert.deepEqual(map.readOn(ALL), { outcome: "read", bytes: 12 });
    assert.equal(nameAt(map, 0x2000), undefined);
    source.append("o\n3000 10 three\n");
    assert.deepEqual(map.readOn(ALL), { outcome: "read", bytes: 26 });
    assert.deepEqual(
      [0x1000, 0x2000, 0x3000].map((at) => nameAt(map, at)),
      ["one", "two", "three"],
    );
    assert.deepEqual(map.readOn(ALL), { outcome: "read", bytes: 0 });
  });

  it("goes on from a state that another thread has given back", () => {
    const source = new GrowingBytes("1000 10 one\n");
    const first = new PerfMap(source);
    first.readOn(ALL);
    source.append("2000 10 two\n");
    const second = new PerfMap(source, structuredClone(first.state));
    assert.equal(second.readOn(ALL).bytes, 12);
    assert.deepEqual(
      [0x1000, 0x2000].map((at) => nameAt(second, at)),
      ["one", "two"],
    );
  });

  it("is read from the start where somebody wrote it anew: shorter, or other than it was", () => {
    const source = new GrowingBytes("1000 10 one\n2000 10 two\n");
    const map = new PerfMap(source);
    map.readOn(ALL);
    source.bytes = Buffer.from("4000 10 four\n");
    assert.equal(map.readOn(ALL).bytes, 13);
    assert.deepEqual([nameAt(map, 0x1000), nameAt(map, 0x4000)], [undefined, "four"]);
    source.bytes = Buffer.from("5000 10 five and more, and longer\n6000 10 six\n");
    map.readOn(ALL);
    assert.deepEqual([nameAt(map, 0x4000), nameAt(map, 0x6000)], [undefined, "six"]);
  });

  it("is read in parts, none of them for ever", () => {
    const source = new GrowingBytes(
      Array.from({ length: 20_000 }, (_, at) => `${(at * 16).toString(16)} 10 f${at}\n`).join(""),
    );
    const map = new PerfMap(source);
    const outcomes: string[] = [];
    for (let turn = 0; turn < 10 && outcomes.at(-1) !== "read"; turn++) outcomes.push(map.readOn(100_000).outcome);
    assert.deepEqual(outcomes.slice(0, 2), ["postponed", "postponed"]);
    assert.equal(outcomes.at(-1), "read");
    assert.equal(nameAt(map, 19_999 * 16), "f19999");
  });

  it("passes over a line without an end, whatever its length, once", () => {
    const source = new GrowingBytes(`1000 10 one\n2000 10 ${"x".repeat(300_000)}`);
    const map = new PerfMap(source);
    const { bytes } = map.readOn(ALL);
    assert.ok(bytes > 200_000 && bytes <= source.size());
    source.append("yz\n3000 10 three\n");
    map.readOn(ALL);
    assert.deepEqual(
      [0x1000, 0x2000, 0x3000].map((at) => nameAt(map, at)),
      ["one", undefined, "three"],
    );
  });

  it("cuts a long name", () => {
    const map = read(`1000 10 ${"n".repeat(5000)}\n2000 10 two\n`);
    assert.equal(nameAt(map, 0x1000)?.length, 1024);
    assert.equal(nameAt(map, 0x2000), "two");
  });

  it("has an end of what it reads, of a file that has none", () => {
    const line = Buffer.from("zz\n".repeat(30_000));
    const endless = {
      size: () => 2 ** 40,
      read: (buffer: Uint8Array) => line.copy(buffer),
    };
    const map = new PerfMap(endless);
    let bytes = 0;
    let last = "";
    for (let turn = 0; turn < 20 && last !== "file-too-large"; turn++) {
      const result = map.readOn(64 << 20);
      bytes += result.bytes;
      last = result.outcome;
    }
    assert.equal(last, "file-too-large");
    assert.ok(bytes <= MAX_FILE_BYTES + (64 << 10));
    assert.deepEqual(map.readOn(ALL), { outcome: "file-too-large", bytes: 0 });
  });

  it("has an end of what it keeps", () => {
    const source = new GrowingBytes(
      Array.from({ length: 2000 }, (_, at) => `${(at * 64).toString(16)} 10 f${at}\n`).join(""),
    );
    const map = new PerfMap(source, undefined, 1024);
    assert.equal(map.readOn(ALL).outcome, "too-much-code");
    assert.equal(nameAt(map, 64), "f1");
  });

  it("says so where it cannot be read", () => {
    const broken = {
      size: () => 100,
      read: () => {
        throw new Error("EIO");
      },
    };
    assert.equal(new PerfMap(broken).readOn(ALL).outcome, "read-failed");
  });

  it("never throws, whatever is in it and however it grows", () => {
    const hex = fc.oneof(
      fc.bigInt({ min: 0n, max: 2n ** 64n }).map((n) => n.toString(16)),
      fc.string({ maxLength: 20 }),
    );
    const line = fc.tuple(hex, hex, fc.string()).map((parts) => parts.join(" "));
    const piece = fc.oneof(
      fc.array(line, { maxLength: 20 }).map((lines) => Buffer.from(lines.join("\n"))),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(piece, fc.boolean(), fc.integer({ min: 0, max: 500 })), { maxLength: 8 }),
        (steps) => {
          const source = new GrowingBytes();
          let map = new PerfMap(source, undefined, 64);
          for (const [bytes, replaces, most] of steps) {
            if (replaces) source.bytes = bytes;
            else source.append(bytes);
            map = new PerfMap(source, map.state, 64);
            const result = map.readOn(most);
            assert.ok(result.bytes >= 0 && result.bytes <= source.size());
            assert.notEqual(result.outcome, "read-failed");
            const found = map.find(Float64Array.of(0, 1, 0x1000, 2 ** 40));
            for (const code of found) assert.ok(code === undefined || code.name.length <= 1024);
          }
        },
      ),
    );
  });
});
