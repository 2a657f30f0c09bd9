import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { budgetSizes } from "#src/agent/budget-sizes.js";
import type { ExecutableSerial } from "#src/model/brand.js";
import { NameCache } from "#src/naming/name-cache.js";
import { WorkerCalls, WorkerDied } from "#src/util/worker-calls.js";
import { workerNamer, type WorkerCallTable } from "#src/worker-calls.js";
import { elfOfEndlessNames } from "../../support/hostile-elf.js";

const MIB = 1 << 20;
const LIMIT = { memory: { bytes: 240 * MIB, cgroup: undefined }, cpuCores: undefined };
const LEAST = { memory: { bytes: 64 * MIB, cgroup: undefined }, cpuCores: undefined };
const MOST = { unwindBytes: 64 * MIB, pendingBytes: 32 * MIB, ringBytes: 16 * MIB };

function worker(heapMb: number, file = "dist/worker.js"): WorkerCalls<WorkerCallTable> {
  return new WorkerCalls(pathToFileURL(resolve(file)), {
    resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: 4 },
  });
}

describe("the worker's memory", () => {
  const directory = mkdtempSync(join(tmpdir(), "hostflame-hostile-"));
  after(() => rmSync(directory, { recursive: true }));

  it("has room within the limit, beside what the rest takes", () => {
    const { workerHeapMb = Infinity, windowBytes, unwindBytes } = budgetSizes(LIMIT, MOST);
    assert.equal(workerHeapMb, 160);
    assert.ok(windowBytes >= 24 * MIB && unwindBytes === 64 * MIB, "a container of 256 MiB has all that it had before");
    assert.equal(budgetSizes({ memory: undefined, cpuCores: undefined }, MOST).workerHeapMb, undefined);
    const least = budgetSizes(LEAST, MOST);
    assert.ok(least.windowBytes <= 4 * MIB && least.unwindBytes <= 6 * MIB && least.workerHeapMb === 32);
  });

  it("is not filled by a file of endless names, and neither is ours", async () => {
    const { bytes, fileOffsets } = elfOfEndlessNames(12_000, 16_000);
    const file = join(directory, "endless");
    writeFileSync(file, bytes);
    const calls = worker(64);
    const fd = openSync(file, "r");
    try {
      const names = new NameCache(workerNamer(calls), 8 * MIB);
      const request = { executable: 1 as ExecutableSerial, fd, name: "endless", fileOffsets };
      const { unresolved, chainIndices } = await names.symbolize(request);
      assert.equal(calls.deaths, 0);
      const named = chainIndices.filter((index) => index >= 0).length;
      assert.ok(named > 100 && named < 1000, `${named} named`);
      assert.deepEqual(unresolved, { "limit-exceeded": 12_000 - named });
      assert.ok(names.bytes < 8 * MIB);
    } finally {
      await calls.close();
      closeSync(fd);
    }
  });

  it("ends the worker when it is used up, and nothing else: each call fails by itself, the next finds a new worker", async () => {
    const file = join(directory, "greedy.mjs");
    writeFileSync(
      file,
      `import { parentPort } from "node:worker_threads";
       import { answerCalls } from ${JSON.stringify(pathToFileURL(resolve("dist/util/worker-calls.js")).href)};
       const kept = [];
       answerCalls(parentPort, {
         convert: () => { for (;;) kept.push(Array.from({ length: 1000 }, (_, i) => ({ i }))); },
         kernelTable: () => ({ output: undefined, transfer: [] }),
       });`,
    );
    const calls = worker(32, file);
    for (let death = 1; death <= 2; death++) {
      await assert.rejects(calls.call("convert", { kind: "none" }), (error) => {
        return error instanceof WorkerDied && error.message.includes("memory");
      });
      assert.equal(calls.deaths, death);
      assert.equal(await calls.call("kernelTable", undefined), undefined);
    }
    await calls.close();
  });
});
