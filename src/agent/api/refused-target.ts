import { existsSync } from "node:fs";
import { decide, type Refusal, type SelectionOptions } from "../../labels/policy.js";
import type { CgroupId } from "../../model/cgroup.js";
import type { Pod } from "../../model/pod.js";
import type { WatchedPods } from "../../kubernetes/watched-pods.js";
import type { ProfileFilter } from "./query.js";

export interface TargetSources {
  readonly node: string;
  /** Undefined where Kubernetes is not asked. */
  readonly pods: Pick<WatchedPods, "health" | "all"> | undefined;
  readonly selection: SelectionOptions;
}

export interface TargetProblem {
  readonly status: 403 | 404;
  /** One sentence. */
  readonly sentence: string;
}

const WHY: Readonly<Record<Refusal, string>> = {
  "opted-out": "it opted out by its annotation hostflame.io/profile",
  "not-opted-in": "it did not opt in by its annotation hostflame.io/profile",
  namespace: "the agent's namespace lists leave it out",
  selector: "the agent's --pod-selector leaves it out",
  host: "the agent leaves out what is in no container",
  schedule: "it is outside its schedule, which its annotation hostflame.io/schedule says",
  unknown: "not enough is known of it to judge by the agent's lists",
};

/**
 * Why nobody need wait for a profile: a pod that this node does not have, or that must not be sampled, a process that does
 * not exist. Undefined where there may be samples; one who just does nothing has an empty profile. A namespace is on many
 * nodes, and one without any pod of it is no mistake.
 */
export function refusedTarget(filter: ProfileFilter, sources: TargetSources): TargetProblem | undefined {
  const { pid, pod, container } = filter;
  if (pid !== undefined && !existsSync(`/proc/${pid}`)) {
    return { status: 404, sentence: `There is no process ${pid} on node ${sources.node}.` };
  }
  if (pod === undefined || sources.pods?.health.state !== "synced") return undefined;
  const known = podsOf(filter, sources.pods.all());
  if (known.length === 0) {
    const name = filter.namespace === undefined ? pod : `${filter.namespace}/${pod}`;
    return { status: 404, sentence: `There is no pod ${name} on node ${sources.node}: ask the agent of its own node.` };
  }
  if (container !== undefined && !known.some((its) => hasContainer(its, container))) {
    const names = known.flatMap(({ containers }) => containers.map(({ name }) => name));
    return { status: 404, sentence: `Pod ${pod} has no container ${container}: it has ${names.join(", ")}.` };
  }
  const refusals = known.map((its) => decide(ownerOf(its), sources.selection, "by-now").refusal);
  const refusal = refusals.every((its) => its !== undefined) ? refusals[0] : undefined;
  return refusal && { status: 403, sentence: `Pod ${pod} is not sampled: ${WHY[refusal]}.` };
}

function podsOf({ namespace, pod }: ProfileFilter, all: readonly Pod[]): readonly Pod[] {
  return all.filter((its) => its.name === pod && (namespace === undefined || its.namespace === namespace));
}

function hasContainer({ containers }: Pod, asked: string): boolean {
  return containers.some(({ name, ids }) => name === asked || ids.some((id) => id.startsWith(asked)));
}

/** As the policy looks at a container of the pod's. */
function ownerOf(pod: Pod) {
  const cgroup = 0n as CgroupId;
  const nothing = { containerId: undefined, container: undefined, podContainer: undefined, unit: undefined };
  return { ...nothing, cgroup, podUid: pod.uid, pod };
}
