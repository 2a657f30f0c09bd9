import type { Brand } from "./brand.js";

/**
 * A cgroup's kernfs id: 64 bits, equal to the inode number of its directory, never given to another cgroup while the
 * machine runs. As the kernel side sampled it, in the one hierarchy that {@link CgroupHierarchy} names.
 */
export type CgroupId = Brand<bigint, "CgroupId">;

/** Where the sampled ids count: cgroup v2, or the v1 controller whose hierarchy has the containers in it. */
export type CgroupHierarchy = "v2" | "cpuacct" | "cpu" | "memory" | "pids";

/**
 * A cgroup as the kernel side saw it at its first sample: the names of its directories, which a container may have
 * chosen in part (hostile). Taken from the kernel's own structures at the tick, so it needs no mount of
 * /sys/fs/cgroup, and a cgroup that is gone a moment later is known all the same.
 */
export interface CgroupPath {
  readonly id: CgroupId;
  /** From the hierarchy's root down, the root itself left out; empty for the root. */
  readonly names: readonly string[];
  /**
   * It lies deeper than is told (16 levels): what is missing is below the last name, where only what the container made
   * in itself can be. Names is empty at a depth beyond all reason (144).
   */
  readonly truncated: boolean;
}
