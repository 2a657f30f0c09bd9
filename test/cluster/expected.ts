import type { TakenProfile, TakenSample } from "./taken-profiles.js";
import { listObjects, listPods, type KubernetesObject, type PodObject } from "./kubectl.js";
import type { Cluster } from "./kit.js";
import type { PodProcesses } from "./pod-processes.js";

/** Labels that a container's samples must have, by the API server's word. */
export type ExpectedLabels = Readonly<Record<string, string>>;

/** By container id, of all pods of a namespace; each pod's workload is looked up through its owners. */
export async function expectedLabels(
  cluster: Cluster,
  namespace: string,
): Promise<ReadonlyMap<string, ExpectedLabels>> {
  const pods = await listPods(cluster, namespace);
  const owners = await listObjects(cluster, "replicasets,jobs", "-n", namespace);
  const byUid = new Map(owners.map((owner) => [owner.metadata.uid, owner]));
  return new Map(
    pods.flatMap((pod) =>
      statusesOf(pod).flatMap(({ name, containerID }) => {
        if (containerID === undefined) return [];
        const labels = { namespace, pod: pod.metadata.name, container: name, ...workloadOf(pod, byUid) };
        return [[containerID.replace(/^\w+:\/\//, ""), labels] as const];
      }),
    ),
  );
}

function statusesOf({ status }: PodObject) {
  return [
    ...(status.containerStatuses ?? []),
    ...(status.initContainerStatuses ?? []),
    ...(status.ephemeralContainerStatuses ?? []),
  ];
}

function workloadOf(
  object: KubernetesObject,
  byUid: ReadonlyMap<string | undefined, KubernetesObject>,
): ExpectedLabels {
  const [owner] = object.metadata.ownerReferences ?? [];
  if (owner === undefined) return {};
  const above = byUid.get(owner.uid);
  const further = above === undefined ? {} : workloadOf(above, byUid);
  return "workload" in further ? further : { workload_kind: owner.kind, workload: owner.name };
}

export interface Judgement {
  /** Samples of processes that are known to be of these containers. */
  readonly samples: number;
  /** Of them: without any pod. */
  readonly unlabelled: number;
  /** Of them: with another pod's or container's labels; in words. */
  readonly wrong: readonly string[];
  readonly byContainer: ReadonlyMap<string, number>;
}

/** Holds what the agent wrote against what is known of the processes. Samples of other processes are left out. */
export function judge(
  profiles: readonly TakenProfile[],
  processes: PodProcesses,
  expected: ReadonlyMap<string, ExpectedLabels>,
): Judgement {
  let [samples, unlabelled] = [0, 0];
  const wrong: string[] = [];
  const byContainer = new Map<string, number>();
  for (const sample of profiles.flatMap((profile) => profile.samples)) {
    const place = processes.places.get(sample.pid);
    const labels = place === undefined ? undefined : expected.get(place.containerId);
    if (place === undefined || labels === undefined) continue;
    samples += sample.count;
    if (!sample.labels.has("pod")) {
      unlabelled += sample.count;
      continue;
    }
    const all = { ...labels, container_id: place.containerId, pod_uid: place.podUid };
    wrong.push(...differences(sample, all));
    const key = `${labels["pod"]}/${labels["container"]}`;
    byContainer.set(key, (byContainer.get(key) ?? 0) + sample.count);
  }
  return { samples, unlabelled, wrong, byContainer };
}

function differences({ labels, comm }: TakenSample, expected: ExpectedLabels): readonly string[] {
  return Object.entries(expected)
    .filter(([key, value]) => labels.get(key) !== value)
    .map(([key, value]) => `${comm}: ${key} is ${labels.get(key) ?? "missing"}, not ${value}`);
}
