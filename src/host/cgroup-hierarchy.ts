import { readFileSync } from "node:fs";
import type { CgroupHierarchy } from "../model/cgroup.js";
import { errnoOf } from "../util/errno.js";

/**
 * Controllers by whose v1 hierarchy containers are told apart. Runtimes make a container's cgroup in each of them; the
 * first is preferred because its directories hold the CPU accounting that samples are checked against.
 */
const CONTROLLERS = ["cpuacct", "cpu", "memory", "pids"] as const;

/**
 * Which hierarchy a host's containers are in, from the text of any process's /proc/PID/cgroup: lines
 * `hierarchy:controllers:path` (cgroups(7)), in which a controller is listed by its name only while its v1 hierarchy is
 * in use. Undefined when the text has no such line: a kernel without control groups.
 */
export function cgroupHierarchyOf(text: string | undefined): CgroupHierarchy | undefined {
  const listed = new Set<string>();
  let unified = false;
  for (const [, number, controllers = ""] of (text ?? "").matchAll(/^(\d+):([^:]*):/gm)) {
    unified ||= number === "0" && controllers === "";
    for (const controller of controllers.split(",")) {
      listed.add(controller);
    }
  }
  return CONTROLLERS.find((controller) => listed.has(controller)) ?? (unified ? "v2" : undefined);
}

/** This host's; undefined where it cannot be told. */
export function findCgroupHierarchy(): CgroupHierarchy | undefined {
  try {
    return cgroupHierarchyOf(readFileSync("/proc/self/cgroup", "latin1"));
  } catch (error) {
    if (errnoOf(error) === "") {
      throw error;
    }
    return undefined;
  }
}

/** This host's; v2 where it cannot be told, for there every task has a cgroup. */
export function hostCgroupHierarchy(): CgroupHierarchy {
  return findCgroupHierarchy() ?? "v2";
}
