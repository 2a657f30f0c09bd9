/** What a pod was made by, the outermost owner known: a Deployment, not its ReplicaSet; a CronJob, not its Job. */
export interface Workload {
  /** "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Node" for a static pod, or a custom kind. */
  readonly kind: string;
  readonly name: string;
}

export type PodContainerKind = "container" | "init" | "sidecar" | "ephemeral";

export interface PodContainer {
  readonly kind: PodContainerKind;
  readonly name: string;
  /** Ids it has had, newest first, without the "containerd://"; empty until it was started once. At most 8. */
  readonly ids: readonly string[];
  readonly image: string;
}

/** A pod of this node, as much of it as labels and selection need. Frozen; a change is another object. */
export interface Pod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly workload: Workload | undefined;
  readonly containers: readonly PodContainer[];
}
