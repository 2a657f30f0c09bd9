import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CgroupTable } from "#src/capture/cgroups.js";
import type { FirstSights } from "#src/capture/first-sights.js";
import { Intake } from "#src/capture/intake.js";
import { Tap } from "#src/capture/tap.js";
import { Window } from "#src/capture/window.js";
import type { ProfileThread } from "#src/model/profile.js";
import { outcome } from "#src/native/abi.generated.js";
import { Uint32Column } from "#src/util/column.js";
import { batchOf, firstSightRecord, sampleRecord } from "../../support/sample-record.js";

function setUp() {
  const waiting: Uint32Array[] = [];
  const firstSights = { add: (header: Uint32Array) => void waiting.push(header) } as unknown as FirstSights;
  const kernelMap = { updateElement: () => undefined, lookupElement: () => false, deleteElement: () => false };
  const intake = new Intake(new Window(), firstSights, new CgroupTable(kernelMap, 1));
  const clock = { ns: 100 };
  const take = (...records: readonly Uint8Array[]): void => {
    const { cursor, length } = batchOf(...records);
    intake.take(cursor, length);
  };
  const open = (wants: (thread: ProfileThread) => boolean = () => true): Tap => {
    const tap = new Tap(wants, () => clock.ns);
    intake.taps.add(tap);
    return tap;
  };
  /** As a rotation does. */
  const rotate = (): void => {
    intake.window = new Window();
    for (const tap of intake.taps) tap.windowEnded();
  };
  return { intake, clock, take, open, rotate, waiting };
}

describe("a tap", () => {
  it("gathers what passes a second time, and takes nothing away", () => {
    const { intake, take, open } = setUp();
    const plain = setUp();
    const tap = open();
    const records = [
      sampleRecord({ timeNs: 100n, frames: [1n, 2n] }),
      sampleRecord({ timeNs: 101n, frames: [1n, 2n], weight: 3 }),
      sampleRecord({ timeNs: 102n, frames: [3n], pid: 8 }),
    ];
    take(...records);
    plain.take(...records);
    for (const window of [tap.window, intake.window]) {
      assert.deepEqual(window.samples(), plain.intake.window.samples());
      assert.deepEqual(window.stacks.columns(), plain.intake.window.stacks.columns());
      assert.deepEqual(window.threads.threads(), plain.intake.window.threads.threads());
      assert.deepEqual([window.total, window.totalTicks], [3, 5]);
    }
  });

  it("has what was taken while it was open, whenever it comes", () => {
    const { intake, clock, take, open } = setUp();
    const tap = open();
    take(sampleRecord({ timeNs: 99n }), sampleRecord({ timeNs: 100n }), sampleRecord({ timeNs: 199n }));
    clock.ns = 200;
    tap.end();
    clock.ns = 300;
    tap.end();
    take(sampleRecord({ timeNs: 150n }), sampleRecord({ timeNs: 200n }), sampleRecord({ timeNs: 250n }));
    assert.equal(tap.window.total, 3);
    assert.equal(intake.window.total, 6);
    assert.equal(tap.endNs, 200);
  });

  it("tells times apart that do not fit a word", () => {
    const { clock, take, open } = setUp();
    clock.ns = 2 ** 45;
    const tap = open();
    take(sampleRecord({ timeNs: 2n ** 45n - 1n }), sampleRecord({ timeNs: 2n ** 45n }), sampleRecord({ timeNs: 7n }));
    assert.equal(tap.window.total, 1);
  });

  it("gathers a sample that waited for rows, also in a later window, and awaits it until then", () => {
    const { intake, take, open, rotate, waiting } = setUp();
    const tap = open(({ pid }) => pid === 7);
    take(firstSightRecord(), sampleRecord({ firstSight: true, timeNs: 110n, weight: 2 }));
    assert.equal(tap.window.total, 0);
    assert.ok(tap.awaits(waiting[0]));
    rotate();
    const frames = new Uint32Column(8);
    for (const word of [1, 2, 3, 4]) frames.push(word);
    intake.finish(waiting[0], frames, 1, outcome.complete);
    for (const window of [tap.window, intake.window]) {
      assert.deepEqual([window.total, window.totalTicks], [1, 2]);
      assert.deepEqual([...window.stacks.columns().words], [1, 2, 3, 4]);
      assert.deepEqual([...window.stacks.columns().kernelFrames], [1]);
    }
  });

  it("asks once for each thread of each window, and gathers only whom it wants", () => {
    const { take, open, rotate } = setUp();
    const asked: number[] = [];
    const tap = open(({ pid, cgroup }) => {
      asked.push(pid);
      assert.equal(cgroup, 5n);
      return pid % 2 === 0;
    });
    const many = Array.from({ length: 600 }, (_, at) => sampleRecord({ pid: 1000 + at, timeNs: 100n }));
    take(...many, ...many);
    assert.equal(asked.length, 600);
    assert.equal(tap.window.total, 600);
    rotate();
    take(sampleRecord({ pid: 1001, timeNs: 100n }), sampleRecord({ pid: 1000, timeNs: 100n }));
    assert.deepEqual(asked.slice(600), [1001, 1000]);
    assert.equal(tap.window.total, 601);
  });

  it("is one of several, each with its own", () => {
    const { clock, take, open } = setUp();
    const first = open(({ pid }) => pid === 7);
    clock.ns = 150;
    const second = open();
    take(sampleRecord({ timeNs: 120n }), sampleRecord({ timeNs: 160n }), sampleRecord({ timeNs: 160n, pid: 8 }));
    assert.deepEqual([first.window.total, second.window.total], [2, 2]);
  });
});
