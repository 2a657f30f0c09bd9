import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Session } from "#src/native/addon.js";
import * as fixture from "./fixture.js";

const { objectPath } = fixture.buildFixture();

function loaded(): Session {
  const session = fixture.fixtureSession(objectPath);
  session.load({ second: 2 });
  return session;
}

/** Mappings of BPF maps in this process, bytes. */
function mappedBytes(): number {
  const lines = readFileSync("/proc/self/maps", "utf8").split("\n");
  return lines
    .filter((line) => line.includes("bpf-map"))
    .map((line) => line.split(" ")[0].split("-"))
    .reduce((sum, [start, end]) => sum + parseInt(end, 16) - parseInt(start, 16), 0);
}

test("elements of a hash", fixture.needsRoot, () => {
  const session = loaded();
  const key = fixture.u64(7n);
  const value = new Uint8Array(4);
  assert.equal(session.lookupElement("settings", key, value), false);
  session.updateElement("settings", key, fixture.u32(42));
  assert.equal(session.lookupElement("settings", key, value), true);
  assert.deepEqual(value, fixture.u32(42));
  assert.equal(session.deleteElement("settings", key), true);
  assert.equal(session.deleteElement("settings", key), false);
  const full = () => {
    for (let i = 0n; i <= 16n; i++) session.updateElement("settings", fixture.u64(i), fixture.u32(1));
  };
  assert.throws(full, {
    name: "NativeError",
    code: "E2BIG",
    operation: "update map settings",
  });
  session.close();
});

test("the kernel reads and writes no more than the caller's bytes", fixture.needsRoot, () => {
  const session = loaded();
  const key = fixture.u64(7n);
  assert.throws(() => session.lookupElement("settings", fixture.u32(7), new Uint8Array(4)), { code: "EINVAL" });
  assert.throws(() => session.lookupElement("settings", key, new Uint8Array(3)), { code: "EINVAL" });
  assert.throws(() => session.updateElement("settings", key, new Uint8Array(8)), { code: "EINVAL" });
  assert.throws(() => session.deleteElement("settings", new Uint8Array(0)), {
    code: "EINVAL",
  });
  assert.throws(() => session.deleteElement("no_such_map", key), {
    code: "ENOENT",
  });
  // Of a per-CPU map the kernel copies 8 bytes for each possible CPU.
  const everyCpu = new Uint8Array(8 * fixture.addon.possibleCpus());
  assert.throws(() => session.lookupElement("per_cpu", fixture.u32(0), new Uint8Array(4)), { code: "EINVAL" });
  assert.equal(session.lookupElement("per_cpu", fixture.u32(0), everyCpu), true);
  session.close();
});

test("memory of an array is one buffer, and gone with its session", fixture.needsRoot, () => {
  const before = mappedBytes();
  const session = loaded();
  const memory = session.mapMemory("counters");
  assert.equal(memory, session.mapMemory("counters"));
  assert.equal(memory.byteLength, 256 * 64);
  new BigUint64Array(memory)[8 * 200] = 99n;
  const value = new Uint8Array(64);
  session.lookupElement("counters", fixture.u32(200), value);
  assert.equal(value[0], 99);
  assert.throws(() => session.mapMemory("settings"), { code: "EINVAL" });
  assert.throws(() => session.mapMemory("no_such_map"), { code: "ENOENT" });
  assert.ok(mappedBytes() > before);
  session.close();
  assert.equal(memory.byteLength, 0);
  assert.equal(mappedBytes(), before);
});

test("a program reads what was written into a published table's memory", fixture.needsRoot, async () => {
  const session = loaded();
  const memory = session.mapMemory("counters");
  const busy = fixture.keepCpusBusy();
  const seen = async () => {
    await fixture.sleep(100);
    return fixture.readCounts(memory).tableWord;
  };
  fixture.attachEverywhere(session, 99);
  const first = session.createTable(6);
  new BigUint64Array(first.memory!)[5] = 77n;
  await session.publishTable(3, first);
  assert.equal(await seen(), 77n);
  // Written after it was published, without a system call.
  new BigUint64Array(first.memory!)[5] = 78n;
  assert.equal(await seen(), 78n);
  // Another size in the same slot.
  const second = session.createTable(100_000);
  new BigUint64Array(second.memory!)[5] = 79n;
  await session.publishTable(3, second);
  assert.equal(await seen(), 79n);
  // Released here, it lives on in its slot.
  second.release();
  assert.equal(await seen(), 79n);
  const tooShort = session.createTable(5);
  await session.publishTable(3, tooShort);
  assert.equal(await seen(), 0n);
  busy.stop();
  session.close();
});

test("releasing a table unmaps it at once", fixture.needsRoot, () => {
  const session = loaded();
  const before = mappedBytes();
  const table = session.createTable(1_000_000);
  const memory = table.memory!;
  const view = new Uint32Array(memory);
  assert.equal(table.memory, memory);
  assert.equal(memory.byteLength, 8_000_000);
  assert.ok(mappedBytes() - before >= 8_000_000);
  table.release();
  assert.equal(mappedBytes(), before);
  assert.equal(table.memory, undefined);
  assert.equal(table.elements, 1_000_000);
  assert.equal(view.length, 0);
  table.release();
  assert.throws(() => session.publishTable(0, table), {
    name: "NativeError",
    code: "EBADF",
  });
  session.close();
});

test("an unmapped table keeps what was written, and is mapped again when it is read", fixture.needsRoot, () => {
  const session = loaded();
  const before = mappedBytes();
  const table = session.createTable(1_000_000);
  const words = new BigUint64Array(table.memory!);
  words[999_999] = 7n;
  table.unmap();
  assert.equal(mappedBytes(), before);
  assert.equal(words.length, 0);
  assert.equal(new BigUint64Array(table.memory!)[999_999], 7n);
  assert.ok(mappedBytes() - before >= 8_000_000);
  table.unmap();
  table.unmap();
  table.release();
  table.unmap();
  assert.equal(table.memory, undefined);
  assert.equal(mappedBytes(), before);
  session.close();
});

test("what is no longer referred to is unmapped by the garbage collector", fixture.needsRoot, async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const session = loaded();
  const before = mappedBytes();
  for (let i = 0; i < 20; i++) session.createTable(10_000);
  assert.ok(mappedBytes() - before >= 20 * 80_000);
  for (let i = 0; i < 20 && mappedBytes() > before; i++) {
    collectGarbage();
    await fixture.sleep(10);
  }
  // Less when it took something of an earlier test with it.
  assert.ok(mappedBytes() <= before);
  session.close();
});

test("tables are counted until they are neither held nor published", fixture.needsRoot, async () => {
  const session = loaded();
  const bytes = () => session.mapBytes()["table"];
  assert.equal(bytes(), 0);
  const table = session.createTable(10_000);
  const one = bytes();
  assert.ok(one >= 80_000 && one < 90_000, `${one} bytes`);
  await session.publishTable(0, table);
  assert.equal(bytes(), one);
  table.release();
  assert.equal(bytes(), one);
  await session.clearTable(0);
  assert.equal(bytes(), 0);
  const { ring, counters } = session.mapBytes();
  assert.ok(ring >= 65536);
  assert.ok(counters >= 256 * 64);
  session.close();
});

test("changes of slots happen in the order of the calls", fixture.needsRoot, async () => {
  const session = loaded();
  const tables = Array.from({ length: 8 }, () => session.createTable(1));
  const id = (slot: number) => {
    const value = new Uint8Array(4);
    return session.lookupElement("tables", fixture.u32(slot), value) ? new Uint32Array(value.buffer)[0] : 0;
  };
  // Enough at once that most wait for their turn and go together.
  await Promise.all(tables.map((table, slot) => session.publishTable(slot, table)));
  const ids = tables.map((_, slot) => id(slot));
  assert.equal(new Set(ids).size, 8);
  const results = await Promise.allSettled([
    session.publishTable(0, tables[1]),
    session.clearTable(0),
    session.publishTable(0, tables[2]),
    session.publishTable(1, tables[3]),
    session.publishTable(8, tables[4]),
    session.publishTable(2, tables[5]),
    session.clearTable(3),
    session.clearTable(3),
  ]);
  assert.deepEqual([0, 1, 2, 3].map(id), [ids[2], ids[3], ids[5], 0]);
  const failed = results.map((result) => result.status === "rejected");
  assert.deepEqual(failed, [false, false, false, false, true, false, false, false]);
  assert.equal(session.lookupElement("tables", fixture.u32(8), new Uint8Array(4)), false);
  session.close();
});

test("a table may be released, and a session closed, while a slot is changing", fixture.needsRoot, async () => {
  const session = loaded();
  const table = session.createTable(1);
  const changes = [session.publishTable(0, table), session.publishTable(1, table), session.clearTable(0)];
  table.release();
  session.close();
  await Promise.all(changes);
});
