import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openCpuAccounting } from "#src/host/cpu-accounting.js";
import type { CgroupHierarchy, CgroupId, CgroupPath } from "#src/model/cgroup.js";
import { limits } from "#src/native/abi.generated.js";
import { cannotMakeCgroups, captureWhile, TestCgroup, usageOf } from "../support/cgroups.js";

const HIERARCHIES: readonly CgroupHierarchy[] = ["v2", "cpuacct", "cpu", "memory", "pids"];
/** Drained when the reader is woken, which the record of a cgroup does, or within a quarter of a second. */
const DRAINED_MS = 400;

/** Makes cgroups that are removed after the test that asked for them. */
function cgroupsOfEachTest(hierarchy: CgroupHierarchy): (...names: readonly string[]) => TestCgroup {
  const made: TestCgroup[] = [];
  afterEach(async () => {
    for (const cgroup of made.splice(0)) await cgroup.remove();
  });
  return (...names) => {
    const cgroup = new TestCgroup(hierarchy, ...names);
    made.push(cgroup);
    return cgroup;
  };
}

for (const hierarchy of HIERARCHIES) {
  describe(`cgroups of ${hierarchy}`, { skip: cannotMakeCgroups(hierarchy) }, () => {
    const make = cgroupsOfEachTest(hierarchy);

    it("names a process that lived 50 ms in a cgroup removed right after", async () => {
      const cgroup = make("kubepods", "pod-1", "container");
      const seen: CgroupPath[] = [];
      const { window } = await captureWhile({ hierarchy }, async ({ cgroups }) => {
        cgroups.onSight((path) => seen.push(path));
        await cgroup.burn(0.05);
        await cgroup.remove();
        await sleep(DRAINED_MS);
        assert.deepEqual(cgroups.path(cgroup.id), { id: cgroup.id, names: cgroup.names, truncated: false });
      });
      assert.equal(seen.filter(({ id }) => id === cgroup.id).length, 1);
      assert.ok(usageOf(window, cgroup.id).samples > 0);
      // Every sample's cgroup is known, the root's and the kernel's threads' among them.
      const known = new Set(seen.map(({ id }) => id));
      assert.ok(window.threads.threads().every((thread) => known.has(thread.cgroup)));
    });
  });
}

describe("the policy of a cgroup", { skip: cannotMakeCgroups("v2") }, () => {
  const hierarchy = "v2";
  const make = cgroupsOfEachTest(hierarchy);

  it("refuses every tick of one that is set to 0, and counts them", async () => {
    const cgroup = make("refused");
    const { window, counters } = await captureWhile({ hierarchy }, async ({ cgroups }) => {
      assert.ok(cgroups.setDivisor(cgroup.id, 0));
      await cgroup.burn(0.5);
      await sleep(DRAINED_MS);
      const counts = cgroups.counts(cgroup.id);
      assert.ok(counts !== undefined && counts.refused > 10n);
      assert.equal(counts.ticks, counts.refused);
      assert.deepEqual(cgroups.path(cgroup.id)?.names, cgroup.names);
    });
    assert.equal(usageOf(window, cgroup.id).samples, 0);
    assert.ok(counters.refused_ticks > 10);
    assert.equal(counters.ticks, counters.samples + counters.refused_ticks);
  });

  it("samples one tick in four, each of which stands for four", async (context) => {
    const cgroup = make("thinned");
    let ticks = 0;
    const { window, counters } = await captureWhile({ hierarchy }, async ({ cgroups }) => {
      assert.ok(cgroups.setDivisor(cgroup.id, 4));
      await cgroup.burn(3);
      ticks = Number(cgroups.counts(cgroup.id)?.ticks);
    });
    const usage = usageOf(window, cgroup.id);
    context.diagnostic(`${ticks} ticks, ${usage.samples} samples that stand for ${usage.ticks}`);
    assert.equal(usage.ticks, 4 * usage.samples);
    assert.equal(counters.thinned_ticks, ticks - usage.samples);
    // Each tick counts 4 with a chance of 1/4: a variance of 3. Five standard deviations.
    assert.ok(ticks > 300 && Math.abs(usage.ticks - ticks) < 5 * Math.sqrt(3 * ticks));
  });

  it("samples only what is asked for where the default is 0", async () => {
    const [asked, other] = [make("asked"), make("others", "other")];
    const { window } = await captureWhile({ hierarchy, defaultDivisor: 0 }, async ({ cgroups }) => {
      cgroups.onSight(({ id }) => {
        if (id === asked.id) cgroups.setDivisor(id, 1);
      });
      await Promise.all([asked.burn(1), other.burn(1)]);
      const counts = cgroups.counts(other.id);
      assert.ok(counts !== undefined && counts.ticks > 0n && counts.ticks === counts.refused);
    });
    const threads = window.threads.threads();
    assert.ok(threads.length > 0 && threads.every((thread) => thread.cgroup === asked.id));
  });

  it("follows another default while it is sampled, those excepted that had a tick before", async () => {
    const [before, after] = [make("before"), make("others", "after")];
    await captureWhile({ hierarchy }, async ({ cgroups, sampler }) => {
      await before.burn(0.1);
      cgroups.setDefaultDivisor(0);
      await Promise.all([before.burn(0.2), after.burn(0.2)]);
      await sleep(DRAINED_MS);
      assert.equal(cgroups.counts(before.id)?.refused, 0n);
      const counts = cgroups.counts(after.id);
      assert.ok(counts !== undefined && counts.ticks > 0n && counts.ticks === counts.refused);
      assert.ok(sampler.counters().refused_ticks > 0);
    });
  });

  it("is forgotten with the cgroup, and begins anew", async () => {
    const cgroup = make("forgotten");
    const sights: CgroupId[] = [];
    await captureWhile({ hierarchy }, async ({ cgroups }) => {
      cgroups.onSight(({ id }) => sights.push(id));
      await cgroup.burn(0.1);
      await sleep(DRAINED_MS);
      cgroups.setDivisor(cgroup.id, 7);
      cgroups.forget(new Set());
      assert.ok(cgroups.forget(new Set([cgroup.id])) >= 0);
      assert.ok(cgroups.counts(cgroup.id) !== undefined);
      assert.ok(cgroups.forget(new Set()) >= 1);
      assert.equal(cgroups.counts(cgroup.id), undefined);
      await cgroup.burn(0.1);
      await sleep(DRAINED_MS);
      assert.ok(cgroups.counts(cgroup.id)!.ticks < 1000n);
    });
    assert.equal(sights.filter((id) => id === cgroup.id).length, 2);
  });

  it("tells the levels next to the root of a cgroup that lies deeper than is copied, with names of any length", async () => {
    // Hostile, and as long as names may be, é taking two bytes; all in all no longer than a path of 4 KiB.
    const names = Array.from({ length: 40 }, (_, level) => {
      if (level >= 12) return String(level);
      return level % 2 === 0 ? `${level}\u001b`.padEnd(255, "x") : `${level}\t`.padEnd(120, "é");
    });
    const cgroup = make(...names);
    const { counters } = await captureWhile({ hierarchy }, async ({ cgroups }) => {
      await cgroup.burn(0.2);
      await sleep(DRAINED_MS);
      const path = cgroups.path(cgroup.id);
      assert.deepEqual(path, { id: cgroup.id, names: cgroup.names.slice(0, limits.cgroupLevels), truncated: true });
    });
    assert.ok(counters.cgroup_paths_cut >= 1);
  });

  it("is the default, counted, where the table is full", async () => {
    const cgroup = make("one-too-many");
    const { window, counters } = await captureWhile({ hierarchy }, async ({ cgroups }) => {
      for (let id = 1n; cgroups.setDivisor((2n ** 60n + id) as CgroupId, 0); id++);
      await cgroup.burn(0.2);
      assert.equal(cgroups.counts(cgroup.id), undefined);
      assert.ok(cgroups.size >= limits.maxCgroups - 64);
    });
    assert.ok(usageOf(window, cgroup.id).samples > 5);
    assert.ok(counters.cgroups_refused > 5);
  });

  it("is announced later when the ring was full at the first tick", async () => {
    // Its announcement is longer than any sample: what is too little for those is too little for it.
    const long = ["the", "second", "one", "waits"].map((name) => name.padEnd(250, "-"));
    const [first, second] = [make("fills"), make(...long)];
    const { counters } = await captureWhile({ hierarchy, ringBytes: 4096 }, async ({ cgroups }) => {
      // The event loop stands still: nobody drains.
      for (const { directory } of [first, second]) {
        const script = 'echo 0 > "$0/cgroup.procs" && exec timeout 0.4 sh -c "while :; do :; done"';
        spawnSync("sh", ["-c", script, directory]);
      }
      await sleep(DRAINED_MS);
      await second.burn(0.3);
      await sleep(DRAINED_MS);
      assert.deepEqual(cgroups.path(second.id)?.names, second.names);
    });
    assert.ok(counters.cgroup_announcements_lost > 0);
  });
});

describe("sampled CPU time", () => {
  for (const hierarchy of ["v2", "cpuacct"] as const) {
    it(`is what the accounting of ${hierarchy} says, within 3 %`, { skip: cannotMakeCgroups(hierarchy) }, async (t) => {
      const accounting = openCpuAccounting(hierarchy);
      assert.equal(accounting.problem, "");
      const cgroup = new TestCgroup(hierarchy, "accounted");
      const frequencyHz = 499;
      try {
        const { window } = await captureWhile({ hierarchy, frequencyHz }, async () => {
          // Before all others: of a process that shares its CPU, which ticks hit it is a matter of chance too.
          await new Promise((resolve) => {
            cgroup.start(4, "chrt", "--rr", "1", "sh", "-c", "while :; do :; done").on("close", resolve);
          });
        });
        const { id, names } = cgroup;
        const accounted = Number(accounting.usageNs({ id, names, truncated: false }));
        const sampled = usageOf(window, id).ticks * (1e9 / frequencyHz);
        t.diagnostic(
          `sampled ${sampled / 1e6} ms of ${accounted / 1e6} ms: ${((100 * sampled) / accounted).toFixed(2)} %`,
        );
        assert.ok(accounted > 1e9 && Math.abs(sampled / accounted - 1) <= 0.03);
      } finally {
        await cgroup.remove();
      }
    });
  }

  it("of a cgroup that is gone, or was made again, is unknown", { skip: cannotMakeCgroups("v2") }, async () => {
    const accounting = openCpuAccounting("v2");
    const cgroup = new TestCgroup("v2", "again");
    const { id, names } = cgroup;
    assert.equal(typeof accounting.usageNs({ id, names, truncated: false }), "bigint");
    const { directory } = cgroup;
    rmdirSync(directory);
    assert.equal(accounting.usageNs({ id, names, truncated: false }), undefined);
    mkdirSync(directory);
    try {
      assert.notEqual(statSync(directory, { bigint: true }).ino, id);
      assert.equal(accounting.usageNs({ id, names, truncated: false }), undefined);
      const parent = BigInt(statSync(join(directory, "..")).ino) as CgroupId;
      assert.equal(accounting.usageNs({ id: parent, names: [...names, ".."], truncated: false }), undefined);
    } finally {
      await cgroup.remove();
    }
  });
});
