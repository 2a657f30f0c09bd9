import type { Container, RuntimeName } from "../model/container.js";
import type { RuntimeCounts, RuntimeHealth } from "./runtimes/runtime.js";

/** What a cgroup's path alone tells of whose it is. Names below a container's own cgroup may be the container's choice. */
export interface CgroupIdentity {
  /** Container ids in the path, the outermost first: the first one that a runtime knows is right. At most 4. */
  readonly containerIds: readonly string[];
  /** Of each of containerIds the uid of the pod that it lies in: that of the id which a runtime knows is right. */
  readonly podUids: readonly (string | undefined)[];
  /** The outermost pod's, for as long as no runtime knows any of containerIds. A static pod's is its configuration's hash. */
  readonly podUid: string | undefined;
  /** By the prefix of the scope; undefined where the path does not tell. */
  readonly runtime: RuntimeName | undefined;
  /**
   * systemd's unit (service, scope) nearest the leaf of what is in no container, unescaped; of a guest (LXC, nspawn) the
   * guest's; "crio-conmon", "libpod-conmon" for all monitors of containers; "buildkit" for the steps of builds.
   */
  readonly unit: string | undefined;
}

/** How it stands with one socket. */
export interface SocketHealth {
  readonly name: RuntimeName | "none";
  /** "" where none was found. */
  readonly socket: string;
  readonly health: RuntimeHealth;
  /** Since the start; undefined where it is not known yet what answers. */
  readonly counts: Readonly<RuntimeCounts> | undefined;
}

/** All containers of the node, from whatever runtimes there are. Lookups are coalesced, and misses remembered a while. */
export interface ContainerDirectory {
  readonly health: readonly SocketHealth[];
  /** Containers known, and ids that no runtime knew when it was last asked. */
  readonly size: { readonly containers: number; readonly missing: number };
  /**
   * What is known now of the first of these ids that is known; asks the runtimes where nothing is, and onChange tells.
   * An id counts only after those before it were sought in vain several times: what lies within a container has the names that
   * the container gave it.
   */
  find(containerIds: readonly string[]): Container | undefined;
  /** Called at each container that became known or changed. */
  onChange(listener: (container: Container) => void): void;
  close(): Promise<void>;
}

export interface DirectoryOptions {
  /** Sockets that the operator named: these and no others, unless there is none. What kind each is, is found by asking. */
  readonly sockets?: readonly string[];
  /** Where usual paths are looked for: the root, and where the host's is mounted. ["/", "/host"] by default. */
  readonly roots?: readonly string[];
  /** Deadline of one question, 5000 by default; a list of all may take four times that. */
  readonly timeoutMs?: number;
  /** First wait before a lost connection is made again, 1000 by default; each further one doubles, up to 30 times that. */
  readonly retryMs?: number;
  /** How often a connection is checked, and a runtime without events is listed; 10,000 by default. */
  readonly checkMs?: number;
  /** How often sockets are looked for, 15,000 by default. */
  readonly discoverMs?: number;
}
