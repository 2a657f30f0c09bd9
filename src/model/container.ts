/** The tools that make containers, as a cgroup's name or a socket tells them apart. */
export type RuntimeName = "containerd" | "cri-o" | "docker" | "podman";

/** The variables, of a container's specification or of a process, that a label may come from. Never any other. */
export const SERVICE_VARIABLES = [
  "DD_SERVICE",
  "DD_ENV",
  "DD_VERSION",
  "OTEL_SERVICE_NAME",
  "OTEL_RESOURCE_ATTRIBUTES",
] as const;
export type ServiceVariables = Readonly<Partial<Record<(typeof SERVICE_VARIABLES)[number], string>>>;

/** The pod that a container says it belongs to: what the runtime's labels tell without the Kubernetes API. */
export interface PodReference {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** A container as its runtime describes it. Names and images come from whoever made it: text of any kind, cut to 1 KiB. */
export interface Container {
  /** As the runtime and the cgroup path have it; of most 64 hexadecimal digits, of plain containerd any text. */
  readonly id: string;
  readonly runtime: RuntimeName;
  /** Its name in the pod, or the runtime's own name; "" when it has none. */
  readonly name: string;
  /** As it was asked for: "docker.io/library/nginx:1.27". "" when unknown. */
  readonly image: string;
  readonly pod: PodReference | undefined;
  /** The pod's pause container: holds namespaces, runs nothing of the user's. */
  readonly sandbox: boolean;
  readonly variables: ServiceVariables;
}
