import type { Owner, SamplingPolicy } from "../model/owner.js";
import { printable } from "../util/printable.js";
import { type AnnotationMistake, annotationOf, FREQUENCY_ANNOTATION, PROFILE_ANNOTATION } from "./annotations.js";
import { matchesSelector, type Selector } from "./selector.js";

/** What the operator wants sampled. */
export interface SelectionOptions {
  /** "opt-in": only pods that say so. */
  readonly mode: "all" | "opt-in";
  /** Only these namespaces; any when empty. */
  readonly includeNamespaces: readonly string[];
  readonly excludeNamespaces: readonly string[];
  /** Of pods' labels; empty holds of all. */
  readonly podSelector: Selector;
  readonly redactNamespaces: readonly string[];
  /** What is in no container: the host's own services and commands, and the kernel's threads. */
  readonly host: boolean;
  /** Ticks a second on each CPU. */
  readonly frequencyHz: number;
}

/** Why an owner is not sampled. "schedule": the pod has one, and wants none now. "unknown": it could not be decided, and the mode or a list needs to know. */
export type Refusal = "opted-out" | "not-opted-in" | "namespace" | "selector" | "host" | "schedule" | "unknown";

export interface Decision {
  readonly policy: SamplingPolicy;
  readonly refusal: Refusal | undefined;
  readonly mistakes: readonly AnnotationMistake[];
}

/**
 * "by-now": while samples are taken. What is not known yet is sampled, but in mode opt-in. "at-last": when a window
 * ends, where what the lists cannot judge is left out.
 */
export type DecisionTime = "by-now" | "at-last";

const MAX_DIVISOR = 255;

/**
 * The policy of an owner. The operator's lists stand above a pod's annotations: these can refuse what the lists allow,
 * and not the other way round. A container outside Kubernetes has no namespace and no labels: it passes an exclude list
 * and fails an include list. The agent's own container is like any other.
 */
export function decide(owner: Owner, selection: SelectionOptions, time: DecisionTime): Decision {
  const mistakes: AnnotationMistake[] = [];
  const refusal = refusalOf(owner, selection, time, mistakes);
  const divisor = refusal === undefined ? divisorOf(owner, selection.frequencyHz, mistakes) : 0;
  return { policy: { divisor, redact: isRedacted(owner, selection) }, refusal, mistakes };
}

/**
 * The policy of what may be anybody's: a cgroup that was never announced, or without a path. It is sampled only where
 * all are.
 */
export function decideUnknown(selection: SelectionOptions): Decision {
  const { mode, host, includeNamespaces, excludeNamespaces, podSelector, redactNamespaces } = selection;
  const lists = includeNamespaces.length + excludeNamespaces.length + podSelector.length;
  const refusal = mode === "opt-in" || !host || lists > 0 ? "unknown" : undefined;
  const policy = { divisor: refusal === undefined ? 1 : 0, redact: redactNamespaces.length > 0 };
  return { policy, refusal, mistakes: [] };
}

function refusalOf(
  owner: Owner,
  selection: SelectionOptions,
  time: DecisionTime,
  mistakes: AnnotationMistake[],
): Refusal | undefined {
  const { pod } = owner;
  if (isHost(owner)) return selection.host ? undefined : "host";
  const namespace = namespaceOf(owner);
  const { includeNamespaces, excludeNamespaces, podSelector, mode } = selection;
  if (namespace !== undefined) {
    if (excludeNamespaces.includes(namespace)) return "namespace";
    if (includeNamespaces.length > 0 && !includeNamespaces.includes(namespace)) return "namespace";
  } else if (time === "at-last" && includeNamespaces.length + excludeNamespaces.length > 0) return "unknown";

  const labels = isOutsidePods(owner) ? {} : pod?.labels;
  if (labels !== undefined) {
    if (!matchesSelector(podSelector, labels)) return "selector";
  } else if (time === "at-last" && podSelector.length > 0) return "unknown";

  const wish = wishOf(owner, mistakes);
  if (wish === false) return "opted-out";
  if (mode === "all" || wish === true) return undefined;
  return pod === undefined && !isOutsidePods(owner) ? "unknown" : "not-opted-in";
}

/**
 * What the pod itself says. Whoever writes the annotation means to keep something out, or would write "true": any other
 * value is taken for "false", and said.
 */
function wishOf({ pod }: Owner, mistakes: AnnotationMistake[]): boolean | undefined {
  const value = annotationOf(pod, PROFILE_ANNOTATION);
  if (pod === undefined || value === undefined) return undefined;
  const word = value.trim().toLowerCase();
  if (word === "true" || word === "false") return word === "true";
  mistakes.push({
    annotation: PROFILE_ANNOTATION,
    message: `Pod ${pod.namespace}/${pod.name} has ${PROFILE_ANNOTATION}: ${quoted(value)}, which is neither "true" nor "false", and is taken for "false".`,
  });
  return false;
}

/** Every how many-th tick comes closest to the frequency the pod wants; never more often than the node's. */
function divisorOf({ pod }: Owner, nodeHz: number, mistakes: AnnotationMistake[]): number {
  const value = annotationOf(pod, FREQUENCY_ANNOTATION);
  if (pod === undefined || value === undefined) return 1;
  const wantedHz = /^\d{1,9}(\.\d{1,9})?$/.test(value.trim()) ? Number(value) : 0;
  if (wantedHz > 0) return Math.min(MAX_DIVISOR, Math.max(1, Math.round(nodeHz / wantedHz)));
  mistakes.push({
    annotation: FREQUENCY_ANNOTATION,
    message: `Pod ${pod.namespace}/${pod.name} has ${FREQUENCY_ANNOTATION}: ${quoted(value)}, which is no number of samples a second above 0, and is ignored.`,
  });
  return 1;
}

/** While a container's namespace is not known it may be a redacted one. */
function isRedacted(owner: Owner, { redactNamespaces }: SelectionOptions): boolean {
  if (redactNamespaces.length === 0 || isHost(owner)) return false;
  const namespace = namespaceOf(owner);
  return namespace === undefined || redactNamespaces.includes(namespace);
}

/** "" of what has none, undefined while it is not known. */
function namespaceOf(owner: Owner): string | undefined {
  return owner.pod?.namespace ?? owner.container?.pod?.namespace ?? (isOutsidePods(owner) ? "" : undefined);
}

/** What is in no container, as far as its cgroup's path tells; and that tells it whole. */
function isHost({ containerId, podUid }: Owner): boolean {
  return containerId === undefined && podUid === undefined;
}

/** A container that its runtime knows, and knows no pod of. */
function isOutsidePods({ container, podUid, pod }: Owner): boolean {
  return container !== undefined && podUid === undefined && pod === undefined;
}

function quoted(value: string): string {
  return `"${printable(value).slice(0, 60)}"`;
}
