import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import * as fixture from "./fixture.js";

const { objectPath } = fixture.buildFixture();

const prepared = `
  import { openSync } from "node:fs";
  import { parentPort } from "node:worker_threads";
  const { addon } = fixture;
  const session = fixture.fixtureSession(objectPath);
  session.load({ second: 2 });
  session.onReadable(() => {});
  const table = session.createTable(1000);
  const [batch, cpus] = [fixture.newBatch(), [0]];
  const [key, value] = [fixture.u64(1n), fixture.u32(2)];
  const [root, memory] = [openSync("/"), openSync("/proc/self/mem")];
  const [pages, into] = [new Float64Array(4), new Uint8Array(4 * 4096)];
  globalThis.kept = [session, table];`;

/** Between them every function of the addon, each of which is in the kernel or in Node-API for most of its time. */
const calls = {
  "a session": `{
    const another = fixture.addon.createSession({
      objectPath, mapEntries: {}, constants: {}, skipPrograms: ["refused_by_verifier"],
    });
    another.load({ second: 2 });
    another.mapMemory("counters");
    another.close(); }`,
  attaching: `session.attach("tick", 0, 99); session.setFrequency(50); session.setEnabled(true); session.detach(0);`,
  "an error": `try { session.attach("none", 0, 99); } catch {}`,
  draining: `session.drain(batch);`,
  "a table": `{ const one = session.createTable(10); one.memory; one.unmap(); one.memory; one.release(); }`,
  "a table that is forgotten": `session.createTable(10).memory;`,
  "slots, filled": `session.publishTable(i & 7, table).catch(() => {});`,
  "slots, emptied": `session.clearTable(i & 7).catch(() => {});`,
  elements: `session.updateElement("settings", key, value); session.lookupElement("settings", key, value);
    session.deleteElement("settings", key);`,
  sizes: `session.mapBytes(); session.programStats(); addon.possibleCpus();`,
  statistics: `addon.enableProgramStats()();`,
  "a path": `addon.withPath(root, "/etc/passwd", true, (fd) => [fd]);`,
  "symbols of the kernel": `{ const watch = addon.watchKernelSymbols(cpus); watch(); watch(true); }`,
  "pages of a process": `addon.readPages(memory, pages, into).catch(() => {});`,
  memory: `addon.trimMemory(); addon.unmapCode();`,
};

/** What a loop runs out of: descriptors of what is still on its way to another thread. */
const RAN_OUT = `if (error.code !== "EMFILE") throw error;`;

for (const [name, call] of Object.entries(calls)) {
  test(`a worker may be terminated in the middle of ${name}`, fixture.needsRoot, async () => {
    const before = fixture.loadedPrograms();
    const body = `${prepared}
      parentPort.postMessage("ready");
      for (let i = 0; ; i++) try { ${call} } catch (error) { ${RAN_OUT} }`;
    for (let i = 0; i < 6; i++) {
      const worker = fixture.startWorker(objectPath, body);
      const ended = new Promise((resolve, reject) => worker.once("exit", resolve).once("error", reject));
      await once(worker, "message");
      await fixture.sleep(2 * i);
      await worker.terminate();
      await ended;
    }
    await fixture.waitForNoProgramBut(before);
  });
}

test("these are all the functions there are", fixture.needsRoot, () => {
  const session = fixture.fixtureSession(objectPath);
  session.load({});
  const functions = [fixture.addon, prototypeOf(session), prototypeOf(session.createTable(1))]
    .flatMap((object) => Object.getOwnPropertyNames(object))
    .filter((name) => !["constructor", "abiFingerprint", "elements"].includes(name));
  session.close();
  assert.ok(functions.length > 20);
  const called = prepared + Object.values(calls).join("");
  assert.deepEqual(
    functions.filter((name) => !called.includes(`.${name}`)),
    [],
  );
});

test("a worker may be terminated with everything open", fixture.needsRoot, async (t) => {
  const before = fixture.loadedPrograms();
  const body = `${prepared}
    session.mapMemory("counters");
    fixture.attachEverywhere(session, 99);
    parentPort.postMessage("ready");
    for (;;) for (let i = 0; i < 8; i++) await session.publishTable(i, table);`;
  const busy = fixture.keepCpusBusy();
  t.after(() => busy.stop());
  for (let i = 0; i < 5; i++) {
    const worker = fixture.startWorker(objectPath, body);
    t.after(() => worker.terminate());
    await once(worker, "message");
    assert.equal(fixture.newPrograms(before), 1);
    // Now and then while records are waiting, or a slot is changing.
    await fixture.sleep(7 * i);
    await worker.terminate();
    await fixture.waitForNoProgramBut(before);
  }
});

function prototypeOf(object: object): object {
  return Object.getPrototypeOf(object) as object;
}
