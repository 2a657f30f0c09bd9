import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { WindowSpan } from "#src/agent/window-loop.js";
import { systemClock } from "#src/util/clock.js";
import { WindowWriter } from "#src/agent/window-writer.js";

const SPAN: WindowSpan = { startNs: 0n, durationNs: 1n, end: "clock", first: false };

/** A writer whose windows are finished by hand. */
function writerOf() {
  const begun: { readonly total: number; readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  const told: string[] = [];
  const writer = new WindowWriter<{ total: number }>({
    clock: systemClock,
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
  });
  return { writer, begun, told };
}

describe("the queue of windows", () => {
  it("writes one, keeps one, and takes no more", async () => {
    const { writer, begun } = writerOf();
    writer.take({ total: 1 }, SPAN);
    assert.ok(writer.canTake);
    writer.take({ total: 2 }, SPAN);
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
    for (const total of [1, 2, 3]) writer.take({ total }, { ...SPAN, end: "memory" });
    assert.deepEqual(told, ["2 dropped"]);
    assert.deepEqual([writer.dropped, writer.samplesDropped], [1, 2]);
    begun[0].resolve();
    await sleep(0);
    assert.equal(begun[1].total, 3);
    begun[1].resolve();
    await writer.finish(1000);
    assert.deepEqual(writer.ended, { clock: 0, memory: 3, stop: 0 });
  });

  it("takes the last one of all beside the one that waits", async () => {
    const { writer, begun } = writerOf();
    writer.take({ total: 1 }, SPAN);
    writer.take({ total: 2 }, SPAN);
    writer.take({ total: 3 }, { ...SPAN, end: "stop" });
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
    writer.take({ total: 5 }, SPAN);
    begun[0].reject(new Error("no names"));
    await sleep(0);
    writer.take({ total: 6 }, SPAN);
    begun[1].resolve();
    await writer.finish(1000);
    assert.deepEqual(told, ["5 failed: no names"]);
    assert.deepEqual([writer.written, writer.failed, writer.samplesFailed], [1, 1, 5]);
  });

  it("waits at the end no longer than it may", async () => {
    const { writer, told } = writerOf();
    writer.take({ total: 7 }, SPAN);
    writer.take({ total: 8 }, { ...SPAN, end: "stop" });
    const start = performance.now();
    await writer.finish(50);
    assert.ok(performance.now() - start < 1000);
    assert.equal(writer.samplesFailed, 15);
    assert.equal(told.length, 2);
  });
});
