import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import * as fixture from "./fixture.js";

const { objectPath, drainTest } = fixture.buildFixture();

test("the reader of the ring, over a ring filled by hand", () => {
  const tap = execFileSync(drainTest, { encoding: "utf8" });
  assert.doesNotMatch(tap, /^not ok/m);
  assert.match(tap, /^1\.\.\d+$/m);
});

test("a hundred thousand records arrive whole and in order, or are counted", fixture.needsRoot, async () => {
  const session = fixture.fixtureSession(objectPath, {
    mapEntries: { ring: 4 << 20 },
    constants: { records_per_tick: fixture.u32(64) },
  });
  session.load({ second: 2 });
  const memory = session.mapMemory("counters");
  const checker = new fixture.RecordChecker();
  const batch = fixture.newBatch();
  const drain = () => {
    for (let more = true; more;) {
      const result = session.drain(batch);
      checker.add(batch, result.bytes);
      more = result.more;
    }
  };
  session.onReadable(drain);
  const busy = fixture.keepCpusBusy();
  fixture.attachEverywhere(session, 999);
  const deadline = Date.now() + 20_000;
  while (checker.records < 100_000 && Date.now() < deadline) await fixture.sleep(50);
  session.setEnabled(false);
  busy.stop();
  drain();

  const counts = fixture.readCounts(memory);
  session.close();
  assert.ok(checker.records >= 100_000, `${checker.records} records`);
  assert.equal(checker.wrong, 0);
  assert.equal(checker.records, counts.submitted);
  assert.equal(counts.submitted + counts.refused, 64 * counts.ticks);
  assert.ok(counts.discarded > 0, "the ring had holes");
});

test("a full ring loses new records, never old ones", fixture.needsRoot, async () => {
  const session = fixture.fixtureSession(objectPath, {
    mapEntries: { ring: 65536 },
    constants: { records_per_tick: fixture.u32(16) },
  });
  session.load({});
  const memory = session.mapMemory("counters");
  const busy = fixture.keepCpusBusy();
  fixture.attachEverywhere(session, 999);
  await fixture.sleep(200);
  session.setEnabled(false);
  busy.stop();

  const checker = new fixture.RecordChecker();
  // Barely larger than a record: every drain stops before one that does not fit.
  const batch = fixture.newBatch(5000);
  let drains = 0;
  for (let more = true; more; drains++) {
    const result = session.drain(batch);
    checker.add(batch, result.bytes);
    more = result.more;
  }
  const counts = fixture.readCounts(memory);
  session.close();
  assert.ok(counts.refused > 0);
  assert.ok(drains > 10);
  assert.equal(checker.wrong, 0);
  assert.equal(checker.records, counts.submitted);
});

test("a record larger than the batch stays in the ring", fixture.needsRoot, async () => {
  const session = fixture.fixtureSession(objectPath);
  session.load({});
  const busy = fixture.keepCpusBusy();
  fixture.attachEverywhere(session, 99);
  await fixture.sleep(200);
  session.setEnabled(false);
  busy.stop();
  assert.throws(() => session.drain(fixture.newBatch(16)), {
    name: "NativeError",
    code: "EMSGSIZE",
  });
  const batch = fixture.newBatch();
  const checker = new fixture.RecordChecker();
  checker.add(batch, session.drain(batch).bytes);
  session.close();
  assert.ok(checker.records > 0);
  assert.equal(checker.wrong, 0);
});
