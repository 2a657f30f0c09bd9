import type { CgroupId } from "./cgroup.js";
import type { Container } from "./container.js";
import type { Pod, PodContainer } from "./pod.js";

/** Whose a cgroup is, as far as is known by now. What is missing may come later: a lookup is under way, or failed. */
export interface Owner {
  readonly cgroup: CgroupId;
  /** The container's id, also when no runtime could be asked. */
  readonly containerId: string | undefined;
  readonly podUid: string | undefined;
  readonly container: Container | undefined;
  readonly pod: Pod | undefined;
  /** The pod's own entry of this container. */
  readonly podContainer: PodContainer | undefined;
  /** systemd's unit for what is in no container: "nginx.service", "session-3.scope". */
  readonly unit: string | undefined;
}

/** What the policy says of a cgroup, enforced in the kernel side before any stack is unwound. */
export interface SamplingPolicy {
  /** Every how many-th tick is sampled: 1 all, 2 to 255 fewer; 0 none at all. */
  readonly divisor: number;
  /** Function names leave the node hashed, and nothing is read of the process's memory or environment. */
  readonly redact: boolean;
}
