import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { type Memory, MemoryPages } from "#src/interpreters/memory-pages.js";
import type { CodePlaces } from "#src/interpreters/v8/code-places.js";
import { readCodes, type CodeProblem, type FrameCode } from "#src/interpreters/v8/code-reader.js";
import { codeKind, cookieOf } from "#src/interpreters/v8/frame-word.js";
import { readHead } from "#src/interpreters/v8/function-reader.js";
import { heapLayout, type HeapLayout } from "#src/interpreters/v8/heap-layout.js";
import { Heap } from "#src/interpreters/v8/heap.js";
import { Isolate } from "#src/interpreters/v8/isolate.js";
import { readOptimizedHead } from "#src/interpreters/v8/optimized.js";
import { ByteLru } from "#src/util/lru.js";
import { nasty } from "../../../support/fuzz.js";
import { printFunctions, type PrintedProcess } from "../../../support/v8/printed-process.js";

const SOURCE = `function inner(a) {
  let t = 0;
  for (let k = 0; k < 3; k++) t += Math.sqrt(a + k) % 7;
  return t;
}
function outer(n) {
  let s = 0;
  for (let i = 0; i < n; i++) s += inner(i);
  return s;
}
function main() {
  outer(10);
  %PrepareFunctionForOptimization(inner); %PrepareFunctionForOptimization(outer);
  for (let i = 0; i < 5; i++) outer(10);
  %OptimizeFunctionOnNextCall(outer);
  outer(10);
  print(outer); print(print);
}`;
const TID = 11;
const layout = heapLayout(process.versions.v8);

describe("code read out of a heap", { skip: layout === undefined ? "this Node.js is not one of ours" : false }, () => {
  let printed: PrintedProcess;
  let frames: FrameCode[];
  /** What a reader asked for, by address. */
  const objects = new Map<number, Buffer>();

  before(async () => {
    printed = await printFunctions({ path: process.execPath }, SOURCE);
    frames = await framesOf(printed, layout!);
    const pages = new MemoryPages(printed.memory);
    const recording = {
      forget: () => {
        pages.forget();
      },
      readUpTo: async (address: number, length: number) => {
        const bytes = await pages.readUpTo(address, length);
        if (bytes !== undefined) objects.set(address, bytes);
        return bytes;
      },
    };
    for (const code of await readCodes(recording, wanted(frames))) assert.notEqual(typeof code, "string");
  });
  after(() => {
    printed.end();
  });

  it("is what its cookie says", async () => {
    const [optimized, interpreted] = await readAll(printed.memory, frames);
    assert.ok(typeof optimized !== "string" && typeof interpreted !== "string");
    assert.equal(optimized.whole.name, "outer");
    assert.equal(optimized.whole.line, 6);
    assert.equal(interpreted.whole.name, "print");
    assert.equal(interpreted.whole.script, printed.script);
  });

  it("is none under another cookie, another thread's, or where nothing is", async () => {
    for (const frame of frames) {
      for (const change of [{ cookie: frame.cookie ^ 1 }, { tid: TID + 1 }, { address: 8 }, { address: 2 ** 47 }]) {
        assert.deepEqual(await readAll(printed.memory, [{ ...frame, ...change }]), ["moved"]);
      }
    }
  });

  it("is read by pages, each once to read and once to check, however many have it in common", async () => {
    const reads: number[] = [];
    const memory: Memory = {
      readUpTo: (address, length) => {
        reads.push(address);
        return printed.memory.readUpTo(address, length);
      },
    };
    const many = Array.from({ length: 8 }, () => frames).flat();
    const codes = await readAll(memory, many);
    assert.ok(codes.every((code) => typeof code !== "string"));
    const times = reads.map((address) => reads.filter((other) => other === address).length);
    assert.equal(Math.max(...times), 2);
    assert.ok(reads.length < 40, `${reads.length} reads`);
  });

  it("is not taken where it has moved by the time that it is checked", async () => {
    for (const frame of frames) {
      let forgotten = 0;
      const pages = {
        forget: () => {
          forgotten++;
        },
        readUpTo: (address: number, length: number) =>
          // Before each try, and before its check: what lies there is gone then.
          forgotten % 2 === 0 && address === frame.address
            ? Promise.resolve(undefined)
            : printed.memory.readUpTo(address, length),
      };
      const its = isolate();
      assert.deepEqual(await readCodes(pages, [{ frame, layout: layout!, isolate: its }]), ["unreadable"]);
      assert.equal(forgotten, 6, "three tries");
    }
  });

  it("never throws and ends, whatever is in the memory", async () => {
    const addresses = [...objects.keys()];
    const change = fc.record({
      page: fc.nat(addresses.length - 1),
      at: fc.nat(300),
      bytes: fc.array(fc.oneof(fc.nat(255), nasty), { minLength: 1, maxLength: 8 }),
    });
    const changes = fc.array(change, { minLength: 1, maxLength: 6 });
    const runs = Number(process.env["FUZZ_MINUTES"] ?? 0) > 0 ? 1e6 : 150;
    await fc.assert(
      fc.asyncProperty(changes, fc.boolean(), async (its, isCut) => {
        let reads = 0;
        const memory = {
          forget: () => undefined,
          readUpTo: (address: number, length: number) => {
            assert.ok(++reads < 20_000, "it does not end");
            const bytes = objects.get(address);
            if (bytes === undefined) return Promise.resolve(undefined);
            const copy = Buffer.from(bytes.subarray(0, Math.min(length, isCut ? bytes.length - 3 : bytes.length)));
            for (const one of its) {
              if (addresses[one.page] !== address) continue;
              for (const [row, byte] of one.bytes.entries()) if (one.at + row < copy.length) copy[one.at + row] = byte;
            }
            return Promise.resolve(copy);
          },
        };
        for (const code of await readCodes(memory, wanted(frames))) {
          if (typeof code === "string") continue;
          for (const offset of [0, 1, 17, 400, 0xffff_ffff]) assert.ok(code.at(offset).length > 0);
        }
      }),
      { numRuns: runs, interruptAfterTimeLimit: 60_000 * Math.max(1, Number(process.env["FUZZ_MINUTES"] ?? 0)) },
    );
  });
});

function isolate(): Isolate {
  return new Isolate("test", new ByteLru(1 << 20));
}

function wanted(frames: readonly FrameCode[]): Parameters<typeof readCodes>[1] {
  const its = isolate();
  return frames.map((frame) => ({ frame, layout: layout!, isolate: its }));
}

function readAll(memory: Memory, frames: readonly FrameCode[]): Promise<(CodePlaces | CodeProblem)[]> {
  return readCodes(new MemoryPages(memory), wanted(frames));
}

async function framesOf(
  { memory, functions: [optimized, interpreted] }: PrintedProcess,
  its: HeapLayout,
): Promise<FrameCode[]> {
  const heap = new Heap(memory, isolate().maps);
  const code = await readOptimizedHead(heap, its, optimized.code!);
  const head = await readHead(heap, its, interpreted.sharedFunctionInfo);
  assert.ok(code !== undefined && head !== undefined);
  return [
    {
      type: codeKind.turbofan,
      address: optimized.code!,
      cookie: cookieOf({ ...code.head, tid: TID, size: code.size }),
      tid: TID,
    },
    {
      type: codeKind.interpreted,
      address: interpreted.sharedFunctionInfo,
      cookie: cookieOf({ ...head, tid: TID, size: 0 }),
      tid: TID,
    },
  ];
}
