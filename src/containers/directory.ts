import type { Container, RuntimeName } from "../model/container.js";
import type { RuntimeHealth } from "./runtimes/runtime.js";

/** What a cgroup's path alone tells of whose it is. Names below a container's own cgroup may be the container's choice. */
export interface CgroupIdentity {
  /** Container ids in the path, the outermost first: the first one that a runtime knows is right. */
  readonly containerIds: readonly string[];
  readonly podUid: string | undefined;
  /** By the prefix of the scope; undefined where the path does not tell. */
  readonly runtime: RuntimeName | undefined;
  /** systemd's unit (service, scope) nearest the leaf of what is in no container, unescaped. */
  readonly unit: string | undefined;
}

/** All containers of the node, from whatever runtimes there are. Lookups are coalesced, and misses remembered a while. */
export interface ContainerDirectory {
  readonly health: readonly {
    readonly name: RuntimeName | "none";
    readonly socket: string;
    readonly health: RuntimeHealth;
  }[];
  /** What is known now of the first of these ids that is known; asks the runtimes where nothing is, and onChange tells. */
  find(containerIds: readonly string[]): Container | undefined;
  /** Called at each container that became known or changed. */
  onChange(listener: (container: Container) => void): void;
  close(): Promise<void>;
}
