import type { CgroupIdentity } from "#src/containers/directory.js";
import type { CgroupId, CgroupPath } from "#src/model/cgroup.js";
import type { Container } from "#src/model/container.js";
import type { Owner } from "#src/model/owner.js";
import type { Pod } from "#src/model/pod.js";
import type { ProcessFacts } from "#src/processes/process-table.js";
import type { SelectionOptions } from "#src/labels/policy.js";

export const ID = "a".repeat(64);
export const UID = "0b6a5b7e-1111-4222-8333-444455556666";

export function makePod(its: Partial<Pod> = {}): Pod {
  return {
    uid: UID,
    namespace: "shop",
    name: "cart-7d9f-x2x4q",
    labels: {},
    annotations: {},
    workload: { kind: "Deployment", name: "cart" },
    containers: [{ kind: "container", name: "app", ids: [ID], image: "registry:5000/cart:1.4" }],
    ...its,
  };
}

export function makeContainer(its: Partial<Container> = {}): Container {
  return {
    id: ID,
    runtime: "containerd",
    name: "app",
    image: "registry:5000/cart:1.4",
    pod: { uid: UID, namespace: "shop", name: "cart-7d9f-x2x4q" },
    sandbox: false,
    variables: {},
    ...its,
  };
}

/** Of nobody, but for what is given. */
export function makeOwner(its: Partial<Owner> = {}): Owner {
  return {
    cgroup: 1n as CgroupId,
    containerId: undefined,
    podUid: undefined,
    container: undefined,
    pod: undefined,
    podContainer: undefined,
    unit: undefined,
    ...its,
  };
}

/** A container of a pod, both known. */
export function podOwner(pod: Partial<Pod> = {}, container: Partial<Container> = {}): Owner {
  const [made, itsContainer] = [makePod(pod), makeContainer(container)];
  return makeOwner({
    containerId: itsContainer.id,
    podUid: made.uid,
    container: itsContainer,
    pod: made,
    podContainer: made.containers.find(({ name }) => name === itsContainer.name),
  });
}

export function facts(its: Partial<ProcessFacts> = {}): ProcessFacts {
  return { variables: {}, executable: "", kernelThread: false, context: undefined, ...its };
}

export function selection(its: Partial<SelectionOptions> = {}): SelectionOptions {
  return {
    mode: "all",
    includeNamespaces: [],
    excludeNamespaces: [],
    podSelector: [],
    redactNamespaces: [],
    host: true,
    frequencyHz: 99,
    ...its,
  };
}

/** Containers and pods as the runtimes and the API would tell them, a change at a time. */
export class FakeNode {
  readonly containers = new Map<string, Container>();
  readonly pods = new Map<string, Pod>();
  readonly asked: string[] = [];
  private readonly containerListeners: ((container: Container) => void)[] = [];
  private readonly podListeners: ((pod: Pod) => void)[] = [];

  readonly directory = {
    find: (ids: readonly string[]): Container | undefined => {
      this.asked.push(...ids);
      return ids.map((id) => this.containers.get(id)).find((container) => container !== undefined);
    },
    onChange: (listener: (container: Container) => void): void => void this.containerListeners.push(listener),
  };

  readonly podSource = {
    byUid: (uid: string): Pod | undefined =>
      this.pods.get(uid) ??
      [...this.pods.values()].find(({ annotations }) => annotations["kubernetes.io/config.hash"] === uid),
    byContainerId: (id: string): Pod | undefined =>
      [...this.pods.values()].find(({ containers }) => containers.some(({ ids }) => ids.includes(id))),
    onChange: (listener: (pod: Pod) => void): void => void this.podListeners.push(listener),
  };

  setContainer(container: Container): void {
    this.containers.set(container.id, container);
    for (const listener of this.containerListeners) listener(container);
  }

  setPod(pod: Pod): void {
    this.pods.set(pod.uid, pod);
    for (const listener of this.podListeners) listener(pod);
  }
}

/** A path like containerd's with the cgroupfs driver. */
export function podPath(id: bigint, podUid: string, ...containerIds: readonly string[]): CgroupPath {
  return { id: id as CgroupId, names: ["kubepods", "burstable", `pod${podUid}`, ...containerIds], truncated: false };
}

/** What of such a path is whose; the real reader is the containers' own. */
export function identify({ names }: CgroupPath): CgroupIdentity {
  const podUid = names.find((name) => name.startsWith("pod"))?.slice(3);
  const containerIds = names.filter((name) => /^[0-9a-f]{64}$/.test(name));
  const unit =
    containerIds.length === 0 && podUid === undefined
      ? names.findLast((name) => /\.(service|scope)$/.test(name))
      : undefined;
  return { containerIds, podUids: containerIds.map(() => podUid), podUid, runtime: undefined, unit };
}
