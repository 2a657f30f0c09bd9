import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { budgetSizes } from "#src/agent/budget-sizes.js";
import { MOST_RING_BYTES, pendingBytesFor, ringBytesFor } from "#src/sampling-limits.js";

const MIB = 1 << 20;

describe("the ring's size", () => {
  const cases: readonly (readonly [hz: number, cpus: number, mib: number])[] = [
    [19, 2, 2],
    [19, 16, 2],
    [19, 64, 8],
    [99, 8, 4],
    [499, 2, 4],
    [999, 2, 8],
    [99, 256, 16],
    [0, 4, 2],
  ];
  for (const [hz, cpus, mib] of cases) {
    it(`is ${mib} MiB for ${hz} Hz on ${cpus} CPUs`, () => assert.equal(ringBytesFor(hz, cpus), mib * MIB));
  }

  it("is a power of two within a memory limit, and never less than it was", () => {
    const sizes = [64, 120, 160, 240, 512].map((limit) => {
      const limits = { memory: { bytes: limit * MIB, cgroup: undefined }, cpuCores: undefined };
      return budgetSizes(limits, { unwindBytes: MIB, pendingBytes: MIB, ringBytes: MOST_RING_BYTES }).ringBytes / MIB;
    });
    assert.deepEqual(sizes, [2, 2, 4, 8, 16]);
  });
});

describe("the room of stacks that wait", () => {
  const cases: readonly (readonly [hz: number, cpus: number, mib: number])[] = [
    [99, 2, 32],
    [999, 2, 62],
    [99, 64, 198],
    [999, 64, 256],
  ];
  for (const [hz, cpus, mib] of cases) {
    it(`is ${mib} MiB for ${hz} Hz on ${cpus} CPUs`, () => {
      assert.equal(Math.floor(pendingBytesFor(hz, cpus) / MIB), mib);
    });
  }
});
