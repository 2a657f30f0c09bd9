import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readlinkSync } from "node:fs";
import { describe, it } from "node:test";
import { ProcessMemory } from "#src/interpreters/process-memory.js";
import type { ProcessKey } from "#src/model/process-key.js";
import { parseStat } from "#src/processes/stat.js";
import { until } from "../../support/until.js";

const TICK_NS = 10_000_000n;

function keyOf(pid: number): ProcessKey {
  const stat = parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
  assert.ok(stat !== undefined);
  return { pid, startTimeNs: BigInt(stat.startTicks) * TICK_NS };
}

/** Where the process has its executable's ELF header. */
function headerOf(pid: number): number {
  const maps = readFileSync(`/proc/${pid}/maps`, "latin1");
  return Number.parseInt(/^([0-9a-f]+)-/.exec(maps)![1], 16);
}

describe("memory of a process", () => {
  it("is read where it is mapped, and only there", async () => {
    const memory = await ProcessMemory.open(keyOf(process.pid));
    assert.ok(memory instanceof ProcessMemory);
    try {
      const header = headerOf(process.pid);
      assert.deepEqual((await memory.read(header, 4))?.toString("latin1"), "\x7fELF");
      for (const address of [0, 8, NaN, -1, 2 ** 47 - 4096, 2 ** 53, 2 ** 60]) {
        assert.equal(await memory.read(address, 16), undefined, String(address));
      }
      assert.equal(await memory.read(header, 0), undefined);
    } finally {
      await memory.close();
    }
  });

  it("is read by pages, many at once, and as much of each as is there", async () => {
    const memory = await ProcessMemory.open(keyOf(process.pid));
    assert.ok(memory instanceof ProcessMemory);
    const page = headerOf(process.pid) / 4096;
    const [first, none, again, beyond] = await memory.readPages([page, 1, page, 2 ** 35 - 1]);
    assert.deepEqual(first, await memory.read(page * 4096, 4096));
    assert.deepEqual(again, first);
    assert.deepEqual([none, beyond], [undefined, undefined]);
    const reading = memory.readPages(Array.from({ length: 500 }, () => page));
    await memory.close();
    // The read goes on with what was open when it was asked for.
    assert.ok((await reading).every((bytes) => bytes?.equals(first!)));
    assert.deepEqual(await memory.readPages([page]), [undefined]);
  });

  it("is not another's that has its number, nor of one that is gone", async () => {
    const { pid, startTimeNs } = keyOf(process.pid);
    assert.equal(await ProcessMemory.open({ pid, startTimeNs: startTimeNs - TICK_NS }), "pid-reused");
    const child = spawn("true");
    await once(child, "exit");
    assert.equal(await ProcessMemory.open({ pid: child.pid!, startTimeNs: 0n }), "gone");
  });

  it("ends with the process", async () => {
    const child = spawn("sleep", ["60"]);
    await once(child, "spawn");
    const memory = await ProcessMemory.open(keyOf(child.pid!));
    assert.ok(memory instanceof ProcessMemory);
    const header = headerOf(child.pid!);
    assert.equal((await memory.read(header, 4))?.length, 4);
    child.kill("SIGKILL");
    await once(child, "exit");
    assert.equal(await memory.read(header, 4), undefined);
    await memory.close();
  });

  it("is another's when the process has become another program, and nobody's when it has ended", async () => {
    const child = spawn("sh", ["-c", "read line; exec sleep 60"], { stdio: ["pipe", "ignore", "ignore"] });
    await once(child, "spawn");
    await until(() => readlinkSync(`/proc/${child.pid!}/exe`).includes("sh"));
    const memory = await ProcessMemory.open(keyOf(child.pid!));
    assert.ok(memory instanceof ProcessMemory);
    try {
      assert.equal(memory.isReplaced, false);
      child.stdin.end("\n");
      await until(() => memory.isReplaced);
      child.kill("SIGKILL");
      await once(child, "exit");
      assert.equal(memory.isReplaced, false);
    } finally {
      await memory.close();
    }
  });
});
