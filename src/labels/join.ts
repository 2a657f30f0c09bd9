import type { CgroupIdentity, ContainerDirectory } from "../containers/directory.js";
import type { PodSource } from "../kubernetes/pod-source.js";
import type { CgroupId } from "../model/cgroup.js";
import type { Container } from "../model/container.js";
import type { Owner } from "../model/owner.js";
import type { Pod, PodContainer } from "../model/pod.js";

export interface Joined {
  readonly owner: Owner;
  /** Two sources said different things; the owner is what the container's runtime says. */
  readonly contradiction: boolean;
  /** Uids of all pods that had a part in it, also of those that were not believed: their changes may change it. */
  readonly podUids: readonly string[];
}

/** The owner of what nothing is known of. */
export function nobody(cgroup: CgroupId): Owner {
  return {
    cgroup,
    containerId: undefined,
    podUid: undefined,
    container: undefined,
    pod: undefined,
    podContainer: undefined,
    unit: undefined,
  };
}

/** What of a ContainerDirectory and a PodSource is needed here. */
export type FindsContainers = Pick<ContainerDirectory, "find">;
export type FindsPods = Pick<PodSource, "byUid" | "byContainerId">;

/**
 * Puts together what the cgroup's path, the container's runtime and the Kubernetes API tell. The pod is sought by the
 * uid in the path, then by container id, then by the runtime's own reference. Where these are different pods, or the
 * runtime says another than the one found, or neither the id nor the name of the container is the pod's, the runtime is
 * right: it made the container, while the API's news can be late. Where it says nothing, there is no pod.
 *
 * Of several ids in a path the outermost is meant, unless the runtime knows better, or an inner one belongs to the pod
 * that the path names first: what stands deeper may be the container's own choice, a neighbour's id for example.
 */
export function join(
  cgroup: CgroupId,
  identity: CgroupIdentity,
  containers: FindsContainers,
  pods: FindsPods | undefined,
): Joined {
  const { containerIds, podUids, unit } = identity;
  const container = containerIds.length > 0 ? containers.find(containerIds) : undefined;
  const outermost = identity.podUid === undefined ? undefined : pods?.byUid(identity.podUid);
  const containerId =
    container?.id ?? containerIds.find((id) => outermost && hasId(outermost, id)) ?? containerIds.at(0);
  const level = containerId === undefined ? -1 : containerIds.indexOf(containerId);
  const pathUid = level < 0 ? identity.podUid : podUids[level];
  const reference = container?.pod;

  const byUid = pathUid === undefined ? undefined : pods?.byUid(pathUid);
  const byId = containerId === undefined ? undefined : pods?.byContainerId(containerId);
  const byReference = reference === undefined ? undefined : pods?.byUid(reference.uid);
  let pod = byUid ?? byId ?? byReference;
  let contradiction = [byId, byReference].some((other) => other !== undefined && other.uid !== pod?.uid);
  if (container !== undefined && pod !== undefined && !isPodOf(container, pod)) contradiction = true;
  if (contradiction) {
    const isRight = container !== undefined && byReference !== undefined && isPodOf(container, byReference);
    pod = isRight ? byReference : undefined;
  }
  if (container !== undefined && pathUid !== undefined && !isUidOf(pathUid, container, pod)) contradiction = true;

  return {
    owner: {
      cgroup,
      containerId,
      podUid: pod?.uid ?? reference?.uid ?? (contradiction ? undefined : pathUid),
      container,
      pod,
      podContainer: pod && podContainerOf(pod, containerId, container),
      unit: containerId === undefined && pathUid === undefined ? unit : undefined,
    },
    contradiction,
    podUids: [pathUid, byUid?.uid, byId?.uid, reference?.uid, byReference?.uid].filter((uid) => uid !== undefined),
  };
}

function hasId(pod: Pod, id: string): boolean {
  return pod.containers.some(({ ids }) => ids.includes(id));
}

/** Whether runtime and API agree that the container is this pod's, as far as both say. */
function isPodOf(container: Container, pod: Pod): boolean {
  const { id, name, pod: reference, sandbox } = container;
  if (reference !== undefined) return reference.namespace === pod.namespace && reference.name === pod.name;
  const started = pod.containers.filter(({ ids }) => ids.length > 0);
  return sandbox || started.length === 0 || hasId(pod, id) || pod.containers.some((its) => its.name === name);
}

/**
 * A static pod has two uids: the API's, and in path and runtime the hash of its configuration; its reference has the
 * second.
 */
function isUidOf(pathUid: string, { pod: reference }: Container, pod: Pod | undefined): boolean {
  return reference === undefined ? true : reference.uid === pathUid || pod?.uid === pathUid;
}

function podContainerOf(
  pod: Pod,
  containerId: string | undefined,
  container: Container | undefined,
): PodContainer | undefined {
  const byId = pod.containers.find(({ ids }) => containerId !== undefined && ids.includes(containerId));
  if (byId !== undefined || container === undefined || container.sandbox) return byId;
  return pod.containers.find(({ name }) => name === container.name);
}
