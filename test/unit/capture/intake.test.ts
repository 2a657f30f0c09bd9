import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CgroupTable } from "#src/capture/cgroups.js";
import type { FirstSights } from "#src/capture/first-sights.js";
import { Intake } from "#src/capture/intake.js";
import { Window } from "#src/capture/window.js";
import type { CgroupId } from "#src/model/cgroup.js";
import { outcome } from "#src/native/abi.generated.js";
import { Uint32Column } from "#src/util/column.js";
import { cgroupRecord } from "../../support/cgroup-record.js";
import { batchOf, firstSightRecord, sampleRecord } from "../../support/sample-record.js";

function setUp() {
  const finishLater: Uint32Array[] = [];
  const firstSights = { add: (header: Uint32Array) => void finishLater.push(header) } as unknown as FirstSights;
  const kernelMap = { updateElement: () => undefined, lookupElement: () => false, deleteElement: () => false };
  const cgroups = new CgroupTable(kernelMap, 1);
  const intake = new Intake(new Window(), firstSights, cgroups);
  const told: (readonly number[])[] = [];
  intake.onNewThread = (...words) => told.push(words);
  const take = (...records: readonly Uint8Array[]) => {
    const { cursor, length } = batchOf(...records);
    intake.take(cursor, length);
  };
  return { intake, cgroups, told, take, finishLater };
}

describe("Intake", () => {
  it("tells each thread of a window once, with its cgroup and its process's start", () => {
    const { intake, told, take } = setUp();
    take(sampleRecord({}), sampleRecord({}), sampleRecord({ cgroup: 2n ** 33n + 5n }), sampleRecord({ pid: 8 }));
    take(sampleRecord({}));
    assert.deepEqual(told, [
      [7, 3, 256, 5, 0],
      [7, 3, 256, 5, 2],
      [8, 3, 256, 5, 0],
    ]);
    intake.window = new Window();
    take(sampleRecord({}));
    assert.equal(told.length, 4);
  });

  it("tells a thread whose first sample makes a detour while it makes it", () => {
    const { intake, told, take, finishLater } = setUp();
    take(firstSightRecord(), sampleRecord({ firstSight: true, weight: 3 }));
    assert.deepEqual(told, [[7, 3, 256, 5, 0]]);
    assert.equal(intake.window.total, 0);
    intake.finish(finishLater[0], new Uint32Column(8), 0, outcome.complete);
    assert.deepEqual([intake.window.total, intake.window.totalTicks], [1, 3]);
    assert.equal(intake.window.threads.threads()[0].cgroup, 5n);
  });

  it("counts a sample as one and as the ticks it stands for", () => {
    const { intake, take } = setUp();
    take(sampleRecord({}), sampleRecord({ weight: 4 }), sampleRecord({ weight: 255 }));
    const { length, count, ticks } = intake.window.samples();
    assert.deepEqual([length, count[0], ticks[0]], [1, 3, 260]);
    assert.equal(intake.window.outcomes[outcome.complete], 3);
  });

  it("hands on a cgroup, and counts a record that says something impossible", () => {
    const { intake, cgroups, take } = setUp();
    take(cgroupRecord({ id: 5n, leafFirst: ["b", "a"] }), cgroupRecord({ id: 6n, leafFirst: [".."] }));
    assert.deepEqual(cgroups.path(5n as CgroupId)?.names, ["a", "b"]);
    assert.equal(cgroups.path(6n as CgroupId), undefined);
    assert.equal(intake.malformed, 1);
    take(sampleRecord({}));
    assert.equal(intake.malformed, 1, "a later batch forgets nothing");
  });
});
