import type { CgroupId } from "../model/cgroup.js";
import { SERVICE_VARIABLES } from "../model/container.js";
import type { LabelledProfile } from "../model/labelled-profile.js";
import type { Owner } from "../model/owner.js";
import type { ProfileThread } from "../model/profile.js";
import type { ProcessFacts } from "../processes/process-table.js";
import { type LabelOptions, labelsOf, nodeLabels } from "./labels.js";
import type { Decision, Refusal } from "./policy.js";
import { isInContainer, type ServiceDefaults, type ServiceIdentity, serviceOf } from "./service.js";

/** Where a thread's owner and process are looked up: an Ownership, a ProcessTable. */
export interface GroupSources {
  readonly ownership: { owner(cgroup: CgroupId): Owner; decisionAtLast(cgroup: CgroupId): Decision };
  readonly processes: { find(pid: number, startTimeNs: bigint): ProcessFacts | undefined };
}

export interface GroupOptions {
  /** One profile for each service of each container, or one for the host. */
  readonly profiles: "container" | "host";
  readonly labels: LabelOptions;
  readonly defaults: ServiceDefaults;
  /** Services of one owner (container, unit, or the host without a unit) that are kept apart: the heaviest. */
  readonly maxServices: number;
  /** Groups of a window that are kept apart: the heaviest. */
  readonly maxGroups: number;
}

/**
 * A container that names its processes each for itself must not crowd out others; a build on the host runs some dozens
 * of different programs. 500 groups of a 250-pod node leave each two.
 */
export const DEFAULT_GROUP_LIMITS = { maxServices: 50, maxGroups: 500 } as const;

/** Threads whose samples become one profile, or none. */
export interface ThreadGroup {
  readonly profile: Omit<LabelledProfile, "profile">;
  readonly redact: boolean;
  /** Why its samples are left out by now; they are counted under this reason. */
  readonly refusal: Refusal | undefined;
}

export interface ThreadGroups {
  /** For each thread row the index of its group. */
  readonly groupOf: Uint32Array;
  readonly groups: readonly ThreadGroup[];
  /** Thread rows whose service was merged: into its owner's other services, into its namespace or the host. */
  readonly mergedByOwner: number;
  readonly mergedByNamespace: number;
}

/** Service of what is merged because there are too many to keep apart. */
const OTHER = "other";

/** A group before it is known which are kept. */
interface Draft {
  readonly key: string;
  readonly owner: Owner;
  readonly ownerKey: string;
  readonly identity: ServiceIdentity;
  readonly decision: Decision;
  weight: number;
  rows: number;
  group: number;
}

/** What is found out once for each cgroup of a window. */
interface CgroupFacts {
  readonly owner: Owner;
  readonly ownerKey: string;
  readonly decision: Decision;
  /**
   * Of its rows, by what they are named after beside the owner: a process that says something of itself, the executable
   * of what is in no container, or nothing ("").
   */
  readonly drafts: Map<string, Draft>;
}

/**
 * Puts each thread row of a window into a group. All that is left out is a group too, with its refusal: so nothing is
 * lost without being counted. `weights` has a number for each row, the ticks it stands for: which groups are kept is
 * decided by them, or by rows when they are not given.
 */
export function groupThreads(
  threads: readonly ProfileThread[],
  { ownership, processes }: GroupSources,
  options: GroupOptions,
  weights?: ArrayLike<number>,
): ThreadGroups {
  const cgroups = new Map<CgroupId, CgroupFacts>();
  const drafts = new Map<string, Draft>();
  const names = executablesOf(threads);

  const factsOf = (cgroup: CgroupId): CgroupFacts => {
    const known = cgroups.get(cgroup);
    if (known !== undefined) return known;
    const decision = ownership.decisionAtLast(cgroup);
    const owner = ownership.owner(cgroup);
    const facts = { owner, ownerKey: ownerKeyOf(owner), decision, drafts: new Map<string, Draft>() };
    cgroups.set(cgroup, facts);
    return facts;
  };
  const draftFor = (facts: CgroupFacts, process: ProcessFacts | undefined, executable: string): Draft => {
    const { owner, ownerKey, decision } = facts;
    const isWhole = decision.refusal !== undefined || options.profiles === "host";
    const identity = isWhole
      ? hostIdentity(options)
      : serviceOf({ owner, process, executable, defaults: options.defaults });
    const key = isWhole
      ? ["whole", decision.refusal ?? "", String(decision.policy.redact)].join("\0")
      : groupKey(ownerKey, decision, identity);
    const draft = drafts.get(key) ?? { key, owner, ownerKey, identity, decision, weight: 0, rows: 0, group: -1 };
    drafts.set(key, draft);
    return draft;
  };
  const draftOf = threads.map((thread, row) => {
    const facts = factsOf(thread.cgroup);
    const { owner, decision } = facts;
    const isNamed = decision.refusal === undefined && options.profiles === "container" && !decision.policy.redact;
    const process = isNamed ? processes.find(thread.pid, thread.startTimeNs) : undefined;
    const executable =
      isNamed && !isInContainer(owner) ? firstOf(process?.executable, names.get(processKey(thread))) : "";
    const namedAfter = process !== undefined && speaks(process) ? processKey(thread) : executable;
    const draft = facts.drafts.get(namedAfter) ?? draftFor(facts, process, executable);
    facts.drafts.set(namedAfter, draft);
    draft.weight += weights?.[row] ?? 1;
    draft.rows++;
    return draft;
  });

  const { groups, mergedByOwner, mergedByNamespace } = groupsOf([...drafts.values()], options);
  return { groupOf: Uint32Array.from(draftOf, ({ group }) => group), groups, mergedByOwner, mergedByNamespace };
}

/** Whether the process says anything that a name may come from, beside its executable. */
function speaks({ variables, context, kernelThread }: ProcessFacts): boolean {
  return kernelThread || context !== undefined || SERVICE_VARIABLES.some((name) => variables[name] !== undefined);
}

/** Gives each draft its group: its own if it is heavy enough, else its owner's, else its namespace's. */
function groupsOf(drafts: readonly Draft[], options: GroupOptions): Omit<ThreadGroups, "groupOf"> {
  const groups: ThreadGroup[] = [];
  const indices = new Map<string, number>();
  const servicesOf = new Map<string, number>();
  const merged = { byOwner: 0, byNamespace: 0 };
  const put = (key: string, draft: Draft, make: () => ThreadGroup["profile"]): number => {
    const known = indices.get(key);
    if (known !== undefined) return known;
    const { policy, refusal } = draft.decision;
    indices.set(key, groups.push({ profile: make(), redact: policy.redact, refusal }) - 1);
    return groups.length - 1;
  };

  for (const draft of drafts.toSorted((a, b) => b.weight - a.weight)) {
    const { key, owner, ownerKey, identity, decision } = draft;
    const services = servicesOf.get(ownerKey) ?? 0;
    if (decision.refusal !== undefined || options.profiles === "host") {
      draft.group = put(key, draft, () => ({ ...identity, labels: nodeLabels(options.labels) }));
    } else if (groups.length >= options.maxGroups) {
      merged.byNamespace += draft.rows;
      const namespace = namespaceOf(owner);
      const shared = `namespace\0${namespace}\0${String(decision.policy.redact)}`;
      draft.group = put(shared, draft, () => ({
        ...hostIdentity(options),
        service: OTHER,
        labels: new Map([...nodeLabels(options.labels), ...namespaceLabel(namespace)]),
      }));
    } else if (services >= options.maxServices) {
      merged.byOwner += draft.rows;
      const own = serviceOf({ owner, process: undefined, executable: OTHER, defaults: options.defaults });
      draft.group = put(groupKey(ownerKey, decision, own), draft, () => ({
        ...own,
        labels: labelsOf(owner, options.labels),
      }));
    } else {
      servicesOf.set(ownerKey, services + 1);
      draft.group = put(key, draft, () => ({ ...identity, labels: labelsOf(owner, options.labels) }));
    }
  }
  return { groups, mergedByOwner: merged.byOwner, mergedByNamespace: merged.byNamespace };
}

function groupKey(ownerKey: string, { policy }: Decision, { service, env, version }: ServiceIdentity): string {
  return ["service", ownerKey, String(policy.redact), service, env, version].join("\0");
}

function namespaceOf(owner: Owner): string {
  return owner.pod?.namespace ?? owner.container?.pod?.namespace ?? "";
}

function namespaceLabel(namespace: string): readonly (readonly [string, string])[] {
  return namespace === "" ? [] : [["namespace", namespace]];
}

/** Child cgroups of a container are the container's. */
function ownerKeyOf({ containerId, podUid, unit }: Owner): string {
  if (containerId !== undefined) return `container ${containerId}`;
  if (podUid !== undefined) return `pod ${podUid}`;
  return unit === undefined ? "host" : `unit ${unit}`;
}

/** The operator's service, or the node's name. */
function hostIdentity({ defaults, labels }: GroupOptions): ServiceIdentity {
  return { service: firstOf(defaults.service, labels.node), env: defaults.env, version: defaults.version };
}

/** What a process is called by its first thread, or by the one that was seen first: all its threads alike. */
function executablesOf(threads: readonly ProfileThread[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const thread of threads) {
    const key = processKey(thread);
    if (thread.tid === thread.pid || !names.has(key)) names.set(key, thread.comm);
  }
  return names;
}

function firstOf(...names: readonly (string | undefined)[]): string {
  return names.find((name) => name !== undefined && name !== "") ?? "";
}

function processKey({ pid, startTimeNs }: ProfileThread): string {
  return `${pid} ${startTimeNs}`;
}
