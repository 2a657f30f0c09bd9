import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it } from "node:test";
import { hostCgroupHierarchy } from "#src/host/cgroup-hierarchy.js";
import { openCpuAccounting } from "#src/host/cpu-accounting.js";
import type { CgroupId, CgroupPath } from "#src/model/cgroup.js";

function pathOf(id: bigint, ...names: readonly string[]): CgroupPath {
  return { id: id as CgroupId, names, truncated: false };
}

describe("a host's CPU accounting", () => {
  const accounting = openCpuAccounting(hostCgroupHierarchy());
  const here = { skip: accounting.root === undefined ? accounting.problem : false };

  it("has no root where the hierarchy accounts no CPU time, and says what to do", () => {
    for (const hierarchy of ["cpu", "memory", "pids"] as const) {
      const nowhere = openCpuAccounting(hierarchy);
      assert.equal(nowhere.root, undefined);
      assert.match(
        nowhere.problem,
        new RegExp(`^the kernel accounts no CPU time in the ${hierarchy} hierarchy: mount `),
      );
      assert.equal(nowhere.usageNs(pathOf(1n)), undefined);
    }
  });

  it("does not believe a directory that only looks like a root", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "hostflame-accounting-"));
    try {
      writeFileSync(path.join(folder, "cpu.stat"), "usage_usec 1\n");
      writeFileSync(path.join(folder, "cpuacct.usage"), "1\n");
      for (const hierarchy of ["v2", "cpuacct"] as const) {
        const { root, problem } = openCpuAccounting(hierarchy, [folder, path.join(folder, "not-there")]);
        assert.equal(root, undefined);
        assert.match(problem, /^no directory is the root of the host's .* mount the host's \/sys\/fs\/cgroup at /);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("tells the time of the root, which grows", here, () => {
    const before = accounting.usageNs(pathOf(1n));
    assert.ok(before !== undefined && before > 0n);
    const end = performance.now() + 50;
    while (performance.now() < end);
    assert.ok(accounting.usageNs(pathOf(1n))! > before);
  });

  it("tells nothing of a cgroup that is not the directory's, or by a name that leads elsewhere", here, () => {
    const root = accounting.root!;
    assert.equal(accounting.usageNs(pathOf(2n)), undefined);
    const inode = BigInt(statSync(path.dirname(root)).ino);
    for (const names of [[".."], ["."], [""], ["a/b"], ["a\0b"], ["not-there"], [`../${path.basename(root)}`]]) {
      assert.equal(accounting.usageNs(pathOf(1n, ...names)), undefined);
      assert.equal(accounting.usageNs(pathOf(inode, ...names)), undefined);
    }
    assert.equal(accounting.usageNs({ ...pathOf(1n), truncated: true }), undefined);
  });
});
