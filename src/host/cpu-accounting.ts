import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { CgroupHierarchy, CgroupPath } from "../model/cgroup.js";
import { errnoOf } from "../util/errno.js";

/** CPU time of cgroups by the kernel's own accounting: what sampled CPU time is checked against. */
export interface CpuAccounting {
  /** Where the hierarchy is mounted; undefined where it was not found. */
  readonly root: string | undefined;
  /** One sentence that says why there is no root, and what to do; "" when there is one. */
  readonly problem: string;
  /**
   * Nanoseconds of CPU time that the cgroup and all below it have used since it was made. Undefined when it is gone, or
   * when the directory of that path is another cgroup.
   */
  usageNs(path: CgroupPath): bigint | undefined;
}

/** Where the host's own file systems are: as this process sees them, as a pod usually mounts them, as pid 1 sees them. */
const PREFIXES = ["", "/host", "/proc/1/root"];

/** What of a hierarchy's directories holds the time used, and how it is read. */
interface Accounting {
  readonly mounts: readonly string[];
  readonly file: string;
  readonly parse: (text: string) => bigint | undefined;
}

const ACCOUNTING: Readonly<Partial<Record<CgroupHierarchy, Accounting>>> = {
  v2: {
    mounts: ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"],
    file: "cpu.stat",
    parse: (text) => {
      const microseconds = /^usage_usec (\d{1,20})$/m.exec(text)?.[1];
      return microseconds === undefined ? undefined : BigInt(microseconds) * 1000n;
    },
  },
  cpuacct: {
    mounts: ["/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpuacct,cpu"],
    file: "cpuacct.usage",
    parse: (text) => (/^\d{1,20}\n$/.test(text) ? BigInt(text.trim()) : undefined),
  },
};

/** inode of every cgroup hierarchy's root; a container's own view of one begins further down, at another. */
const ROOT_INODE = 1n;

/**
 * Finds the hierarchy among the places where hosts mount it, or among `roots`. Never throws: without one,
 * `problem` says why and every usage is unknown.
 */
export function openCpuAccounting(hierarchy: CgroupHierarchy, roots?: readonly string[]): CpuAccounting {
  const accounting = ACCOUNTING[hierarchy];
  if (accounting === undefined) {
    return without(
      `the kernel accounts no CPU time in the ${hierarchy} hierarchy: mount the cpuacct controller, or boot with cgroup v2`,
    );
  }
  const candidates = roots ?? PREFIXES.flatMap((prefix) => accounting.mounts.map((mount) => prefix + mount));
  const root = candidates.find((candidate) => read(candidate, ROOT_INODE, accounting) !== undefined);
  if (root === undefined) {
    return without(
      `no directory is the root of the host's ${hierarchy === "v2" ? "cgroup v2" : hierarchy} hierarchy with ${accounting.file} ` +
        `in it (looked at ${candidates.join(", ")}): mount the host's /sys/fs/cgroup at /host/sys/fs/cgroup, read-only`,
    );
  }
  return {
    root,
    problem: "",
    usageNs: ({ id, names, truncated }) =>
      truncated || !names.every(isDirectoryName) ? undefined : read(join(root, ...names), id, accounting),
  };
}

function without(problem: string): CpuAccounting {
  return { root: undefined, problem, usageNs: () => undefined };
}

/** Names may be a container's choice; that none leads elsewhere does not rest on this alone: the inode has to fit. */
function isDirectoryName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name);
}

/** The usage of the cgroup that a directory is, when it is the one with this id. Through one descriptor, so that it stays it. */
function read(directory: string, id: bigint, { file, parse }: Accounting): bigint | undefined {
  try {
    const descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    try {
      return fstatSync(descriptor, { bigint: true }).ino === id
        ? parse(readFileSync(`/proc/self/fd/${descriptor}/${file}`, "latin1"))
        : undefined;
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (errnoOf(error) === "") {
      throw error;
    }
    return undefined; // removed, or not to be read: nothing is known
  }
}
