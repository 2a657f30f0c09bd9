import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import type { SessionOptions } from "#src/native/addon.js";
import { isNativeError } from "#src/native/load.js";
import * as fixture from "./fixture.js";

const { objectPath } = fixture.buildFixture();

function failureOf(call: () => void): {
  code: string;
  operation: string;
  log: string;
  message: string;
} {
  try {
    call();
  } catch (error) {
    assert.ok(isNativeError(error), String(error));
    return error;
  }
  return assert.fail("nothing was thrown");
}

test("constants reach the program, by name and size", fixture.needsRoot, async () => {
  const session = fixture.fixtureSession(objectPath, {
    constants: {
      marker: fixture.u64(0x0123456789abcdefn),
      records_per_tick: fixture.u32(0),
    },
  });
  session.load({ second: 2 });
  const busy = fixture.keepCpusBusy();
  fixture.attachEverywhere(session, 99);
  await fixture.sleep(150);
  const counts = fixture.readCounts(session.mapMemory("counters"));
  busy.stop();
  session.close();
  assert.ok(counts.ticks > 0);
  assert.equal(counts.marker, 0x0123456789abcdefn);
  assert.equal(counts.submitted, 0);
  assert.equal(counts.tailCalled, counts.ticks);
  assert.ok(counts.pid > 0, "CO-RE found the field");
});

test("what the object does not have is refused before anything is loaded", fixture.needsRoot, () => {
  const load = (changes: Parameters<typeof fixture.fixtureSession>[1], tailCalls = {}) => {
    const session = fixture.fixtureSession(objectPath, changes);
    return failureOf(() => session.load(tailCalls));
  };
  const four = fixture.u32(1);
  const eight = fixture.u64(1n);
  const constant = load({ constants: { no_such_constant: four } });
  assert.equal(`${constant.operation} ${constant.code}`, "find constant no_such_constant ENOENT");
  const size = load({ constants: { records_per_tick: eight } });
  assert.equal(`${size.operation} ${size.code}`, "set constant records_per_tick of 4 bytes to 8 bytes EINVAL");
  const map = load({ mapEntries: { no_such_map: 1 } });
  assert.equal(`${map.operation} ${map.code}`, "size map no_such_map ENOENT");
  const program = load({ skipPrograms: ["no_such_program"] });
  assert.equal(`${program.operation} ${program.code}`, "skip program no_such_program ENOENT");
  const tailCall = load({}, { no_such_program: 1 });
  assert.equal(`${tailCall.operation} ${tailCall.code}`, "put program no_such_program in tail call 1 ENOENT");
  const slot = load({}, { second: 4 });
  assert.equal(`${slot.operation} ${slot.code}`, "put program second in tail call 4 E2BIG");
});

test("a skipped program leaves its tail call empty", fixture.needsRoot, () => {
  const session = fixture.fixtureSession(objectPath, {
    skipPrograms: ["refused_by_verifier", "second"],
  });
  session.load({ second: 2 });
  assert.deepEqual(Object.keys(session.programStats()), ["tick"]);
  assert.equal(session.lookupElement("programs", fixture.u32(2), new Uint8Array(4)), false);
  session.close();
});

test("a program that the verifier refuses is named, with the end of the log", fixture.needsRoot, () => {
  const session = fixture.fixtureSession(objectPath, { skipPrograms: [] });
  const failure = failureOf(() => session.load({}));
  assert.equal(failure.operation, "load program refused_by_verifier");
  assert.equal(failure.code, "EACCES");
  assert.match(failure.log, /invalid mem access/);
  assert.ok(failure.log.length <= 16 * 1024);
  // A failed session is closed: every call says so, and closing it again is nothing.
  assert.equal(failureOf(() => session.attach("tick", 0, 99)).code, "EBADF");
  assert.equal(failureOf(() => session.drain(fixture.newBatch())).code, "EBADF");
  assert.equal(failureOf(() => session.mapMemory("counters")).code, "EBADF");
  session.close();
});

test("a file that is no BPF object, and one that is not there", () => {
  const text = path.join(path.dirname(objectPath), "no-object");
  writeFileSync(text, "not an ELF file, though long enough to look at its header: 0123456789abcdef");
  assert.equal(failureOf(() => fixture.fixtureSession(text).load({})).code, "ENOEXEC");
  assert.equal(failureOf(() => fixture.fixtureSession(`${objectPath}.gone`).load({})).code, "ENOENT");
});

test("a kernel without BTF is told from other failures", fixture.needsRoot, () => {
  const script = `
    import { addon, fixtureSession } from ${JSON.stringify(new URL("fixture.js", import.meta.url).href)};
    try { fixtureSession(${JSON.stringify(objectPath)}).load({}); } catch (error) {
      console.log(error.operation + " " + error.code);
    }`;
  const hide = 'mount -t tmpfs none /sys/kernel/btf && exec "$0" --input-type=module --eval "$1"';
  const result = spawnSync("unshare", ["--mount", "sh", "-c", hide, process.execPath, script], { encoding: "utf8" });
  assert.equal(result.stdout, "read kernel BTF ENOENT\n", result.stderr);
});

test("attaching", fixture.needsRoot, () => {
  const session = fixture.fixtureSession(objectPath);
  session.load({});
  session.attach("tick", 0, 99);
  assert.equal(failureOf(() => session.attach("tick", 0, 99)).code, "EEXIST");
  assert.equal(failureOf(() => session.attach("no_such_program", 1, 99)).code, "ENOENT");
  const cpu = failureOf(() => session.attach("tick", 100_000, 99));
  assert.equal(cpu.operation, "perf_event_open on cpu 100000");
  session.detach(0);
  assert.equal(failureOf(() => session.detach(0)).code, "ENOENT");
  session.attach("tick", 0, 99);
  session.close();
});

test("without rights the operation is named", fixture.needsRoot, () => {
  const script = `
    import { fixtureSession } from ${JSON.stringify(new URL("fixture.js", import.meta.url).href)};
    process.setgid(65534); process.setuid(65534);
    try { fixtureSession(${JSON.stringify(objectPath)}).load({}); } catch (error) {
      console.log(error.operation + " " + error.code);
    }`;
  const result = spawnSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
  assert.match(result.stdout, /^(load|create|open) .* (EPERM|EACCES)\n$/, result.stderr);
});

test("ticks stop while disabled, and for what is attached meanwhile", fixture.needsRoot, async () => {
  const session = fixture.fixtureSession(objectPath, {
    constants: { records_per_tick: fixture.u32(0) },
  });
  session.load({});
  const memory = session.mapMemory("counters");
  const busy = fixture.keepCpusBusy();
  session.setEnabled(false);
  fixture.attachEverywhere(session, 999);
  await fixture.sleep(100);
  const disabled = fixture.readCounts(memory).ticks;
  session.setEnabled(true);
  await fixture.sleep(100);
  const enabled = fixture.readCounts(memory).ticks;
  busy.stop();
  session.close();
  assert.equal(disabled, 0);
  assert.ok(enabled > 10);
});

test("two sessions at once do not see each other", fixture.needsRoot, async () => {
  const sessions = [1n, 2n].map((marker) => {
    const session = fixture.fixtureSession(objectPath, {
      constants: { marker: fixture.u64(marker) },
    });
    session.load({});
    return session;
  });
  const busy = fixture.keepCpusBusy();
  for (const session of sessions) fixture.attachEverywhere(session, 99);
  await fixture.sleep(150);
  busy.stop();
  const markers = sessions.map((session) => fixture.readCounts(session.mapMemory("counters")).marker);
  for (const session of sessions) session.close();
  assert.deepEqual(markers, [1n, 2n]);
});

test("run time of programs while statistics are on", fixture.needsRoot, async () => {
  const session = fixture.fixtureSession(objectPath);
  session.load({});
  const stop = fixture.addon.enableProgramStats();
  const busy = fixture.keepCpusBusy();
  fixture.attachEverywhere(session, 99);
  await fixture.sleep(150);
  busy.stop();
  stop();
  stop();
  const { tick } = session.programStats();
  session.close();
  assert.ok(tick !== undefined && tick.runs > 0 && tick.nanoseconds > 0);
});

test("a wrong argument is a TypeError, not a crash", fixture.needsRoot, () => {
  const session = fixture.fixtureSession(objectPath);
  session.load({});
  const wrong = session as unknown as Record<string, (...values: unknown[]) => unknown>;
  const create = (options: unknown) => fixture.addon.createSession(options as SessionOptions);
  assert.throws(() => create(undefined), TypeError);
  assert.throws(() => create({ objectPath: 1 }), TypeError);
  assert.throws(() => wrong["attach"]("tick", -1, 99), TypeError);
  assert.throws(() => wrong["attach"]("tick", 1.5, 99), TypeError);
  assert.throws(() => wrong["drain"](new Uint16Array(8)), TypeError);
  assert.throws(() => wrong["onReadable"]("listener"), TypeError);
  assert.throws(() => wrong["updateElement"]("settings", "key", "value"), TypeError);
  assert.throws(() => wrong["publishTable"](0, {}), { name: "NativeError" });
  assert.throws(() => wrong["publishTable"](0, session), {
    name: "NativeError",
  });
  assert.throws(() => wrong["load"]("programs"), TypeError);
  assert.throws(() => Reflect.construct(session.createTable(1).constructor, []), TypeError);
  session.close();
});
