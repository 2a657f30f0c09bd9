import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { WindowSpan } from "#src/agent/window-loop.js";
import { WindowWriter } from "#src/agent/window-writer.js";

const SPAN: WindowSpan = {
  startNs: 0n,
  durationNs: 1n,
  end: "clock",
  first: false,
  frequencyHz: 19,
  exported: true,
};
const MAX_BYTES = 100;

/** One that fills the room there is. */
function full(total: number): { total: number; bytes: number } {
  return { total, bytes: MAX_BYTES };
}

/** A writer whose windows are finished by hand. */
function writerOf() {
  const begun: { readonly total: number; readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  const told: string[] = [];
  const writer = new WindowWriter<{ total: number; bytes: number }>(
    {
      write: ({ total }) =>
        new Promise((resolve, reject) => {
          begun.push({ total, resolve, reject });
        }),
      onDone: () => undefined,
      onFailure: (error, _span, samples) => {
        told.push(`${samples} failed: ${error instanceof Error ? error.message : ""}`);
      },
      onDropped: (_span, samples) => {
        told.push(`${samples} dropped`);
      },
    },
    MAX_BYTES,
  );
  return { writer, begun, told };
}

describe("the queue of windows", () => {
  it("writes one, keeps one, and takes no more", async () => {
    const { writer, begun } = writerOf();
    writer.take(full(1), SPAN);
    assert.ok(writer.canTake);
    writer.take(full(2), SPAN);
    assert.ok(!writer.canTake);
    assert.equal(begun.length, 1);
    begun[0].resolve();
    await sleep(0);
    assert.equal(begun.length, 2);
    assert.ok(writer.canTake);
    begun[1].resolve();
    await writer.finish(1000);
    assert.deepEqual([writer.written, writer.failed, writer.dropped], [2, 0, 0]);
  });

  it("gives up the one that waits when another must be taken, and counts its samples", async () => {
    const { writer, begun, told } = writerOf();
    for (const total of [1, 2, 3]) writer.take(full(total), { ...SPAN, end: "memory" });
    assert.deepEqual(told, ["2 dropped"]);
    assert.deepEqual([writer.dropped, writer.samplesDropped], [1, 2]);
    begun[0].resolve();
    await sleep(0);
    assert.equal(begun[1].total, 3);
    begun[1].resolve();
    await writer.finish(1000);
    assert.deepEqual(writer.ended, { clock: 0, memory: 3, rate: 0, schedule: 0, stop: 0 });
  });

  it("keeps several that are small, as they are when the rate changes, and no end of them", async () => {
    const { writer, begun, told } = writerOf();
    for (let total = 1; total <= 18; total++) writer.take({ total, bytes: 2 }, { ...SPAN, end: "rate" });
    assert.deepEqual(told, ["2 dropped"]);
    writer.take({ total: 19, bytes: MAX_BYTES - 8 }, { ...SPAN, end: "memory" });
    assert.equal(writer.dropped, 13, "of those that wait, the oldest, until there is room");
    for (let at = 0; at < 6; at++) {
      begun[at].resolve();
      await sleep(0);
    }
    await writer.finish(1000);
    assert.deepEqual(
      begun.map(({ total }) => total),
      [1, 15, 16, 17, 18, 19],
    );
  });

  it("takes the last one of all beside the one that waits", async () => {
    const { writer, begun } = writerOf();
    writer.take(full(1), SPAN);
    writer.take(full(2), SPAN);
    writer.take(full(3), { ...SPAN, end: "stop" });
    for (const at of [0, 1, 2]) {
      begun[at].resolve();
      await sleep(0);
    }
    await writer.finish(1000);
    assert.deepEqual([writer.written, writer.dropped], [3, 0]);
    assert.deepEqual(
      begun.map(({ total }) => total),
      [1, 2, 3],
    );
  });

  it("goes on after a window that failed", async () => {
    const { writer, begun, told } = writerOf();
    writer.take(full(5), SPAN);
    begun[0].reject(new Error("no names"));
    await sleep(0);
    writer.take(full(6), SPAN);
    begun[1].resolve();
    await writer.finish(1000);
    assert.deepEqual(told, ["5 failed: no names"]);
    assert.deepEqual([writer.written, writer.failed, writer.samplesFailed], [1, 1, 5]);
  });

  it("waits at the end no longer than it may", async () => {
    const { writer, told } = writerOf();
    writer.take(full(7), SPAN);
    writer.take(full(8), { ...SPAN, end: "stop" });
    const start = performance.now();
    await writer.finish(50);
    assert.ok(performance.now() - start < 1000);
    assert.equal(writer.samplesFailed, 15);
    assert.equal(told.length, 2);
  });
});
