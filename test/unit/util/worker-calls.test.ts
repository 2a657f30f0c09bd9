import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { WorkerCalls, WorkerDied } from "#src/util/worker-calls.js";

interface Calls {
  readonly double: { readonly input: number; readonly output: number };
  readonly fail: { readonly input: string; readonly output: never };
  readonly uncloneable: { readonly input: undefined; readonly output: never };
  readonly die: { readonly input: undefined; readonly output: never };
  readonly busy: { readonly input: number; readonly output: number };
  readonly thread: { readonly input: undefined; readonly output: number };
  readonly long: { readonly input: number; readonly output: string };
  readonly order: { readonly input: string; readonly output: string };
  readonly column: { readonly input: Uint32Array; readonly output: Uint32Array };
}

describe("WorkerCalls", () => {
  let directory: string;
  let url: URL;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "hostflame-worker-"));
    const file = join(directory, "worker.mjs");
    writeFileSync(
      file,
      `import { parentPort, threadId } from "node:worker_threads";
       import { answerCalls } from ${JSON.stringify(pathToFileURL(resolve("dist/util/worker-calls.js")).href)};
       let answered = "";
       answerCalls(parentPort, {
         double: (n) => ({ output: 2 * n, transfer: [] }),
         fail: (why) => { throw new Error(why); },
         uncloneable: () => ({ output: () => 0, transfer: [] }),
         die: () => process.exit(1),
         busy: (ms) => {
           for (const end = performance.now() + ms; performance.now() < end; );
           return { output: ms, transfer: [] };
         },
         // Works for so many milliseconds, and pauses after each.
         long: async (ms, pause) => {
           for (const end = performance.now() + ms; performance.now() < end; await pause()) {
             for (const step = performance.now() + 1; performance.now() < step; );
           }
           return { output: (answered += "long"), transfer: [] };
         },
         order: (name) => ({ output: (answered += name), transfer: [] }),
         thread: () => ({ output: threadId, transfer: [] }),
         column: (words) => ({ output: words, transfer: [words.buffer] }),
       });`,
    );
    url = pathToFileURL(file);
  });
  after(() => {
    rmSync(directory, { recursive: true });
  });

  it("answers calls in any number at once, and fails only the call that failed", async () => {
    const calls = new WorkerCalls<Calls>(url, {});
    const answers = await Promise.allSettled([
      calls.call("double", 1),
      calls.call("fail", "no"),
      calls.call("double", 3),
    ]);
    assert.deepEqual(
      answers.map((answer) => (answer.status === "fulfilled" ? answer.value : String(answer.reason).includes("no"))),
      [2, true, 6],
    );
    await calls.close();
  });

  it("hands buffers over instead of copying them", async () => {
    const calls = new WorkerCalls<Calls>(url, {});
    const words = Uint32Array.of(1, 2, 3);
    const { buffer } = words;
    assert.deepEqual([...(await calls.call("column", words, [buffer]))], [1, 2, 3]);
    assert.equal(buffer.byteLength, 0, "detached here");
    await calls.close();
  });

  it("fails the calls of a worker that died, and starts another for the next", async () => {
    const calls = new WorkerCalls<Calls>(url, {});
    await assert.rejects(calls.call("die", undefined), WorkerDied);
    assert.equal(await calls.call("double", 4), 8);
    assert.equal(calls.deaths, 1);
    await calls.close();
  });

  it("tells what the worker was busy with, over its lives, and how many calls wait", async () => {
    const calls = new WorkerCalls<Calls>(url, {});
    assert.equal(calls.waitingCalls, 0);
    const startMs = performance.now();
    const both = [calls.call("busy", 30), calls.call("busy", 20)];
    assert.equal(calls.waitingCalls, 2);
    await Promise.all(both);
    await assert.rejects(calls.call("die", undefined), WorkerDied);
    await assert.rejects(calls.call("fail", "no"));
    await calls.call("busy", 10);
    assert.equal(calls.waitingCalls, 0);
    const busy = calls.busySeconds.get("busy") ?? 0;
    assert.ok(busy >= 0.06 && busy < (performance.now() - startMs) / 1000, String(busy));
    assert.deepEqual([...calls.busySeconds.keys()], ["busy", "fail"], "what was never answered is not known");
    await calls.close();
  });

  it("answers others first while one pauses, the last one first, and does not count that time for it", async () => {
    const calls = new WorkerCalls<Calls>(url, {});
    assert.equal(await calls.call("order", "first "), "first ");
    const startMs = performance.now();
    const longer = calls.call("long", 60);
    const answers = await Promise.all([longer, calls.call("order", "second "), calls.call("busy", 100)]);
    assert.deepEqual(answers, ["first second long", "first second ", 100]);
    const both = [calls.call("long", 60), calls.call("long", 30)];
    await Promise.all(both);
    const tookSeconds = (performance.now() - startMs) / 1000;
    const { long = 0, busy = 0 } = Object.fromEntries(calls.busySeconds);
    assert.ok(busy >= 0.1 && long > 0 && long + busy <= tookSeconds, `${long} + ${busy} of ${tookSeconds}`);
    await calls.close();
  });

  it("goes on with a call whose pause was for one that failed", async () => {
    const calls = new WorkerCalls<Calls>(url, {});
    const longer = calls.call("long", 80);
    const failing = [calls.call("fail", "no"), calls.call("uncloneable", undefined)];
    const outcomes = await Promise.allSettled(failing);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["rejected", "rejected"],
    );
    assert.equal(await longer, "long");
    await calls.close();
  });

  it("answers a call that comes while the idle worker is going", async () => {
    const calls = new WorkerCalls<Calls>(url, {}, 1);
    for (let i = 0; i < 25; i++) {
      assert.equal(await calls.call("double", i), 2 * i);
      await sleep(i % 5);
    }
    await calls.close();
  });

  it("lets an idle worker go when told, but none that works", async () => {
    const calls = new WorkerCalls<Calls>(url, {});
    let rests = 0;
    calls.onRest = () => rests++;
    const first = await calls.call("thread", undefined);
    const working = calls.call("thread", undefined);
    assert.equal(calls.endIdle(), false);
    assert.equal(await working, first);
    assert.equal(calls.endIdle(), true);
    assert.equal(calls.endIdle(), false);
    assert.notEqual(await calls.call("thread", undefined), first);
    assert.equal(rests, 1);
    assert.equal(calls.deaths, 0);
    await calls.close();
  });

  it("lets an idle worker go, which is no death, and is back when called", async () => {
    const calls = new WorkerCalls<Calls>(url, {}, 30);
    const first = await calls.call("thread", undefined);
    await sleep(200);
    assert.notEqual(await calls.call("thread", undefined), first);
    assert.equal(calls.deaths, 0);
    await calls.close();
  });
});
