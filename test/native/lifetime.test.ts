import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import * as fixture from "./fixture.js";

const { objectPath } = fixture.buildFixture();

/** A program over the fixture's functions, for a process or a worker of its own. */
function script(body: string): string {
  const imports = `import * as fixture from ${JSON.stringify(new URL("fixture.js", import.meta.url).href)};`;
  return `${imports}\nconst objectPath = ${JSON.stringify(objectPath)};\n${body}`;
}

function nodeArguments(body: string): string[] {
  return ["--input-type=module", "--eval", script(body)];
}

const attached = `
  const session = fixture.fixtureSession(objectPath);
  session.load({ second: 2 });
  session.mapMemory("counters");
  const table = session.createTable(1000);
  await session.publishTable(0, table);
  fixture.attachEverywhere(session, 99);`;

/** Programs of the fixture that the kernel has now, whoever loaded them. */
function loadedPrograms(): number[] {
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin`;
  const json = execFileSync("bpftool", ["-j", "prog", "list"], {
    encoding: "utf8",
    env: { ...process.env, PATH: path },
  });
  const programs = JSON.parse(json) as { id: number; name?: string }[];
  return programs.filter((program) => program.name === "second").map((program) => program.id);
}

function newPrograms(before: number[]): number {
  return loadedPrograms().filter((id) => !before.includes(id)).length;
}

/** The kernel frees programs a moment after their last descriptor is closed. */
async function waitForNoProgramBut(before: number[]): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (newPrograms(before) === 0) return;
    await fixture.sleep(20);
  }
  assert.fail("a program stayed loaded");
}

test("a killed process leaves nothing in the kernel", fixture.needsRoot, async () => {
  const before = loadedPrograms();
  const body = `${attached} session.onReadable(() => {}); console.log("attached");`;
  const child = spawn(process.execPath, nodeArguments(body), {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  assert.equal(newPrograms(before), 1);
  child.kill("SIGKILL");
  await once(child, "exit");
  await waitForNoProgramBut(before);
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
  const start = () => new Worker(new URL(`data:text/javascript,${encodeURIComponent(script(body))}`));
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

test("a worker may be terminated with everything open", fixture.needsRoot, async (t) => {
  const before = loadedPrograms();
  const body = `
    import { parentPort } from "node:worker_threads";
    ${attached}
    session.onReadable(() => {});
    globalThis.kept = [session, table];
    parentPort.postMessage("attached");
    for (;;) for (let i = 0; i < 8; i++) await session.publishTable(i, table);`;
  const busy = fixture.keepCpusBusy();
  t.after(() => busy.stop());
  for (let i = 0; i < 5; i++) {
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script(body))}`));
    t.after(() => worker.terminate());
    await once(worker, "message");
    assert.equal(newPrograms(before), 1);
    // Now and then while records are waiting, or a slot is changing.
    await fixture.sleep(7 * i);
    await worker.terminate();
    await waitForNoProgramBut(before);
  }
});
