import assert from "node:assert/strict";
import { once } from "node:events";
import { spawn } from "node:child_process";
import { cpus } from "node:os";
import { describe, it } from "node:test";
import { Sampler } from "#src/capture/sampler.js";
import { hostCgroupHierarchy } from "#src/host/cgroup-hierarchy.js";
import { isNativeError } from "#src/native/load.js";
import * as fixture from "./fixture.js";
import { loadNative } from "#src/native/load.js";

/** Attached, but all is refused: it is the ticks that count. */
function newSampler(frequencyHz: number): Sampler {
  const limits = { ringBytes: 1 << 20, executables: 16 };
  const nobody = { pids: [], comms: [], defaultDivisor: 0 };
  return new Sampler(
    loadNative(),
    { frequencyHz, hierarchy: hostCgroupHierarchy(), ...limits, ...nobody },
    () => undefined,
  );
}

/** All that hit a task, and those few that hit the idle one. */
function ticksOf(sampler: Sampler): number {
  const { ticks, idle_ticks: idle } = sampler.counters();
  return ticks + idle;
}

describe("the rate of ticks", fixture.needsRoot, () => {
  it("changes in place, to nothing and back: as many come as it says, within 5 %", async (t) => {
    const sampler = newSampler(19);
    const busy = keepCpusBusy();
    try {
      await busy.begun;
      sampler.start();
      for (const [frequencyHz, seconds] of [
        [19, 6],
        [99, 2],
        [0, 1],
        [19, 6],
        [999, 1],
        [0, 0.5],
        [499, 1],
      ] as const) {
        sampler.setFrequency(frequencyHz);
        const start = performance.now();
        const before = ticksOf(sampler);
        await fixture.sleep(seconds * 1000);
        const ticks = ticksOf(sampler) - before;
        const expected = (frequencyHz * cpus().length * (performance.now() - start)) / 1000;
        t.diagnostic(`${frequencyHz} Hz: ${ticks} ticks of ${expected.toFixed(1)}`);
        if (frequencyHz === 0) assert.equal(ticks, 0);
        // The first tick comes a whole period after the change.
        else assert.ok(Math.abs(ticks - expected) <= expected * 0.05 + cpus().length, `${ticks} of ${expected}`);
      }
    } finally {
      busy.stop();
      sampler.stop();
      sampler.close();
    }
  });

  it("may be nothing from the start", async () => {
    const sampler = newSampler(0);
    const busy = keepCpusBusy();
    try {
      await busy.begun;
      sampler.start();
      await fixture.sleep(100);
      assert.deepEqual([ticksOf(sampler), sampler.cpus], [0, 0]);
      sampler.setFrequency(499);
      await fixture.sleep(100);
      assert.ok(ticksOf(sampler) > 0);
      assert.equal(sampler.cpus, cpus().length);
    } finally {
      busy.stop();
      sampler.stop();
      sampler.close();
    }
  });

  it("outside what a clock can do is refused, and nothing divides by it", () => {
    const { objectPath } = fixture.buildFixture();
    const session = fixture.fixtureSession(objectPath);
    session.load({});
    for (const frequencyHz of [0, 100_001]) {
      assert.throws(() => session.attach("tick", 0, frequencyHz), isInvalid);
    }
    session.attach("tick", 0, 100_000);
    session.setFrequency(1);
    for (const frequencyHz of [0, 100_001]) {
      assert.throws(() => session.setFrequency(frequencyHz), isInvalid);
    }
    session.close();
  });
});

function isInvalid(error: unknown): boolean {
  return isNativeError(error) && error.code === "EINVAL";
}

/** One busy process on each CPU, none of which rests for another's sake. */
function keepCpusBusy(): { readonly begun: Promise<unknown>; stop(): void } {
  const children = cpus().map((_, cpu) =>
    spawn("timeout", ["60", "taskset", "-c", String(cpu), "sh", "-c", "echo; while :; do :; done"], {
      stdio: ["ignore", "pipe", "ignore"],
    }),
  );
  return {
    begun: Promise.all(children.map((child) => once(child.stdout, "data"))),
    stop: () => children.forEach((child) => child.kill()),
  };
}
