import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PassingSample } from "#src/capture/passing-sample.js";
import { HotspotNames, type HotspotNamesOptions } from "#src/interpreters/hotspot/hotspot-names.js";
import type { ProcessKey } from "#src/model/process-key.js";
import { frameKind, hotspotFrame } from "#src/native/abi.generated.js";
import { HotspotImage } from "../../../support/hotspot-image.js";
import { hotspotLayouts } from "../../../support/hotspot-layouts.js";
import { sampleRecord } from "../../../support/sample-record.js";

const KEY: ProcessKey = { pid: 4711, startTimeNs: 12_345_678_900n };

interface Frame {
  readonly type: number;
  readonly address: number;
  readonly cookie: number;
  readonly position: number;
}

/** As it is in a frame's second word (bpf/interpreters/hotspot_layout.h). */
function detailOf({ type, cookie, position }: Frame): { readonly cookie: number; readonly position: number } {
  if (type !== hotspotFrame.interpreted) return { cookie, position };
  return { cookie: cookie % 2 ** 28, position: Math.floor(cookie / 2 ** 28) * 2 ** 16 + position };
}

function sampleOf({ pid, startTimeNs }: ProcessKey, frames: readonly Frame[]): PassingSample {
  const words64 = frames.flatMap((frame) => {
    const { cookie, position } = detailOf(frame);
    return [
      (BigInt(frameKind.hotspot) << 60n) | (BigInt(frame.type) << 48n) | BigInt(frame.address),
      (BigInt(frameKind.detail) << 60n) | (BigInt(cookie) << 32n) | BigInt(position),
    ];
  });
  const bytes = sampleRecord({ pid, startTimeNs, frames: words64 });
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const start = words.length - words64.length * 2;
  return { words, header: 0, frameWords: words, start, frames: words64.length, kernelFrames: 0, outcome: 0 };
}

async function ask(names: HotspotNames, process: ProcessKey, frames: readonly Frame[]): Promise<string[]> {
  const { chainIndices, chains, functions, codeKind, mapping } = await names.bound({
    ...{ process, kind: frameKind.hotspot },
    addresses: Float64Array.from(frames, ({ address }) => address),
    types: Uint16Array.from(frames, ({ type }) => type),
    cookies: Uint32Array.from(frames, (frame) => detailOf(frame).cookie),
    positions: Uint32Array.from(frames, (frame) => detailOf(frame).position),
  });
  assert.deepEqual([codeKind, mapping], ["jit", "[java]"]);
  return Array.from(chainIndices, (chain) => {
    if (chain < 0) return "";
    const lines = Array.from(chains.functions.subarray(chains.offsets[chain], chains.offsets[chain + 1]), (fn, row) => {
      const { name, fileName } = functions[fn];
      return `${name}(${fileName}:${chains.lines[chains.offsets[chain] + row]})`;
    });
    return lines.join(" ");
  });
}

function plant(options: Partial<HotspotNamesOptions> = {}): {
  readonly names: HotspotNames;
  readonly image: HotspotImage;
  readonly frames: readonly Frame[];
  readonly opened: ProcessKey[];
  readonly closed: () => number;
} {
  const image = new HotspotImage(hotspotLayouts[25]);
  const run = image.method({ className: "a/Main", name: "run", fileName: "Main.java", lines: [[0, 7]] });
  const opened: ProcessKey[] = [];
  let closed = 0;
  image.close = () => {
    closed++;
    return Promise.resolve();
  };
  const names = new HotspotNames({
    layoutOf: () => hotspotLayouts[25],
    mayRead: () => true,
    memoryBytes: 1 << 20,
    open: (process) => {
      opened.push(process);
      return Promise.resolve(image);
    },
    ...options,
  });
  const frames = [{ type: hotspotFrame.interpreted, ...run, position: 0 }];
  return { names, image, frames, opened, closed: () => closed };
}

function missed(names: HotspotNames): Record<string, number> {
  return Object.fromEntries([...names.missing].filter(([, count]) => count > 0));
}

describe("HotspotNames", () => {
  it("reads what a sample tells of at once, and answers at the window's end", async () => {
    const { names, image, frames, opened } = plant();
    names.sight(sampleOf(KEY, frames));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { reads } = image;
    assert.ok(reads > 0);
    assert.deepEqual(await ask(names, KEY, frames), ["a.Main.run(Main.java:7)"]);
    names.sight(sampleOf(KEY, frames));
    assert.deepEqual(await ask(names, KEY, frames), ["a.Main.run(Main.java:7)"]);
    assert.equal(image.reads, reads);
    assert.deepEqual(opened, [KEY]);
    assert.deepEqual([names.named, names.processes, names.readCount], [2, 1, reads]);
    assert.ok(names.readBytes > 0 && names.known > 0 && names.bytes > 0);
  });

  it("names a process only while its number is its own", async () => {
    const { names, frames } = plant();
    names.sight(sampleOf(KEY, frames));
    assert.deepEqual(await ask(names, { ...KEY, startTimeNs: 1n }, frames), [""]);
    assert.deepEqual(missed(names), { gone: 1 });
  });

  it("tells a method from one whose cookie differs in its upper bits only", async () => {
    const { names, frames } = plant();
    names.sight(sampleOf(KEY, frames));
    const [frame] = frames;
    const others = [28n, 43n].map((bit) => ({ ...frame, cookie: Number(BigInt(frame.cookie) ^ (1n << bit)) }));
    assert.deepEqual(await ask(names, KEY, [frame, ...others]), ["a.Main.run(Main.java:7)", "", ""]);
    assert.deepEqual(missed(names), { reused: 2 });
  });

  it("says why there is no name", async () => {
    const cases: readonly (readonly [Partial<HotspotNamesOptions>, string])[] = [
      [{ mayRead: () => false }, "redacted"],
      [{ layoutOf: () => undefined }, "no-layout"],
      [{ open: () => Promise.resolve("gone") }, "gone"],
      [{ open: () => Promise.resolve("denied") }, "denied"],
    ];
    for (const [options, reason] of cases) {
      const { names, frames } = plant(options);
      names.sight(sampleOf(KEY, frames));
      assert.deepEqual(await ask(names, KEY, frames), [""]);
      assert.deepEqual(missed(names), { [reason]: 1 });
    }
  });

  it("reads nothing while it is shed", async () => {
    const { names, image, frames } = plant();
    names.asksOn = false;
    names.sight(sampleOf(KEY, frames));
    assert.deepEqual(await ask(names, KEY, frames), [""]);
    assert.deepEqual(missed(names), { shed: 1 });
    names.asksOn = true;
    names.sight(sampleOf(KEY, frames));
    assert.deepEqual(await ask(names, KEY, frames), ["a.Main.run(Main.java:7)"]);
    assert.ok(image.reads > 0);
  });

  it("gives a process that comes later its turn, however much another has", async () => {
    const { names, frames } = plant();
    const endless = Array.from({ length: 250 }, (_, row) => ({
      ...{ type: hotspotFrame.compiled, address: 0x7000_0000_0000 + row * 65_536, cookie: row, position: 0 },
    }));
    const hostile = { pid: 666, startTimeNs: 1n };
    for (let part = 0; part < 60; part++) {
      names.sight(
        sampleOf(
          hostile,
          endless.map((frame) => ({ ...frame, cookie: frame.cookie + part * 250 })),
        ),
      );
    }
    names.sight(sampleOf(KEY, frames));
    assert.deepEqual(await ask(names, KEY, frames), ["a.Main.run(Main.java:7)"]);
  });

  it("forgets, within its memory, and lets processes go", async () => {
    const { names, image, frames, closed } = plant();
    names.sight(sampleOf(KEY, frames));
    await ask(names, KEY, frames);
    const { reads } = image;
    names.resize(0);
    assert.equal(names.bytes, 0);
    names.sight(sampleOf(KEY, frames));
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(image.reads > reads);
    for (let window = 0; window < 5; window++) names.windowWritten(0);
    assert.equal(names.processes, 0);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(closed(), 1);
    names.close();
  });
});
