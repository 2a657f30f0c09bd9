import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AccountingCheck } from "#src/agent/accounting.js";
import { CgroupTable } from "#src/capture/cgroups.js";
import { Window } from "#src/capture/window.js";
import type { CpuAccounting } from "#src/host/cpu-accounting.js";
import type { CgroupId } from "#src/model/cgroup.js";
import { sampleLayout } from "#src/native/abi.generated.js";

const ID = "c".repeat(64);
const ROOT = 10n as CgroupId;
const CHILD = 11n as CgroupId;
const HOST = 12n as CgroupId;
const PERIOD_NS = 1e7;

function setUp(problem = "") {
  const cgroups = new CgroupTable(
    { updateElement: () => undefined, lookupElement: () => false, deleteElement: () => true },
    1,
  );
  cgroups.seen({ id: ROOT, names: ["kubepods", "pod1", ID], truncated: false });
  cgroups.seen({ id: CHILD, names: ["kubepods", "pod1", ID, "init"], truncated: false });
  cgroups.seen({ id: HOST, names: ["system.slice"], truncated: false });
  const state = { usageNs: new Map<CgroupId, bigint>(), waiting: new Map<CgroupId, number>(), divisor: 1 };
  const accounting: CpuAccounting = {
    root: "/",
    problem,
    usageNs: ({ id }) => state.usageNs.get(id),
  };
  const check = new AccountingCheck({
    cgroups,
    waitingTicks: () => new Map(state.waiting),
    owner: (cgroup) => ({
      cgroup,
      containerId: cgroup === HOST ? undefined : ID,
      podUid: undefined,
      container: undefined,
      pod: undefined,
      podContainer: undefined,
      unit: undefined,
    }),
    divisor: () => state.divisor,
    accounting,
  });
  return { check, state };
}

/** A window with so many ticks of each cgroup. */
function windowOf(...ticks: readonly (readonly [CgroupId, number])[]): Window {
  const window = new Window();
  const stack = window.stacks.intern(new Uint32Array(2), 0, 1, 0);
  for (const [cgroup, count] of ticks) {
    const words = new Uint32Array(sampleLayout.sizeOf / 4);
    words[sampleLayout.cgroupId / 4] = Number(cgroup);
    const thread = window.threads.intern(words, 0);
    for (let i = 0; i < count; i++) window.add(stack, thread, 0, 1);
  }
  return window;
}

describe("sampled against accounted CPU time", () => {
  it("is compared for containers known through a whole window, with what is below them", () => {
    const { check, state } = setUp();
    state.usageNs.set(ROOT, 5_000_000_000n);
    check.windowEnded(windowOf([ROOT, 500]), PERIOD_NS);
    assert.equal(check.containers, 0, "it began somewhere in this one");
    state.usageNs.set(ROOT, 25_000_000_000n);
    check.windowEnded(windowOf([ROOT, 1500], [CHILD, 480], [HOST, 700]), PERIOD_NS);
    assert.equal(check.containers, 1);
    assert.equal(check.sampledSeconds, 19.8);
    assert.equal(check.accountedSeconds, 20);
    assert.ok(Math.abs((check.worstDeviation ?? 1) - 0.01) < 1e-9);
  });

  it("counts a sample that waited for rows in the window it was taken in", () => {
    const { check, state } = setUp();
    state.usageNs.set(ROOT, 0n);
    state.waiting.set(ROOT, 100);
    check.windowEnded(windowOf(), PERIOD_NS);
    state.usageNs.set(ROOT, 20_000_000_000n);
    state.waiting.set(CHILD, 300);
    state.waiting.delete(ROOT);
    check.windowEnded(windowOf([ROOT, 1800]), PERIOD_NS);
    assert.equal(check.sampledSeconds, 20);
    assert.equal(check.worstDeviation, 0);
  });

  it("judges nobody by a few ticks, and leaves out what is refused or gone", () => {
    const { check, state } = setUp();
    state.usageNs.set(ROOT, 0n);
    check.windowEnded(windowOf(), PERIOD_NS);
    state.usageNs.set(ROOT, 1_000_000_000n);
    check.windowEnded(windowOf([ROOT, 90]), PERIOD_NS);
    assert.equal(check.worstDeviation, undefined);
    assert.equal(check.containers, 1);
    state.divisor = 0;
    check.windowEnded(windowOf(), PERIOD_NS);
    state.divisor = 1;
    check.windowEnded(windowOf([ROOT, 2000]), PERIOD_NS);
    assert.equal(check.containers, 0);
    state.usageNs.clear();
    check.windowEnded(windowOf([ROOT, 2000]), PERIOD_NS);
    assert.equal(check.containers, 0);
    assert.equal(check.accountedSeconds, 1);
  });

  it("leaves a rest out, whatever is used meanwhile", () => {
    const { check, state } = setUp();
    state.usageNs.set(ROOT, 0n);
    check.windowEnded(windowOf(), PERIOD_NS);
    state.usageNs.set(ROOT, 20_000_000_000n);
    check.rest(true);
    state.usageNs.set(ROOT, 21_000_000_000n); // while rows are waited for
    check.windowEnded(windowOf([ROOT, 2000]), PERIOD_NS);
    assert.equal(check.accountedSeconds, 20);
    assert.equal(check.worstDeviation, 0);
    state.usageNs.set(ROOT, 500_000_000_000n);
    check.rest(false);
    state.usageNs.set(ROOT, 510_000_000_000n);
    check.windowEnded(windowOf([ROOT, 2000]), PERIOD_NS / 2);
    assert.equal(check.accountedSeconds, 30);
    assert.equal(check.worstDeviation, 0, "each tick is of its own window's period");
  });

  it("leaves out who was refused for a part of the window", () => {
    const { check, state } = setUp();
    state.usageNs.set(ROOT, 0n);
    check.windowEnded(windowOf(), PERIOD_NS);
    check.refused(ROOT);
    state.usageNs.set(ROOT, 20_000_000_000n);
    check.windowEnded(windowOf([ROOT, 1200]), PERIOD_NS);
    assert.equal(check.containers, 0);
    state.usageNs.set(ROOT, 40_000_000_000n);
    check.windowEnded(windowOf([ROOT, 2000]), PERIOD_NS);
    assert.equal(check.containers, 1);
  });

  it("says why there is nothing to compare with", () => {
    assert.equal(setUp("mount it").check.problem, "mount it");
  });
});
