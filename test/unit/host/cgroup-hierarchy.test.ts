import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import fc from "fast-check";
import { cgroupHierarchyOf, hostCgroupHierarchy } from "#src/host/cgroup-hierarchy.js";

/** /proc/self/cgroup as hosts have it. */
const HOSTS: readonly (readonly [title: string, text: string, expected: ReturnType<typeof cgroupHierarchyOf>])[] = [
  ["cgroup v2 only: Debian 12", "0::/user.slice/user-1000.slice/session-3.scope\n", "v2"],
  ["cgroup v2 in a container of its own namespace", "0::/\n", "v2"],
  [
    "hybrid: Debian 10, Ubuntu 20.04",
    "12:pids:/user.slice/user-1000.slice/session-5.scope\n11:perf_event:/\n10:memory:/user.slice\n9:devices:/user.slice\n" +
      "8:rdma:/\n7:cpu,cpuacct:/user.slice\n6:hugetlb:/\n5:freezer:/\n4:cpuset:/\n3:blkio:/user.slice\n" +
      "2:net_cls,net_prio:/\n1:name=systemd:/user.slice/user-1000.slice/session-5.scope\n0::/user.slice/session-5.scope\n",
    "cpuacct",
  ],
  [
    "v1: CentOS 7, in a pod",
    "11:memory:/kubepods/burstable/pod1f4b/0cd2\n4:cpuacct,cpu:/kubepods/burstable/pod1f4b/0cd2\n1:name=systemd:/kubepods\n",
    "cpuacct",
  ],
  ["each controller by itself", "3:cpuset:/\n2:cpuacct:/\n1:cpu:/\n0::/\n", "cpuacct"],
  ["the kit's --cgroup 1", "4:perf_event:/\n3:pids:/\n2:memory:/\n1:cpu:/\n0::/\n", "cpu"],
  ["memory and pids alone", "2:pids:/\n1:memory:/\n0::/\n", "memory"],
  ["pids alone", "5:pids:/x\n0::/\n", "pids"],
  ["v2 with controllers that no runtime uses left in v1", "2:net_cls:/\n1:name=elogind:/1\n0::/1\n", "v2"],
  ["a path that reads like a controller", "1:name=systemd:/a:memory:/\n0::/memory,cpuacct\n", "v2"],
  ["no control groups", "", undefined],
];

describe("the cgroup hierarchy that containers are in", () => {
  for (const [title, text, expected] of HOSTS) {
    it(`is ${expected ?? "unknown"}: ${title}`, () => assert.equal(cgroupHierarchyOf(text), expected));
  }

  it("is unknown where the text could not be read", () => assert.equal(cgroupHierarchyOf(undefined), undefined));

  it("is one that this machine has in use", () => {
    const text = execFileSync("cat", ["/proc/self/cgroup"], { encoding: "latin1" });
    const hierarchy = hostCgroupHierarchy();
    assert.match(text, hierarchy === "v2" ? /^0::/m : new RegExp(`:(.*,)?${hierarchy}(,.*)?:/`, "m"));
  });

  it("is one of five or unknown, whatever the text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        assert.ok([undefined, "v2", "cpuacct", "cpu", "memory", "pids"].includes(cgroupHierarchyOf(text)));
      }),
    );
  });
});
