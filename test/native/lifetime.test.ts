import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import * as fixture from "./fixture.js";

const { objectPath } = fixture.buildFixture();

function nodeArguments(body: string): string[] {
  return ["--input-type=module", "--eval", fixture.program(objectPath, body)];
}

const attached = `
  const session = fixture.fixtureSession(objectPath);
  session.load({ second: 2 });
  session.mapMemory("counters");
  const table = session.createTable(1000);
  await session.publishTable(0, table);
  fixture.attachEverywhere(session, 99);`;

test("a killed process leaves nothing in the kernel", fixture.needsRoot, async () => {
  const before = fixture.loadedPrograms();
  // Nothing else holds the session once the program has run to its end.
  const body = `${attached} session.onReadable(() => {}); globalThis.kept = session; console.log("attached");`;
  const child = spawn(process.execPath, nodeArguments(body), {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  assert.equal(fixture.newPrograms(before), 1);
  child.kill("SIGKILL");
  await once(child, "exit");
  await fixture.waitForNoProgramBut(before);
});

test("a process ends by itself after close", fixture.needsRoot, () => {
  const body = `${attached} session.onReadable(() => {}); session.close(); console.log("closed");`;
  const result = spawnSync(process.execPath, nodeArguments(body), {
    encoding: "utf8",
    timeout: 10_000,
  });
  assert.equal(result.stdout, "closed\n", result.stderr);
  assert.equal(result.status, 0);
});

test("a process may exit with everything open", fixture.needsRoot, () => {
  const body = `${attached} session.onReadable(() => {}); fixture.addon.enableProgramStats(); process.exit(7);`;
  const result = spawnSync(process.execPath, nodeArguments(body), {
    encoding: "utf8",
    timeout: 10_000,
  });
  assert.equal(result.signal, null, result.stderr);
  assert.equal(result.status, 7);
});

test("a slot may be changing when the process exits", fixture.needsRoot, () => {
  const body = `${attached} for (let i = 0; i < 8; i++) void session.publishTable(i, table); process.exit(7);`;
  const result = spawnSync(process.execPath, nodeArguments(body), {
    encoding: "utf8",
    timeout: 10_000,
  });
  assert.equal(result.signal, null, result.stderr);
  assert.equal(result.status, 7);
});

test("what a listener throws is an uncaught exception", fixture.needsRoot, () => {
  const body = `${attached}
    process.on("uncaughtException", (error) => { console.log(error.message); session.close(); busy.stop(); });
    const busy = fixture.keepCpusBusy();
    session.onReadable(() => { throw new Error("from the listener"); });`;
  const result = spawnSync(process.execPath, nodeArguments(body), {
    encoding: "utf8",
    timeout: 10_000,
  });
  assert.equal(result.stdout, "from the listener\n", result.stderr);
  assert.equal(result.status, 0);
});

test("a listener may close its session", fixture.needsRoot, async () => {
  const session = fixture.fixtureSession(objectPath);
  session.load({});
  const busy = fixture.keepCpusBusy();
  fixture.attachEverywhere(session, 99);
  let calls = 0;
  await new Promise<void>((resolve) => {
    session.onReadable(() => {
      calls++;
      session.close();
      resolve();
    });
    assert.throws(() => session.onReadable(() => undefined), {
      code: "EEXIST",
    });
  });
  await fixture.sleep(100);
  busy.stop();
  assert.equal(calls, 1);
});

test("a session that is forgotten is closed by the garbage collector", fixture.needsRoot, () => {
  const body = `
    import { setFlagsFromString } from "node:v8";
    import { runInNewContext } from "node:vm";
    import { readdirSync, readlinkSync } from "node:fs";
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc");
    const open = () => readdirSync("/proc/self/fd").filter((fd) => {
      try { return readlinkSync("/proc/self/fd/" + fd).includes("bpf"); } catch { return false; }
    }).length;
    await (async () => { ${attached} })();
    const before = open();
    for (let i = 0; i < 50 && open() > 0; i++) { gc(); await fixture.sleep(10); }
    console.log(before > 5, open());`;
  const result = spawnSync(process.execPath, nodeArguments(body), {
    encoding: "utf8",
    timeout: 10_000,
  });
  assert.equal(result.stdout, "true 0\n", result.stderr);
});

test("the main thread and workers load at the same time", fixture.needsRoot, async () => {
  const body = `
    import { parentPort } from "node:worker_threads";
    for (let i = 0; i < 3; i++) {
      ${attached}
      session.onReadable(() => session.drain(batch));
      const batch = fixture.newBatch();
      await fixture.sleep(20);
      let failure = "";
      try { fixture.fixtureSession(objectPath, { skipPrograms: [] }).load({}); } catch (error) { failure = error.log; }
      if (!failure.includes("map_value_or_null")) throw new Error("a log of someone else: " + failure);
      session.close();
    }
    parentPort.postMessage("done");`;
  const start = () => fixture.startWorker(objectPath, body);
  const workers = [start(), start()];
  const ends = workers.map(async (worker) => {
    const [[message], [status]] = (await Promise.all([once(worker, "message"), once(worker, "exit")])) as [
      [string],
      [number],
    ];
    return `${message} ${status}`;
  });
  for (let i = 0; i < 5; i++) {
    const session = fixture.fixtureSession(objectPath);
    session.load({ second: 2 });
    fixture.attachEverywhere(session, 99);
    session.close();
    await fixture.sleep(10);
  }
  assert.deepEqual(await Promise.all(ends), ["done 0", "done 0"]);
});
