import { openContainerDirectory } from "../containers/container-directory.js";
import type { ContainerDirectory, SocketHealth } from "../containers/directory.js";
import { findClusterAccess } from "../kubernetes/find-cluster.js";
import { openPodSource, type WatchedPods } from "../kubernetes/watched-pods.js";
import type { AgentOptions } from "../model/agent-options.js";
import type { Owner } from "../model/owner.js";
import { worstOf, type PartHealth } from "./health.js";

/** Who is asked whose a cgroup is: the node's container runtimes and, in a cluster, the API server. */
export interface Sources {
  readonly containers: ContainerDirectory;
  /** Undefined where Kubernetes is not asked. */
  readonly pods: WatchedPods | undefined;
  /** Each has answered, or it is known that it does not. */
  readonly settled: boolean;
  /** Whether more may come to be known of an owner: what is missing can be asked of somebody who answers. */
  mayTellMore(owner: Owner): boolean;
  runtimesHealth(): PartHealth;
  podsHealth(): PartHealth;
  close(): Promise<void>;
}

/** Begins to ask; nothing is waited for. */
export function openSources(options: AgentOptions, node: string): Sources {
  const containers = openContainerDirectory(
    // None named is none asked for: they are then looked for.
    options.runtimeSockets.length === 0 ? {} : { sockets: options.runtimeSockets },
  );
  const access = options.kubernetes === "off" ? undefined : findClusterAccess(process.env);
  const pods =
    access === undefined ? undefined : openPodSource({ node, access, annotations: [...options.podAnnotations] });
  return {
    containers,
    pods,
    get settled() {
      return (
        pods?.health.state !== "starting" &&
        containers.health.length > 0 &&
        containers.health.every(({ health }) => health.state !== "connecting")
      );
    },
    mayTellMore: ({ containerId, container, podUid, pod }) => {
      const asksRuntime = containerId !== undefined && container === undefined;
      const asksPods = podUid !== undefined && pod === undefined;
      return (
        (asksRuntime && containers.health.some(({ health }) => health.state !== "away")) ||
        (asksPods && pods !== undefined && pods.health.state !== "away")
      );
    },
    runtimesHealth: () =>
      worstOf(containers.health.map(runtimeHealth), { state: "starting", detail: "sockets are being looked for." }),
    podsHealth: () => podsHealth(pods, node, options.kubernetes),
    close: async () => {
      await Promise.all([containers.close(), pods?.close()]);
    },
  };
}

function runtimeHealth({ name, socket, health }: SocketHealth): PartHealth {
  switch (health.state) {
    case "connected":
      return { state: "ok", detail: `${name} ${health.version} at ${socket}.` };
    case "connecting":
      return { state: "starting", detail: `connecting to ${socket}.` };
    case "away":
      return { state: "degraded", detail: health.detail };
  }
}

function podsHealth(pods: WatchedPods | undefined, node: string, wanted: AgentOptions["kubernetes"]): PartHealth {
  if (pods === undefined) {
    const why = wanted === "off" ? "--kubernetes is off." : "no service account and no KUBECONFIG: not in a cluster.";
    return { state: "off", detail: why };
  }
  const { health } = pods;
  switch (health.state) {
    case "starting":
      return { state: "starting", detail: `the pods of node ${node} are being listed.` };
    case "synced":
      return { state: "ok", detail: `${health.pods} pods of node ${node}.` };
    case "away":
      return { state: "degraded", detail: health.detail };
  }
}
