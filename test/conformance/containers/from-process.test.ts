import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { identifyCgroup } from "#src/containers/cgroup-path.js";
import { openContainerDirectory } from "#src/containers/container-directory.js";
import type { CgroupId } from "#src/model/cgroup.js";
import { openContainerd } from "../../support/runtimes/private-containerd.js";
import { removeCgroups } from "../../support/runtimes/programs.js";
import { until } from "../../support/until.js";

// runc keeps all containers of a machine in one place, and every namespace is a cgroup.
const NAMESPACE = `hostflame-test-${process.pid}`;
const CONTAINERS = [`web-${process.pid}`, `api_v2.${process.pid}`];

it("a process's cgroup leads to its container, whose name outlives it", async (context) => {
  const opened = await openContainerd();
  if ("skip" in opened) return context.skip(opened.skip);
  const { ctr, folder, socket, close } = opened;
  const directory = openContainerDirectory({ sockets: [socket], retryMs: 50, checkMs: 500 });
  try {
    for (const id of CONTAINERS) {
      ctr(NAMESPACE, "run", "--detach", "--env", `DD_SERVICE=of-${id}`, "--rootfs", `${folder}/rootfs`, id, "/pause");
      const pid = new RegExp(`^${id}\\s+(\\d+)`, "m").exec(ctr(NAMESPACE, "tasks", "ls"))?.[1] ?? "";
      // Every hierarchy, v1 and v2, where the machine has both.
      const paths = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n");
      for (const line of paths) {
        const [, directories] = /^\d+:[^:]*:(.*)$/.exec(line) ?? [];
        const names = directories.split("/").filter((name) => name !== "");
        const { containerIds, unit } = identifyCgroup({ id: 1n as CgroupId, names, truncated: false });
        assert.deepEqual([containerIds, unit], [[id], undefined], line);
        await until(() => directory.find(containerIds) !== undefined);
        assert.deepEqual(directory.find(containerIds)?.variables, { DD_SERVICE: `of-${id}` });
      }
      ctr(NAMESPACE, "tasks", "kill", "--signal", "KILL", id);
      await until(() => ctr(NAMESPACE, "tasks", "ls").includes("STOPPED"));
      ctr(NAMESPACE, "tasks", "rm", id);
      ctr(NAMESPACE, "containers", "rm", id);
      // Late windows still get its name.
      assert.equal(directory.find([id])?.name, id);
    }
  } finally {
    await directory.close();
    await close();
    removeCgroups(NAMESPACE);
  }
});
