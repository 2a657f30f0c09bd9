import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { cpuQuotaOf, memoryLimitOf, memoryUseOf } from "#src/host/cgroup-limits.js";
import { findOwnCgroup, ownCgroup } from "#src/host/own-cgroup.js";

const V1 = "9:memory:/kubepods/pod1/c1\n2:cpu,cpuacct:/kubepods/pod1/c1\n0::/\n";
const V2 = "0::/kubepods.slice/pod1/c1\n";

function mount(root: string, point: string, type: "cgroup" | "cgroup2", options = ""): string {
  return `35 31 0:32 ${root} ${point} rw,relatime shared:7 - ${type} ${type} rw,${options}`;
}

function find(
  cgroup: string,
  mounts: readonly string[],
  there: readonly string[],
  controller: "memory" | "cpu" = "memory",
) {
  const exists = (file: string): boolean => there.some((directory) => file.startsWith(`${directory}/`));
  return findOwnCgroup(controller, { cgroup, mountinfo: mounts.join("\n"), exists });
}

describe("the own cgroup", () => {
  it("is found on a v1 host, with those above it", () => {
    const mounts = [
      mount("/", "/sys/fs/cgroup/cpu", "cgroup", "cpu"),
      mount("/", "/sys/fs/cgroup/memory", "cgroup", "memory"),
    ];
    const directory = "/sys/fs/cgroup/memory/kubepods/pod1/c1";
    assert.deepEqual(find(V1, mounts, [directory]), {
      version: 1,
      directory,
      above: ["/sys/fs/cgroup/memory/kubepods/pod1", "/sys/fs/cgroup/memory/kubepods", "/sys/fs/cgroup/memory"],
    });
  });

  it("is found in a container that sees its own as the root of the mount", () => {
    const mounts = [mount("/kubepods/pod1/c1", "/sys/fs/cgroup/memory", "cgroup", "memory")];
    const found = find(V1, mounts, ["/sys/fs/cgroup/memory"]);
    assert.deepEqual(found, { version: 1, directory: "/sys/fs/cgroup/memory", above: [] });
  });

  it("is found in a namespace of cgroups, beside a mount of what lies outside it", () => {
    const mounts = [mount("/../../..", "/host/sys/fs/cgroup", "cgroup2"), mount("/", "/sys/fs/cgroup", "cgroup2")];
    const found = find("0::/\n", mounts, ["/sys/fs/cgroup"]);
    assert.equal(found?.directory, "/sys/fs/cgroup");
  });

  it("is found by v2 where v1 does not have the controller, and by v1 where both are there", () => {
    const mounts = [
      mount("/", "/sys/fs/cgroup/unified", "cgroup2"),
      mount("/", "/sys/fs/cgroup/cpu", "cgroup", "cpu,cpuacct"),
    ];
    assert.equal(find(V1, mounts, ["/sys/fs/cgroup/cpu/kubepods"], "cpu")?.version, 1);
    assert.equal(find(V2, mounts, ["/sys/fs/cgroup/unified/kubepods.slice"], "cpu")?.version, 2);
  });

  it("is unknown in the root, without a mount, and without control groups", () => {
    const mounts = [mount("/", "/sys/fs/cgroup", "cgroup2")];
    assert.equal(find("0::/\n", mounts, []), undefined);
    assert.equal(find(V2, [], ["/sys/fs/cgroup"]), undefined);
    assert.equal(find("", mounts, ["/sys/fs/cgroup"]), undefined);
  });

  it("never throws, whatever the kernel's text looks like", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (cgroup, mountinfo) => {
        findOwnCgroup("memory", { cgroup: `0::/${cgroup}`, mountinfo, exists: () => true });
      }),
    );
  });

  it("of this process can be asked for, and what it says is a limit or none", () => {
    const own = ownCgroup("memory");
    if (own !== undefined) assert.ok((memoryUseOf(own) ?? 1) > 0);
  });
});

describe("limits of a cgroup", () => {
  const root = mkdtempSync(join(tmpdir(), "hostflame-limits-"));
  after(() => rmSync(root, { recursive: true }));

  function directory(name: string, files: Readonly<Record<string, string>>): string {
    const made = join(root, name);
    mkdirSync(made, { recursive: true });
    for (const [file, text] of Object.entries(files)) writeFileSync(join(made, file), text);
    return made;
  }

  it("are the least of its own and those above it", () => {
    const pod = directory("pod", { "memory.max": "1000000\n", "cpu.max": "20000 100000\n" });
    const own = directory("pod/c", { "memory.max": "max\n", "cpu.max": "max 100000\n" });
    const cgroup = { version: 2, directory: own, above: [pod, root] } as const;
    assert.equal(memoryLimitOf(cgroup), 1_000_000);
    assert.equal(cpuQuotaOf(cgroup), 0.2);
  });

  it("of v1 are none where they are what the kernel writes for none", () => {
    const none = directory("none", {
      "memory.limit_in_bytes": "9223372036854771712\n",
      "cpu.cfs_quota_us": "-1\n",
      "cpu.cfs_period_us": "100000\n",
    });
    const cgroup = { version: 1, directory: none, above: [] } as const;
    assert.equal(memoryLimitOf(cgroup), undefined);
    assert.equal(cpuQuotaOf(cgroup), undefined);
    writeFileSync(join(none, "cpu.cfs_quota_us"), "5000\n");
    assert.equal(cpuQuotaOf(cgroup), 0.05);
  });

  it("are held against what reclaim would not give back", () => {
    const statistics = "anon 50\nfile_mapped 30\nactive_file 100\ninactive_file 200\n";
    const own = directory("use", { "memory.current": "1000\n", "memory.stat": statistics });
    assert.equal(memoryUseOf({ version: 2, directory: own, above: [] }), 730);
    const old = directory("use1", {
      "memory.usage_in_bytes": "1000\n",
      "memory.stat": "active_file 7\ntotal_mapped_file 30\ntotal_active_file 100\ntotal_inactive_file 200\n",
    });
    assert.equal(memoryUseOf({ version: 1, directory: old, above: [] }), 730);
  });

  it("are unknown where nothing can be read", () => {
    const cgroup = { version: 2, directory: join(root, "gone"), above: [] } as const;
    assert.equal(memoryLimitOf(cgroup), undefined);
    assert.equal(cpuQuotaOf(cgroup), undefined);
    assert.equal(memoryUseOf(cgroup), undefined);
  });
});
