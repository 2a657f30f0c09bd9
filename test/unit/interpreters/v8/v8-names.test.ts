import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { PassingSample } from "#src/capture/passing-sample.js";
import { codeKind, cookieOf } from "#src/interpreters/v8/frame-word.js";
import { readHead } from "#src/interpreters/v8/function-reader.js";
import { heapLayout } from "#src/interpreters/v8/heap-layout.js";
import { Heap } from "#src/interpreters/v8/heap.js";
import { KnownMaps } from "#src/interpreters/v8/heap.js";
import { V8Names, type V8NamesOptions } from "#src/interpreters/v8/v8-names.js";
import { frameKind } from "#src/native/abi.generated.js";
import type { BoundNames } from "#src/naming/bound-frames.js";
import { startTimeNs } from "../../../support/proc.js";
import { sampleRecord } from "../../../support/sample-record.js";
import { printFunctions, type PrintedProcess } from "../../../support/v8/printed-process.js";

const layout = heapLayout(process.versions.v8);
/** Key of the kernel's map of interpreters. */
const KEY = 5;
const SOURCE = `
function shop(n) { return n + 1; }
function main() { shop(1); print(shop); print((x) => x); }`;

interface Frame {
  readonly type: number;
  readonly address: number;
  readonly cookie: number;
  readonly position: number;
}

const opened: PrintedProcess[] = [];
const all: V8Names[] = [];
afterEach(() => {
  for (const its of all.splice(0)) its.close();
  for (const its of opened.splice(0)) its.end();
});

function names(options: Partial<V8NamesOptions> = {}): V8Names {
  const its = new V8Names({
    mayRead: () => true,
    versionOf: (key) => (key === KEY ? process.versions.v8 : undefined),
    maps: {
      sight: () => undefined,
      places: ({ lines }) => Promise.resolve(Array.from(lines, () => undefined)),
      windowWritten: () => undefined,
      close: () => undefined,
    },
    ...{ memoryBytes: 1 << 20, readBytesPerSecond: 0, readBurstBytes: 1 << 24 },
    ...options,
  });
  all.push(its);
  return its;
}

async function printed(): Promise<{ readonly its: PrintedProcess; readonly frames: readonly Frame[] }> {
  const its = await printFunctions({ path: process.execPath }, SOURCE);
  opened.push(its);
  const frames = await Promise.all(
    its.functions.map(async ({ sharedFunctionInfo }) => {
      const head = await readHead(new Heap(its.memory, new KnownMaps()), layout!, sharedFunctionInfo);
      return {
        type: codeKind.interpreted | (KEY << 4),
        address: sharedFunctionInfo,
        // Of a sample's record of these tests, tid is pid.
        cookie: cookieOf({ ...head!, tid: its.pid, size: 0 }),
        position: 0,
      };
    }),
  );
  return { its, frames };
}

function sampleOf(pid: number, frames: readonly Frame[]): PassingSample {
  const bytes = sampleRecord({
    ...{ pid, startTimeNs: startTimeNs(pid) },
    frames: frames.flatMap(({ type, address, cookie, position }) => [
      (BigInt(frameKind.v8) << 60n) | (BigInt(type) << 48n) | BigInt(address),
      (BigInt(frameKind.detail) << 60n) | (BigInt(cookie) << 32n) | BigInt(position),
    ]),
  });
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const start = words.length - frames.length * 4;
  return { words, header: 0, frameWords: words, start, frames: frames.length * 2, kernelFrames: 0, outcome: 0 };
}

async function ask(
  its: V8Names,
  pid: number,
  frames: readonly Frame[],
  startNs = startTimeNs(pid),
): Promise<BoundNames> {
  return its.bound({
    process: { pid, startTimeNs: startNs },
    kind: frameKind.v8,
    addresses: Float64Array.from(frames, ({ address }) => address),
    types: Uint16Array.from(frames, ({ type }) => type),
    cookies: Uint32Array.from(frames, ({ cookie }) => cookie),
    positions: Uint32Array.from(frames, ({ position }) => position),
  });
}

function textOf({ chainIndices, chains, functions }: BoundNames): string[] {
  return Array.from(chainIndices, (chain) => {
    if (chain < 0) return "";
    const row = chains.offsets[chain];
    const its = functions[chains.functions[row]];
    return `${its.name} ${its.fileName.split("/").at(-1) ?? ""}:${its.startLine}:${chains.lines[row]}`;
  });
}

function missed(its: V8Names): Record<string, number> {
  return Object.fromEntries([...its.missing].filter(([, count]) => count > 0));
}

describe("names of V8's frames", { skip: layout === undefined ? "this Node.js is not one of ours" : false }, () => {
  it("are read while the process lives, and stay known when it has ended", async () => {
    const { its: process_, frames } = await printed();
    const v8 = names();
    v8.sight(sampleOf(process_.pid, frames));
    assert.deepEqual(textOf(await ask(v8, process_.pid, frames)), ["shop script.js:2:2", "(anonymous) script.js:3:3"]);
    const { pid } = process_;
    const startNs = startTimeNs(pid);
    opened.pop()!.end();
    assert.deepEqual(textOf(await ask(v8, pid, frames, startNs)), ["shop script.js:2:2", "(anonymous) script.js:3:3"]);
    assert.equal(v8.readCodes, 2);
    assert.equal(v8.named, 4);
  });

  it("are not those of what is at the address by now", async () => {
    const { its: process_, frames } = await printed();
    const v8 = names();
    const others = frames.map((frame) => ({ ...frame, cookie: frame.cookie ^ 3 }));
    v8.sight(sampleOf(process_.pid, others));
    assert.deepEqual(textOf(await ask(v8, process_.pid, others)), ["", ""]);
    assert.deepEqual(missed(v8), { moved: 2 });
  });

  it("are missing where nobody may read, of versions that nobody knows, and of what nobody met", async () => {
    const { its: process_, frames } = await printed();
    const { pid } = process_;
    const redacting = names({ mayRead: () => false });
    redacting.sight(sampleOf(pid, frames));
    await ask(redacting, pid, frames);
    assert.deepEqual(missed(redacting), { redacted: 2 });
    const unknowing = names({ versionOf: () => "9.1.269.36" });
    unknowing.sight(sampleOf(pid, frames));
    await ask(unknowing, pid, frames);
    assert.deepEqual(missed(unknowing), { "unknown-layout": 2 });
    const poor = names({ readBurstBytes: 10 });
    for (const frame of frames) {
      poor.sight(sampleOf(pid, [frame]));
      await ask(poor, pid, [frame]);
    }
    assert.deepEqual(missed(poor), { "over-budget": 1 });
    const shedding = names();
    shedding.asksOn = false;
    shedding.sight(sampleOf(pid, frames));
    await ask(shedding, pid, frames);
    assert.deepEqual(missed(shedding), { shed: 2 });
    const asked = names();
    await ask(asked, pid, frames);
    assert.deepEqual(missed(asked), { "not-read": 2 });
  });

  it("are another process's where its number was used again", async () => {
    const { its: process_, frames } = await printed();
    const v8 = names();
    v8.sight(sampleOf(process_.pid, frames));
    assert.deepEqual(textOf(await ask(v8, process_.pid, frames, 1n)), ["", ""]);
  });

  it("are where a source map says", async () => {
    const { its: process_, frames } = await printed();
    const v8 = names({
      maps: {
        sight: () => undefined,
        places: ({ lines }) =>
          Promise.resolve(
            Array.from(lines, (line) =>
              line === 2 ? { file: "/app/shop.ts", line: 70 + line, column: 1, name: "openShop" } : undefined,
            ),
          ),
        windowWritten: () => undefined,
        close: () => undefined,
      },
    });
    v8.sight(sampleOf(process_.pid, frames));
    assert.deepEqual(textOf(await ask(v8, process_.pid, frames)), [
      "openShop shop.ts:72:72",
      "(anonymous) script.js:3:3",
    ]);
  });
});
