import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { PassingSample } from "#src/capture/passing-sample.js";
import { answerJit } from "#src/jit/answer.js";
import { JitNames, type JitNamesOptions } from "#src/jit/jit-names.js";
import type { ProcessKey } from "#src/model/process-key.js";
import { BoundKinds } from "#src/naming/bound-kinds.js";
import type { BoundKind } from "#src/naming/bound-frames.js";
import { frameKind } from "#src/native/abi.generated.js";
import { startTimeNs } from "../../support/proc.js";
import { until } from "../../support/until.js";
import { sampleRecord } from "../../support/sample-record.js";

const children: ChildProcess[] = [];
const maps: string[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const map of maps.splice(0)) rmSync(map, { force: true });
});

/** A process with a perf map. */
function telling(map: string): ProcessKey {
  const { pid = 0 } = children[children.push(spawn("sleep", ["60"], { stdio: "ignore" })) - 1];
  maps.push(`/tmp/perf-${pid}.map`);
  writeFileSync(`/tmp/perf-${pid}.map`, map);
  return { pid, startTimeNs: startTimeNs(pid) };
}

function sampleOf({ pid, startTimeNs: startedNs }: ProcessKey, frames: readonly bigint[] = []): PassingSample {
  const bytes = sampleRecord({ pid, startTimeNs: startedNs, frames });
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const start = words.length - frames.length * 2;
  return { words, header: 0, frameWords: words, start, frames: frames.length, kernelFrames: 0, outcome: 0 };
}

function names(options: Partial<JitNamesOptions> = {}): JitNames {
  return new JitNames({
    answer: (request) => Promise.resolve(answerJit(request)),
    mayRead: () => true,
    ...{ memoryBytes: 1 << 20, readBytesPerSecond: 0, readBurstBytes: 1 << 20 },
    ...options,
  });
}

async function ask(jit: JitNames, process: ProcessKey, ...addresses: readonly number[]): Promise<string[]> {
  const zeros = new Uint32Array(addresses.length);
  const { chainIndices, chains, functions, codeKind } = await jit.bound({
    ...{ process, kind: frameKind.anonymous, addresses: Float64Array.from(addresses) },
    ...{ types: new Uint16Array(addresses.length), cookies: zeros, positions: zeros },
  });
  assert.equal(codeKind, "jit");
  return Array.from(chainIndices, (chain) => (chain < 0 ? "" : functions[chains.functions[chain]].name));
}

function missed(jit: JitNames): Record<string, number> {
  return Object.fromEntries([...jit.missing].filter(([, count]) => count > 0));
}

describe("names of just-in-time compiled code", () => {
  it("are of the process that was met, and counted", async () => {
    const jit = names();
    const [one, two] = [telling("1000 10 one\n"), telling("1000 10 two\n")];
    jit.sight(sampleOf(one));
    jit.sight(sampleOf(two));
    assert.deepEqual([await ask(jit, one, 0x1000, 0x2000), await ask(jit, two, 0x1008)], [["one", ""], ["two"]]);
    assert.equal(jit.named, 2);
    assert.deepEqual(missed(jit), { "not-covered": 1 });
    assert.deepEqual(Object.fromEntries(jit.outcomes), { "perf-map opened": 2, "perf-map read": 2 });
    assert.deepEqual([jit.processes, jit.codes, jit.readBytes], [2, 2, 24]);
    jit.close();
  });

  it("are none of a process that was not met, has no file, or is redacted; of a worker that died, or while it is not asked", async () => {
    const jit = names();
    assert.deepEqual(await ask(jit, { pid: 1, startTimeNs: 1n }, 0x1000), [""]);
    const bare = telling("");
    rmSync(maps[0]);
    jit.sight(sampleOf(bare));
    assert.deepEqual(await ask(jit, bare, 0x1000), [""]);
    assert.deepEqual(await ask(jit, { ...bare, startTimeNs: 5n }, 0x1000), [""]);
    jit.asksOn = false;
    assert.deepEqual(await ask(jit, bare, 0x1000, 0x2000), ["", ""]);
    assert.deepEqual(missed(jit), { "process-gone": 1, "no-file": 1, "pid-reused": 1, shed: 2 });
    jit.close();

    const process = telling("1000 10 one\n");
    const redacted = names({ mayRead: () => false });
    redacted.sight(sampleOf(process));
    await ask(redacted, process, 0x1000);
    assert.deepEqual([missed(redacted), redacted.outcomes.size], [{ redacted: 1 }, 0]);
    let isDead = true;
    const dying = names({
      answer: (request) => (isDead ? Promise.reject(new Error("died")) : Promise.resolve(answerJit(request))),
    });
    dying.sight(sampleOf(process));
    assert.deepEqual(await ask(dying, process, 0x1000), [""]);
    assert.deepEqual(missed(dying), { "worker-failed": 1 });
    isDead = false;
    assert.deepEqual(await ask(dying, process, 0x1000), ["one"], "the next window");
    redacted.close();
    dying.close();
  });

  it("are of a process that began to tell after it was met, and whose map is gone when it is asked for", async () => {
    const jit = names();
    const late = telling("");
    const [map] = maps;
    rmSync(map);
    jit.sight(sampleOf(late));
    writeFileSync(map, "1000 10 late\n");
    jit.sight(sampleOf(late));
    assert.deepEqual(Object.fromEntries(jit.outcomes), { "perf-map absent": 1 }, "not at each sample");
    await until(() => {
      jit.sight(sampleOf(late));
      return jit.outcomes.has("perf-map opened");
    });
    for (let i = 0; i < 10; i++) jit.sight(sampleOf(late));
    rmSync(map);
    assert.deepEqual(await ask(jit, late, 0x1000), ["late"]);
    assert.deepEqual(Object.fromEntries(jit.outcomes), {
      ...{ "perf-map absent": 1, "perf-map opened": 1, "perf-map read": 1 },
    });
    jit.close();
  });

  it("are looked for less and less in a process that has none", async () => {
    const jit = names();
    const bare = telling("");
    rmSync(maps[0]);
    const end = performance.now() + 1000;
    while (performance.now() < end) {
      jit.sight(sampleOf(bare));
      await nextTurn();
    }
    const looks = jit.outcomes.get("perf-map absent") ?? 0;
    assert.ok(looks > 1 && looks <= 3, `${looks}: at once, after 250 ms, after 500 more`);
    jit.close();
  });

  it("are read within a budget, and remembered within another", async () => {
    const jit = names({ readBurstBytes: 3000 });
    const line = (at: number): string => `${(0x1000 + 16 * at).toString(16)} 10 f${at}\n`;
    const process = telling(Array.from({ length: 10_000 }, (_, at) => line(at)).join(""));
    jit.sight(sampleOf(process));
    await ask(jit, process, 0x1000);
    assert.equal(jit.outcomes.get("perf-map postponed"), 1);
    const { readBytes } = jit;
    await ask(jit, process, 0x1000);
    assert.equal(jit.readBytes, readBytes, "nothing has accrued");
    jit.close();

    const small = names({ memoryBytes: 8000 });
    const processes = [telling("1000 10 one\n"), telling("1000 10 two\n"), telling("1000 10 three\n")];
    for (const process of processes) small.sight(sampleOf(process));
    for (const process of processes) await ask(small, process, 0x1000);
    assert.ok(small.bytes <= 8000, `${small.bytes} bytes`);
    assert.deepEqual(await ask(small, processes[0], 0x1000), ["one"], "read anew");
    small.resize(0);
    assert.equal(small.codes, 0);
    small.close();
  });

  it("hold files open for as long as windows may need them, and of so many processes", () => {
    const before = readdirSync("/proc/self/fd").length;
    const jit = names();
    const process = telling("1000 10 one\n");
    jit.sight(sampleOf(process));
    for (const waiting of [0, 0, 1]) jit.windowWritten(waiting);
    assert.equal(jit.processes, 1);
    jit.sight(sampleOf(process));
    for (let window = 0; window < 3; window++) jit.windowWritten(0);
    assert.equal(jit.processes, 0);
    for (let pid = 1; pid < 2000; pid++) jit.sight(sampleOf({ pid: 5_000_000 + pid, startTimeNs: 1n }));
    assert.ok(jit.processes <= 512);
    jit.close();
    assert.equal(readdirSync("/proc/self/fd").length, before);
  });

  it("are asked for at once by two windows, neither of which has the other's memory", async () => {
    const jit = names({
      answer: (request) => {
        const moved = structuredClone(request, {
          transfer: request.files.flatMap(({ state }) => (state ? [state.columns.starts.buffer as ArrayBuffer] : [])),
        });
        return new Promise((resolve) =>
          setImmediate(() => {
            resolve(answerJit(moved));
          }),
        );
      },
    });
    const process = telling("1000 10 one\n");
    jit.sight(sampleOf(process));
    await ask(jit, process, 0x1000);
    assert.deepEqual(await Promise.all([ask(jit, process, 0x1000), ask(jit, process, 0x1000)]), [["one"], ["one"]]);
    jit.close();
  });
});

describe("kinds of frames that mean something in one process only", () => {
  it("are told of a stack that has them, once each", () => {
    const told: string[] = [];
    const kind = (name: string): BoundKind => ({
      sight: () => told.push(name),
      bound: () => Promise.reject(new Error("nobody asks")),
      windowWritten: () => undefined,
      close: () => undefined,
    });
    const kinds = new BoundKinds(
      new Map([
        [frameKind.anonymous, kind("jit")],
        [9, kind("nine")],
        [8, kind("eight")],
      ]),
    );
    const frame = (value: number): bigint => BigInt(value) << 60n;
    kinds.sight(
      sampleOf({ pid: 1, startTimeNs: 1n }, [frame(9), frame(frameKind.detail), frame(1), 5n, frame(1), frame(9)]),
    );
    assert.deepEqual(told, ["nine", "jit"]);
  });
});
