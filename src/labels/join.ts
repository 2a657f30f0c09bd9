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

/**
 * Puts together what the cgroup's path, the container's runtime and the Kubernetes API tell. The pod is sought by the uid in
 * the path, then by container id, then by the runtime's own reference. Where these are different pods, or the runtime says
 * another than the one found, or neither the id nor the name of the container is the pod's, the runtime is right: it made the
 * container, while a path's names can be anybody's and the API's news can be late. Where it says nothing, there is no pod.
 */
export function join(
  cgroup: CgroupId,
  identity: CgroupIdentity,
  containers: ContainerDirectory,
  pods: PodSource | undefined,
): Joined {
  const { containerIds, podUid: pathUid, unit } = identity;
  const container = containerIds.length > 0 ? containers.find(containerIds) : undefined;
  const ids = container === undefined ? containerIds : [container.id];
  const reference = container?.pod;
  const byUid = pathUid === undefined ? undefined : pods?.byUid(pathUid);
  const byId = firstPod(ids, pods);
  const byReference = reference === undefined ? undefined : pods?.byUid(reference.uid);

  let pod = byUid ?? byId ?? byReference;
  let contradiction = [byId, byReference].some((other) => other !== undefined && other.uid !== pod?.uid);
  if (container !== undefined && pod !== undefined && !isPodOf(container, pod)) contradiction = true;
  if (contradiction) {
    pod =
      byReference !== undefined && container !== undefined && isPodOf(container, byReference) ? byReference : undefined;
  }
  // A path that claims a pod that the runtime knows nothing of, or another one's: the path is not believed.
  if (container !== undefined && pathUid !== undefined && !isUidOf(pathUid, container, pod)) contradiction = true;

  const containerId =
    container?.id ?? containerIds.find((id) => pods?.byContainerId(id) !== undefined) ?? containerIds.at(0);
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
  };
}

function firstPod(ids: readonly string[], pods: PodSource | undefined): Pod | undefined {
  for (const id of ids) {
    const pod = pods?.byContainerId(id);
    if (pod !== undefined) return pod;
  }
  return undefined;
}

/** Whether runtime and API agree that the container is this pod's, as far as both say. */
function isPodOf(container: Container, pod: Pod): boolean {
  const { id, name, pod: reference, sandbox } = container;
  if (reference !== undefined) return reference.namespace === pod.namespace && reference.name === pod.name;
  const started = pod.containers.filter(({ ids }) => ids.length > 0);
  return sandbox || started.length === 0 || pod.containers.some((its) => its.ids.includes(id) || its.name === name);
}

/** A static pod has two uids: the API's, and in path and runtime the hash of its configuration; its reference has the second. */
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
