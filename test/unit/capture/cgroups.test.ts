import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CgroupTable } from "#src/capture/cgroups.js";
import type { CgroupId, CgroupPath } from "#src/model/cgroup.js";
import { cgroupFlag, cgroupLayout } from "#src/native/abi.generated.js";

/** The kernel's map of cgroups, with room for so many. */
class KernelMap {
  readonly entries = new Map<bigint, Uint8Array>();
  /** The other map: what a cgroup begins with. */
  defaultDivisor = 1;

  constructor(private readonly room = Infinity) {}

  updateElement(map: string, key: Uint8Array, value: Uint8Array): void {
    if (map === "default_divisor") {
      assert.deepEqual(key, new Uint8Array(4));
      this.defaultDivisor = new DataView(value.buffer).getUint32(0, true);
      return;
    }
    if (!this.entries.has(idOf(key)) && this.entries.size >= this.room) {
      throw Object.assign(new Error("full"), { code: "E2BIG" });
    }
    this.entries.set(idOf(key), value.slice());
  }

  lookupElement(_map: string, key: Uint8Array, value: Uint8Array): boolean {
    const found = this.entries.get(idOf(key));
    if (found !== undefined) value.set(found);
    return found !== undefined;
  }

  deleteElement(_map: string, key: Uint8Array): boolean {
    return this.entries.delete(idOf(key));
  }

  /** What a tick does; true when the cgroup is to be announced. */
  tick(id: bigint): boolean {
    const value = this.entries.get(id) ?? new Uint8Array(cgroupLayout.sizeOf);
    const view = new DataView(value.buffer);
    if (!this.entries.has(id)) view.setUint32(cgroupLayout.divisor, this.defaultDivisor, true);
    this.entries.set(id, value);
    view.setBigUint64(cgroupLayout.ticks, view.getBigUint64(cgroupLayout.ticks, true) + 1n, true);
    if (view.getUint32(cgroupLayout.divisor, true) === 0) {
      view.setBigUint64(cgroupLayout.refused, view.getBigUint64(cgroupLayout.refused, true) + 1n, true);
    }
    const announced = view.getUint32(cgroupLayout.flags, true) === cgroupFlag.announced;
    view.setUint32(cgroupLayout.flags, cgroupFlag.announced, true);
    return !announced;
  }

  divisor(id: bigint): number | undefined {
    const value = this.entries.get(id);
    return value && new DataView(value.buffer).getUint32(cgroupLayout.divisor, true);
  }
}

function idOf(key: Uint8Array): bigint {
  return new DataView(key.buffer, key.byteOffset).getBigUint64(0, true);
}

const A = (2n ** 63n + 7n) as CgroupId;
const B = 8n as CgroupId;
const pathOf = (id: CgroupId): CgroupPath => ({ id, names: [`name-${id}`], truncated: false });

function setUp(room?: number, defaultDivisor = 1) {
  const kernel = new KernelMap(room);
  kernel.defaultDivisor = defaultDivisor;
  const table = new CgroupTable(kernel, defaultDivisor);
  const seen: CgroupId[] = [];
  table.onSight(({ id }) => seen.push(id));
  const tick = (id: CgroupId) => {
    if (kernel.tick(id)) table.seen(pathOf(id));
  };
  return { kernel, table, seen, tick };
}

describe("CgroupTable", () => {
  it("knows a path from its first tick on, and tells it once", () => {
    const { table, seen, tick } = setUp();
    assert.equal(table.path(A), undefined);
    tick(A);
    tick(A);
    table.seen(pathOf(A)); // two CPUs at once
    assert.deepEqual(table.path(A), pathOf(A));
    assert.deepEqual(seen, [A]);
    assert.deepEqual(table.counts(A), { ticks: 2n, refused: 0n });
    assert.equal(table.counts(B), undefined);
  });

  it("sets the policy of a cgroup that is known, and keeps its counts", () => {
    const { kernel, table, seen, tick } = setUp();
    tick(A);
    assert.ok(table.setDivisor(A, 0));
    tick(A);
    assert.deepEqual(table.counts(A), { ticks: 2n, refused: 1n });
    assert.ok(table.setDivisor(A, 255));
    assert.equal(kernel.divisor(A), 255);
    assert.deepEqual(seen, [A]);
  });

  it("sets the policy of a cgroup that has not been seen, which is announced all the same", () => {
    const { kernel, table, seen, tick } = setUp();
    assert.ok(table.setDivisor(A, 0));
    assert.equal(kernel.divisor(A), 0);
    assert.equal(table.path(A), undefined);
    tick(A);
    assert.deepEqual(seen, [A]);
    assert.deepEqual(table.path(A), pathOf(A));
    assert.equal(kernel.divisor(A), 0);
  });

  it("opts in where nothing is sampled unless it is said", () => {
    const { kernel, table, tick } = setUp(undefined, 0);
    tick(A);
    assert.equal(kernel.divisor(A), 0);
    assert.ok(table.setDivisor(A, 1));
    assert.equal(kernel.divisor(A), 1);
  });

  it("takes another default at any time, and the kernel's word for what a cgroup began with", () => {
    const { kernel, table, tick } = setUp();
    kernel.tick(A); // announced, and not drained yet
    table.setDefaultDivisor(0);
    tick(B);
    assert.equal(kernel.divisor(B), 0);
    table.seen(pathOf(A));
    assert.equal(kernel.divisor(A), 1);
    assert.ok(table.setDivisor(A, 0), "which is not what it has");
    assert.equal(kernel.divisor(A), 0);
    table.setDefaultDivisor(1);
    table.forget(new Set());
    table.forget(new Set());
    tick(B);
    assert.equal(kernel.divisor(B), 1);
  });

  it("refuses a divisor that is none", () => {
    const { table } = setUp();
    for (const divisor of [-1, 256, 1.5, NaN]) {
      assert.throws(() => table.setDivisor(A, divisor), /must be a whole number from 0 to 255/);
    }
  });

  it("says so when the kernel's table has no room for a policy, and has kept none", () => {
    const { table, tick } = setUp(1);
    tick(A);
    assert.equal(table.setDivisor(B, 0), false);
    assert.equal(table.size, 1);
    assert.equal(table.setDivisor(A, 0), true);
  });

  it("passes on what else the kernel refuses", () => {
    const { kernel, table } = setUp();
    kernel.updateElement = () => {
      throw Object.assign(new Error("gone"), { code: "EBADF" });
    };
    assert.throws(() => table.setDivisor(A, 0), /gone/);
  });

  it("forgets what did not tick since the last time, unless it is to be kept", () => {
    const { kernel, table, seen, tick } = setUp();
    tick(A);
    tick(B);
    assert.equal(table.forget(new Set()), 0);
    tick(B);
    assert.equal(table.forget(new Set()), 1);
    assert.equal(table.path(A), undefined);
    assert.equal(kernel.entries.has(A), false);
    assert.equal(table.forget(new Set([B])), 0);
    assert.equal(table.forget(new Set()), 1);
    assert.deepEqual([table.size, kernel.entries.size], [0, 0]);
    tick(A);
    assert.deepEqual(seen, [A, B, A]);
  });

  it("does not forget a refused cgroup while it ticks, nor the policy of one that is kept", () => {
    const { kernel, table, tick } = setUp();
    table.setDivisor(A, 0);
    table.setDivisor(B, 0);
    for (let window = 0; window < 3; window++) {
      tick(A);
      table.forget(new Set([B]));
    }
    assert.deepEqual([kernel.divisor(A), kernel.divisor(B)], [0, 0]);
    table.forget(new Set());
    table.forget(new Set());
    assert.deepEqual([table.size, kernel.entries.size], [0, 0]);
  });

  it("forgets a record that came after its entry was gone", () => {
    const { table } = setUp();
    table.seen(pathOf(A));
    assert.equal(table.forget(new Set()), 1);
    assert.equal(table.size, 0);
  });
});
