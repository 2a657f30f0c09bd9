import assert from "node:assert/strict";
import { PerformanceObserver } from "node:perf_hooks";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import fc from "fast-check";
import { StackTable } from "#src/capture/stack-table.js";

/** A stack as text: what two stacks must share to be one. */
function textOf(words: readonly number[], kernelFrames: number): string {
  return `${kernelFrames}:${words.join(",")}`;
}

const word = fc.oneof(fc.constantFrom(0, 1, 2), fc.nat({ max: 0xffffffff }));
const stack = fc
  .array(fc.tuple(word, word), { maxLength: 12 })
  .chain((frames) => fc.tuple(fc.constant(frames.flat()), fc.nat({ max: frames.length })));

describe("StackTable", () => {
  it("gives equal stacks one id, and different stacks different ones", () => {
    fc.assert(
      fc.property(fc.array(stack, { maxLength: 300 }), (stacks) => {
        const table = new StackTable();
        const ids = new Map<string, number>();
        for (const [words, kernelFrames] of stacks) {
          // Somewhere in a larger buffer, as in a batch.
          const buffer = Uint32Array.from([7, 7, 7, ...words, 9]);
          const id = table.intern(buffer, 3, words.length / 2, kernelFrames);
          const text = textOf(words, kernelFrames);
          assert.equal(ids.get(text) ?? id, id);
          ids.set(text, id);
        }
        assert.equal(table.length, ids.size);
        assert.equal(new Set(ids.values()).size, ids.size);

        const { offsets, words, kernelFrames } = table.columns();
        for (const [text, id] of ids) {
          assert.equal(textOf([...words.subarray(offsets[id], offsets[id + 1])], kernelFrames[id]), text);
        }
      }),
    );
  });

  it("allocates nothing for a stack it has seen", async () => {
    const table = new StackTable();
    const words = Uint32Array.from({ length: 64 }, (_, i) => i);
    table.intern(words, 0, 32, 3);
    const bytes = table.bytes;
    const collections = new PerformanceObserver(() => undefined);
    collections.observe({ entryTypes: ["gc"] });
    for (let i = 0; i < 2_000_000; i++) {
      table.intern(words, 0, 32, 3);
    }
    // The entries of a turn of the event loop are there in the next.
    await setTimeout(0);
    const count = collections.takeRecords().length;
    collections.disconnect();
    assert.equal(table.bytes, bytes);
    // One object of 24 bytes a call would be 48 MB, which the young generation's 16 MB cannot hold.
    assert.ok(count <= 1, `${count} collections`);
  });
});
