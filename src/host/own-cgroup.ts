import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { errnoOf } from "../util/errno.js";

/** The cgroup that this process is in, as far as one controller goes. */
export interface OwnCgroup {
  readonly version: 1 | 2;
  readonly directory: string;
  /** The directories above it up to the mount, the nearest first: their limits hold for it too. */
  readonly above: readonly string[];
}

/** What is read, and what tests replace. */
export interface OwnCgroupFiles {
  /** /proc/self/cgroup: `hierarchy:controllers:path` (cgroups(7)). */
  readonly cgroup: string;
  /** /proc/self/mountinfo (proc(5)). */
  readonly mountinfo: string;
  readonly exists: (file: string) => boolean;
}

export type Controller = "memory" | "cpu";

/** By whose file a directory is known to be what is looked for; not in a hierarchy's root. */
const FILES: Readonly<Record<Controller, Readonly<Record<1 | 2, string>>>> = {
  memory: { 1: "memory.limit_in_bytes", 2: "memory.max" },
  cpu: { 1: "cpu.cfs_quota_us", 2: "cpu.max" },
};

/**
 * Finds the own cgroup of a controller, in v1 where its hierarchy is in use and in v2 otherwise; through whichever mount
 * shows it, for a container sees its own as the root of one (mountinfo says so), and perhaps the host's whole tree in
 * another. Undefined in a hierarchy's root, without a mount that shows it, and without control groups.
 */
export function findOwnCgroup(controller: Controller, files: OwnCgroupFiles): OwnCgroup | undefined {
  const own = ownPath(controller, files.cgroup);
  if (own === undefined) return undefined;
  const { version } = own;
  for (const mount of mountsOf(files.mountinfo, version === 1 ? controller : undefined)) {
    const relative = below(mount.root, own.path);
    if (relative === undefined) continue;
    const directory = relative === "/" ? mount.point : path.join(mount.point, relative);
    if (!files.exists(path.join(directory, FILES[controller][version]))) continue;
    const above: string[] = [];
    for (let at = directory; at !== mount.point && at.length > mount.point.length;) {
      at = path.dirname(at);
      above.push(at);
    }
    return { version, directory, above };
  }
  return undefined;
}

/** This process's; undefined where it cannot be told. */
export function ownCgroup(controller: Controller): OwnCgroup | undefined {
  try {
    return findOwnCgroup(controller, {
      cgroup: readFileSync("/proc/self/cgroup", "utf8"),
      mountinfo: readFileSync("/proc/self/mountinfo", "utf8"),
      exists: existsSync,
    });
  } catch (error) {
    if (errnoOf(error) === "") throw error;
    return undefined;
  }
}

function ownPath(controller: Controller, text: string): { version: 1 | 2; path: string } | undefined {
  let unified: string | undefined;
  for (const [, number, controllers = "", cgroup = ""] of text.matchAll(/^(\d+):([^:]*):(.*)$/gm)) {
    if (controllers.split(",").includes(controller)) return { version: 1, path: cgroup };
    if (number === "0" && controllers === "") unified = cgroup;
  }
  return unified === undefined ? undefined : { version: 2, path: unified };
}

interface Mount {
  /** Which cgroup it shows as its own root. */
  readonly root: string;
  readonly point: string;
}

/** Of the v1 hierarchy with this controller, or of v2. */
function* mountsOf(mountinfo: string, controller: Controller | undefined): Iterable<Mount> {
  for (const line of mountinfo.split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root = "", point = ""] = before.split(" ");
    const [type, , options = ""] = after.split(" ");
    const fits =
      controller === undefined ? type === "cgroup2" : type === "cgroup" && options.split(",").includes(controller);
    if (fits) yield { root: unescape(root), point: unescape(point) };
  }
}

/** Spaces and the like are written as three octal digits. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** The path seen from a cgroup at or above it; undefined when it is not below that. */
function below(root: string, cgroup: string): string | undefined {
  // A mount of what lies outside the own cgroup namespace: "/../.." is above its root, "/".
  if (/^(\/\.\.)+$/.test(root)) return undefined;
  if (root === "/") return cgroup;
  if (cgroup === root) return "/";
  return cgroup.startsWith(`${root}/`) ? cgroup.slice(root.length) : undefined;
}
