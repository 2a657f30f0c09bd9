import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ProcessNames } from "#src/interpreters/hotspot/process-names.js";
import type { Memory } from "#src/interpreters/memory-pages.js";
import { hotspotFrame } from "#src/native/abi.generated.js";
import { FIRST_CODE, HotspotImage, type ImageMethod } from "../../../support/hotspot-image.js";
import { hotspotLayouts } from "../../../support/hotspot-layouts.js";

const { interpreted, compiled, stub } = hotspotFrame;
const VERSIONS = [8, 11, 17, 21, 25] as const;
const GET: ImageMethod = {
  ...{ className: "java/util/HashMap", name: "get", fileName: "HashMap.java" },
  lines: [
    [0, 560],
    [7, 562],
  ],
};
const HASH: ImageMethod = { ...GET, name: "hash", lines: [[0, 338]] };

async function readAll(names: ProcessNames, memory: Memory): Promise<void> {
  while (names.isWaiting) await names.turn(memory, 64, 0);
}

interface Frame {
  readonly type: number;
  readonly address: number;
  readonly cookie: number;
  readonly position: number;
}

/** What the frames are called: "name:line name:line", or why nothing. */
async function ask(image: HotspotImage, frames: readonly Frame[], memory: Memory = image): Promise<string[]> {
  const names = new ProcessNames(image.layout);
  for (const { type, address, cookie, position } of frames) names.want(type, address, cookie, position, 0);
  await readAll(names, memory);
  return frames.map(({ type, address, cookie, position }) => {
    const chain = names.chainOf(type, address, cookie, position);
    return typeof chain === "string" ? chain : chain.map(({ method, line }) => `${method.name}:${line}`).join(" ");
  });
}

interface Program {
  readonly image: HotspotImage;
  readonly frames: readonly Frame[];
  readonly expected: readonly string[];
}

/** A method that runs interpreted, one that was compiled and has another in it, and a stub. */
function program(version: (typeof VERSIONS)[number], prefix = "", compileId = 77, hash = 1): Program {
  const image = new HotspotImage(hotspotLayouts[version], hash);
  const get = image.method({ ...GET, name: `${prefix}get` });
  const inner = image.method({ ...HASH, name: `${prefix}hash` });
  const code = image.code({
    ...{ method: get.address, compileId, frameComplete: 12 },
    positions: [
      { pcOffset: 40, scopes: [[get.address, 2]] },
      {
        pcOffset: 60,
        scopes: [
          [inner.address, -1],
          [get.address, 9],
        ],
      },
      { pcOffset: 80, scopes: [[get.address, 300]] },
    ],
  });
  const other = image.stub(`${prefix}StubRoutines (1)`, compileId);
  const at = (position: number): Frame => ({ type: compiled, ...code, position });
  return {
    image,
    frames: [
      { type: interpreted, ...get, position: 8 },
      ...[at(3), at(39), at(40), at(59), at(60), at(100)],
      { type: stub, ...other, position: 0 },
    ],
    expected: [
      `java.util.HashMap.${prefix}get:562`,
      ...[
        `java.util.HashMap.${prefix}get:560`, // before there is a frame
        `java.util.HashMap.${prefix}get:560`, // the call that ends at 40
        `java.util.HashMap.${prefix}hash:338 java.util.HashMap.${prefix}get:562`,
        `java.util.HashMap.${prefix}hash:338 java.util.HashMap.${prefix}get:562`,
        `java.util.HashMap.${prefix}get:562`,
        `java.util.HashMap.${prefix}get:560`, // behind the last descriptor nothing is known but the method
      ],
      `[${prefix}StubRoutines (1)]:0`,
    ],
  };
}

describe("names of a JVM's frames", () => {
  for (const version of VERSIONS) {
    it(`are read as ${version} has them`, async () => {
      const { image, frames, expected } = program(version);
      assert.deepEqual(await ask(image, frames), expected);
    });

    it(`are never those of what came to lie there later: ${version}`, async () => {
      const before = program(version, "", 77, 1);
      const after = program(version, "wrong", 78, 100); // the same addresses
      const { written } = before.image;
      assert.deepEqual([...written.keys()], [...after.image.written.keys()]);
      // What was compiled is freed before what it was compiled from.
      const code = [...written.keys()].filter((page) => page * 4096 >= FIRST_CODE);
      const rest = [...written.keys()].filter((page) => page * 4096 < FIRST_CODE);
      const least = await ask(before.image, before.frames).then(() => before.image.reads);
      const run = fc.record({
        /** The read from which on the new memory is there, page by page in this order, a read each. */
        from: fc.nat(least),
        order: fc.shuffledSubarray(rest, { minLength: rest.length }),
        pace: fc.constantFrom(1, 3, 1000),
      });
      await fc.assert(
        fc.asyncProperty(run, async ({ from, order, pace }) => {
          let reads = 0;
          const memory: Memory = {
            readUpTo: (address, length) => {
              const swaps = Math.max(0, reads++ - from) * pace;
              const swapped = new Set(swaps === 0 ? [] : [...code, ...order.slice(0, swaps - 1)]);
              const isNew = swapped.has(Math.floor(address / 4096));
              return Promise.resolve((isNew ? after : before).image.readNow(address, length));
            },
          };
          const got = await ask(before.image, before.frames, memory);
          for (const [row, name] of got.entries()) {
            assert.ok(name === before.expected[row] || ["reused", "unreadable"].includes(name), `${row}: ${name}`);
          }
        }),
        { numRuns: 100 },
      );
    });
  }

  it("are not asked of memory that has none", async () => {
    const { image, frames } = program(17);
    const nothing: Memory = { readUpTo: () => Promise.resolve(undefined) };
    const got = await ask(image, frames, nothing);
    assert.ok(got.every((name) => name === "unreadable" || name === "reused"));
  });

  it("come out of any memory without an end or an error", async () => {
    const change = fc.record({ at: fc.nat(), value: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)) });
    const changes = fc.array(change, { maxLength: 60 });
    const programs = VERSIONS.map((version) => program(version));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...programs), changes, async ({ image, frames }, several) => {
        let reads = 0;
        const memory: Memory = {
          readUpTo: (address, length) => {
            reads++;
            const bytes = image.readNow(address, length);
            for (const { at, value } of several) if (bytes !== undefined) bytes[at % bytes.length] = value;
            return Promise.resolve(bytes);
          },
        };
        assert.equal((await ask(image, frames, memory)).length, frames.length);
        assert.ok(reads < 2000, `${reads} reads`);
      }),
      { numRuns: 300 },
    );
  });

  it("are as many as a hostile process says, up to a limit", () => {
    const names = new ProcessNames(hotspotLayouts[17]);
    for (let row = 0; row < 200_000; row++) names.want(compiled, 4096 + row * 16, row & 0xfff, 0, 0);
    assert.ok(names.bytes < 64 << 20, `${names.bytes} bytes`);
    assert.equal(names.chainOf(compiled, 4096 + 199_999 * 16, 199_999 & 0xfff, 0), "over-budget");
  });

  it("are read once, and forgotten when no window meets them", async () => {
    const { image, frames } = program(17);
    const names = new ProcessNames(image.layout);
    const want = (window: number): void => {
      for (const { type, address, cookie, position } of frames) names.want(type, address, cookie, position, window);
    };
    want(0);
    await readAll(names, image);
    const { reads } = image;
    want(1);
    assert.ok(!names.isWaiting);
    names.forgetBefore(1);
    want(2);
    assert.ok(!names.isWaiting);
    assert.equal(image.reads, reads);
    names.forgetBefore(3);
    assert.equal(names.size, 0);
    assert.equal(names.bytes, 0);
    want(3);
    assert.ok(names.isWaiting);
  });

  it("are read once for all instructions that the compiler describes as one", async () => {
    const { image, frames } = program(21);
    const [, , , inlined] = frames; // at 40; the next description is of 60
    const names = new ProcessNames(image.layout);
    const want = (position: number): void => {
      names.want(compiled, inlined.address, inlined.cookie, position, 0);
    };
    want(45);
    want(50);
    await readAll(names, image);
    const chain = names.chainOf(compiled, inlined.address, inlined.cookie, 45);
    assert.notEqual(typeof chain, "string");
    for (const position of [40, 50, 59]) {
      want(position);
      assert.ok(!names.isWaiting);
      assert.equal(names.chainOf(compiled, inlined.address, inlined.cookie, position), chain);
    }
    for (const position of [39, 60]) {
      assert.equal(names.chainOf(compiled, inlined.address, inlined.cookie, position), "not-in-time");
      want(position);
      assert.ok(names.isWaiting);
      await readAll(names, image);
    }
  });

  it("of one thing that lies where another lay are both remembered", async () => {
    const { image, frames } = program(17);
    const [first] = frames;
    const names = new ProcessNames(image.layout);
    names.want(interpreted, first.address, first.cookie, 0, 0);
    await readAll(names, image);
    names.want(interpreted, first.address, first.cookie + 1, 0, 0);
    await readAll(names, image);
    assert.notEqual(typeof names.chainOf(interpreted, first.address, first.cookie, 0), "string");
    assert.equal(names.chainOf(interpreted, first.address, first.cookie + 1, 0), "reused");
  });
});
