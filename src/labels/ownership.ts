import type { CgroupIdentity, ContainerDirectory } from "../containers/directory.js";
import type { PodSource } from "../kubernetes/pod-source.js";
import type { CgroupId, CgroupPath } from "../model/cgroup.js";
import type { Container } from "../model/container.js";
import type { Owner, SamplingPolicy } from "../model/owner.js";
import type { Pod } from "../model/pod.js";
import type { Reading } from "../processes/process-table.js";
import type { AnnotationMistake } from "./annotations.js";
import { join, nobody } from "./join.js";
import { decide, decideUnknown, type Decision, type Refusal, type SelectionOptions } from "./policy.js";
import { isNamedBeforeContext } from "./service.js";

export interface OwnershipModules {
  readonly identifyCgroup: (path: CgroupPath) => CgroupIdentity;
  readonly containers: Pick<ContainerDirectory, "find" | "onChange">;
  /** Undefined where Kubernetes is not asked. */
  readonly pods: Pick<PodSource, "byUid" | "byContainerId" | "onChange"> | undefined;
}

/** How much is known of cgroups: each is in one of these. */
export interface OwnerCounts {
  /** Pod of the API, and container of the runtime. */
  readonly podAndContainer: number;
  /** Pod of the API, without the runtime. */
  readonly pod: number;
  /** Container of the runtime, whatever it says of its pod, without the API. */
  readonly container: number;
  /** No more than ids in its path. */
  readonly ids: number;
  readonly unit: number;
  readonly none: number;
}

interface Entry {
  readonly cgroup: CgroupId;
  /** Undefined where the cgroup lies too deep for the kernel side to name any of its path: it may be anybody's. */
  readonly identity: CgroupIdentity | undefined;
  owner: Owner;
  decision: Decision;
  /** Under which it stands in the index. */
  readonly keys: Set<string>;
  contradicted: boolean;
}

type PolicyListener = (cgroup: CgroupId, policy: SamplingPolicy) => void;

/** An entry is about 1 KiB; the kernel side announces at most as many cgroups. */
const MAX_CGROUPS = 8192;
/** Pods' mistakes that are remembered, so that each is said once. */
const MAX_MISTAKES = 1000;
const CONFIG_HASH = "kubernetes.io/config.hash";

/** Whose each sampled cgroup is, and how it may be sampled, kept up to date with what runtimes and API tell. */
export class Ownership {
  #selection: SelectionOptions;
  readonly #modules: OwnershipModules;
  readonly #entries = new Map<CgroupId, Entry>();
  /** Entries by container id and by pod uid, prefixed: what a change concerns. */
  readonly #index = new Map<string, Set<Entry>>();
  readonly #policyListeners: PolicyListener[] = [];
  readonly #mistakeListeners: ((mistake: AnnotationMistake) => void)[] = [];
  readonly #mistakesSaid = new Set<string>();
  readonly #mistakes = new Map<string, number>();
  #contradictions = 0;
  #forgottenForRoom = 0;

  constructor(selection: SelectionOptions, modules: OwnershipModules) {
    this.#selection = selection;
    this.#modules = modules;
    modules.containers.onChange((container) => this.#onContainer(container));
    modules.pods?.onChange((pod) => this.#onPod(pod));
  }

  /** Cgroups in which the path, the runtime or the API contradicted each other, each counted once. */
  get contradictions(): number {
    return this.#contradictions;
  }

  /** Mistaken annotations by name; each of a pod's values counts once. */
  get mistakes(): ReadonlyMap<string, number> {
    return new Map(this.#mistakes);
  }

  /** Cgroups forgotten because there were too many. */
  get forgottenForRoom(): number {
    return this.#forgottenForRoom;
  }

  /** Called with the policy of each sighted cgroup, at once, and again whenever it changes. */
  onPolicy(listener: PolicyListener): void {
    this.#policyListeners.push(listener);
  }

  /** Called once for each mistaken annotation of a pod. */
  onMistake(listener: (mistake: AnnotationMistake) => void): void {
    this.#mistakeListeners.push(listener);
  }

  /** Ticks a second on each CPU from now on: what part of them a pod wants is another one. */
  setFrequency(frequencyHz: number): void {
    this.#selection = { ...this.#selection, frequencyHz };
    for (const entry of this.#entries.values()) this.#update(entry);
  }

  /**
   * To be called at each cgroup's first sample, and when the kernel side announces it anew: then it has no policy
   * again.
   */
  cgroupSighted(path: CgroupPath): void {
    const known = this.#entries.get(path.id);
    if (known !== undefined) return this.#tell(known);
    const identity = this.#modules.identifyCgroup(path);
    const entry: Entry = {
      cgroup: path.id,
      identity: path.truncated && path.names.length === 0 ? undefined : identity,
      owner: nobody(path.id),
      decision: decideUnknown(this.#selection),
      keys: new Set(),
      contradicted: false,
    };
    this.#entries.set(path.id, entry);
    if (entry.identity !== undefined) {
      const podUids = [identity.podUid, ...identity.podUids].filter((uid) => uid !== undefined);
      this.#indexUnder(entry, podUids, identity.containerIds);
      this.#join(entry);
    }
    this.#tell(entry);
    if (this.#entries.size > MAX_CGROUPS) {
      this.#forgottenForRoom++;
      for (const oldest of this.#entries.values()) {
        this.#remove(oldest);
        break;
      }
    }
  }

  /** Whose the cgroup is by now. What is not known whole is asked for again. */
  owner(cgroup: CgroupId): Owner {
    const entry = this.#entries.get(cgroup);
    if (entry === undefined) return nobody(cgroup);
    if (!isWhole(entry)) this.#update(entry);
    return entry.owner;
  }

  /** How the cgroup is sampled by now. */
  policy(cgroup: CgroupId): SamplingPolicy {
    return (this.#entries.get(cgroup)?.decision ?? decideUnknown(this.#selection)).policy;
  }

  /** What becomes of samples of the cgroup that were taken: decided when their window ends. */
  decisionAtLast(cgroup: CgroupId): Decision {
    const entry = this.#entries.get(cgroup);
    if (entry?.identity === undefined) return decideUnknown(this.#selection);
    return decide(this.owner(cgroup), this.#selection, "at-last");
  }

  /** What may and need be read of a process in the cgroup. */
  reading(cgroup: CgroupId): Reading {
    const { divisor, redact } = this.policy(cgroup);
    if (divisor === 0 || redact) return "nothing";
    const entry = this.#entries.get(cgroup);
    return entry !== undefined && isNamedBeforeContext(entry.owner) ? "variables" : "context";
  }

  counts(): OwnerCounts {
    const counts = { podAndContainer: 0, pod: 0, container: 0, ids: 0, unit: 0, none: 0 };
    for (const { owner } of this.#entries.values()) counts[knowledgeOf(owner)]++;
    return counts;
  }

  /** Cgroups that are refused by now, by reason. */
  refusals(): ReadonlyMap<Refusal, number> {
    const refusals = new Map<Refusal, number>();
    for (const { decision } of this.#entries.values()) {
      const { refusal } = decision;
      if (refusal !== undefined) refusals.set(refusal, (refusals.get(refusal) ?? 0) + 1);
    }
    return refusals;
  }

  /**
   * Cgroups that should keep their place on the kernel side though they are idle: of live containers with another
   * policy than what a cgroup begins with, for none of their ticks may be sampled otherwise. What is in no container
   * can wait for its next sight: its few samples until then are left out when their window ends.
   */
  withPolicyOfTheirOwn(): ReadonlySet<CgroupId> {
    const first = this.#selection.mode === "opt-in" ? 0 : 1;
    const ids = new Set<CgroupId>();
    for (const entry of this.#entries.values()) {
      if (entry.decision.policy.divisor === first) continue;
      // Asked anew: of a container that ended long ago, neither runtime nor API knows anything any more.
      this.#update(entry);
      const { container, pod } = entry.owner;
      if (entry.decision.policy.divisor !== first && (container ?? pod) !== undefined) ids.add(entry.cgroup);
    }
    return ids;
  }

  /** Forgets all cgroups but those that `isKept` says. */
  forget(isKept: (cgroup: CgroupId) => boolean): void {
    for (const entry of this.#entries.values()) {
      if (!isKept(entry.cgroup)) this.#remove(entry);
    }
  }

  #onContainer(container: Container): void {
    this.#updateAll([containerKey(container.id)]);
  }

  #onPod(pod: Pod): void {
    const hash = Object.hasOwn(pod.annotations, CONFIG_HASH) ? [podKey(pod.annotations[CONFIG_HASH])] : [];
    const ids = pod.containers.flatMap((container) => container.ids.map(containerKey));
    this.#updateAll([podKey(pod.uid), ...hash, ...ids]);
  }

  #updateAll(keys: readonly string[]): void {
    const concerned = new Set<Entry>();
    for (const key of keys) {
      for (const entry of this.#index.get(key) ?? []) concerned.add(entry);
    }
    for (const entry of concerned) this.#update(entry);
  }

  #update(entry: Entry): void {
    const { divisor, redact } = entry.decision.policy;
    this.#join(entry);
    const { policy } = entry.decision;
    if (policy.divisor !== divisor || policy.redact !== redact) this.#tell(entry);
  }

  #join(entry: Entry): void {
    const { cgroup, identity } = entry;
    if (identity === undefined) return;
    const { owner, contradiction, podUids } = join(cgroup, identity, this.#modules.containers, this.#modules.pods);
    entry.owner = owner;
    this.#indexUnder(entry, podUids, []);
    if (contradiction && !entry.contradicted) {
      entry.contradicted = true;
      this.#contradictions++;
    }
    entry.decision = decide(owner, this.#selection, "by-now");
    for (const mistake of entry.decision.mistakes) this.#noteMistake(owner.pod, mistake);
  }

  #tell({ cgroup, decision }: Entry): void {
    for (const listener of this.#policyListeners) listener(cgroup, decision.policy);
  }

  #noteMistake(pod: Pod | undefined, mistake: AnnotationMistake): void {
    const key = `${pod?.uid ?? ""} ${mistake.message}`;
    if (this.#mistakesSaid.has(key)) return;
    if (this.#mistakesSaid.size >= MAX_MISTAKES) this.#mistakesSaid.clear();
    this.#mistakesSaid.add(key);
    this.#mistakes.set(mistake.annotation, (this.#mistakes.get(mistake.annotation) ?? 0) + 1);
    for (const listener of this.#mistakeListeners) listener(mistake);
  }

  #indexUnder(entry: Entry, podUids: readonly string[], containerIds: readonly string[]): void {
    for (const key of [...containerIds.map(containerKey), ...podUids.map(podKey)]) {
      if (entry.keys.has(key)) continue;
      entry.keys.add(key);
      const entries = this.#index.get(key);
      if (entries === undefined) this.#index.set(key, new Set([entry]));
      else entries.add(entry);
    }
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.cgroup);
    for (const key of entry.keys) {
      const entries = this.#index.get(key);
      entries?.delete(entry);
      if (entries?.size === 0) this.#index.delete(key);
    }
  }
}

function containerKey(id: string): string {
  return `container ${id}`;
}

function podKey(uid: string): string {
  return `pod ${uid}`;
}

/** Whether nothing more can come but changes, which are told. */
function isWhole({ identity, owner }: Entry): boolean {
  if (identity === undefined) return true;
  const hasContainer = owner.container !== undefined || identity.containerIds.length === 0;
  return hasContainer && (owner.pod !== undefined || owner.podUid === undefined);
}

/** How much is known of an owner. */
export function knowledgeOf({ container, pod, containerId, podUid, unit }: Owner): keyof OwnerCounts {
  if (container !== undefined && pod !== undefined) return "podAndContainer";
  if (pod !== undefined) return "pod";
  if (container !== undefined) return "container";
  if (containerId !== undefined || podUid !== undefined) return "ids";
  return unit === undefined ? "none" : "unit";
}
