import type { Owner } from "../model/owner.js";
import { annotationOf, labelOf } from "./annotations.js";
import { cleanName } from "./name.js";

export interface LabelOptions {
  /** The node's name. */
  readonly node: string;
  /** Pod labels and annotations, by their full names, that become labels too. */
  readonly podLabels: readonly string[];
  readonly podAnnotations: readonly string[];
  /** The operator's tags; none has a name of {@link IDENTITY_LABELS}. */
  readonly tags: ReadonlyMap<string, string>;
}

interface LabelRule {
  readonly name: string;
  /** As docs/labels.md says it. */
  readonly meaning: string;
  readonly read: (owner: Owner) => string | undefined;
}

/** Whose a profile is. A label whose value is not known is left out. */
export const LABEL_RULES: readonly LabelRule[] = [
  {
    name: "namespace",
    meaning: "the pod's namespace",
    read: (owner) => owner.pod?.namespace ?? owner.container?.pod?.namespace,
  },
  { name: "pod", meaning: "the pod's name", read: (owner) => owner.pod?.name ?? owner.container?.pod?.name },
  {
    name: "container",
    meaning: "the container's name in the pod, or the runtime's own name for it",
    read: (owner) => owner.podContainer?.name ?? owner.container?.name,
  },
  {
    name: "workload_kind",
    meaning: "`Deployment`, `StatefulSet`, `DaemonSet`, `Job`, `CronJob`, `Node` for a static pod, or a custom kind",
    read: (owner) => owner.pod?.workload?.kind,
  },
  { name: "workload", meaning: "that workload's name", read: (owner) => owner.pod?.workload?.name },
  {
    name: "image",
    meaning: "the container's image, as it was asked for",
    read: ({ container, podContainer }) =>
      (container?.image === "" ? undefined : container?.image) ?? podContainer?.image,
  },
  { name: "container_id", meaning: "the runtime's id of the container", read: (owner) => owner.containerId },
  { name: "pod_uid", meaning: "the pod's uid", read: (owner) => owner.podUid },
  { name: "unit", meaning: "the systemd unit of what is in no container", read: (owner) => owner.unit },
];

/** Names that no tag may have. */
export const IDENTITY_LABELS: readonly string[] = ["node", ...LABEL_RULES.map(({ name }) => name)];

/** Labels of the host as a whole, or of what could not be kept apart: the node, and the operator's tags. */
export function nodeLabels({ node, tags }: LabelOptions): ReadonlyMap<string, string> {
  return new Map([["node", node], ...tags]);
}

/** All labels of an owner, in the order: node, {@link LABEL_RULES}, chosen pod labels and annotations, tags. */
export function labelsOf(owner: Owner, options: LabelOptions): ReadonlyMap<string, string> {
  const labels = new Map([["node", options.node]]);
  const add = (name: string, value: string | undefined): void => {
    const clean = cleanName(value ?? "");
    if (clean !== "") labels.set(name, clean);
  };
  for (const { name, read } of LABEL_RULES) add(name, read(owner));
  for (const name of options.podLabels) add(`pod_label.${name}`, labelOf(owner.pod, name));
  for (const name of options.podAnnotations) add(`pod_annotation.${name}`, annotationOf(owner.pod, name));
  for (const [name, value] of options.tags) labels.set(name, value);
  return labels;
}
