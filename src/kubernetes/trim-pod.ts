import type { Pod } from "../model/pod.js";
import { containersOf, lastFinishedMs } from "./pod-containers.js";
import type { CutReason } from "./pod-counts.js";
import { cutText, objectOf, textOf, timeOf, type JsonObject } from "./untrusted.js";
import { workloadOf } from "./workload.js";

/** A pod as far as it is kept, and what the index needs to know besides. */
export interface TrimmedPod {
  readonly pod: Pod;
  /** Of a static pod the name that its cgroup has instead of the API's uid. */
  readonly configHash: string | undefined;
  /** Its phase is Succeeded or Failed: none of its containers will run again. */
  readonly ended: boolean;
  /** When its last container ended, milliseconds since the epoch by this node's clock. */
  readonly finishedMs: number | undefined;
  readonly resourceVersion: string;
}

export interface TrimOptions {
  /** Annotations to keep beside our own and Datadog's. */
  readonly annotations: ReadonlySet<string>;
  readonly cut: (reason: CutReason) => void;
}

/** Selectors need all of them; nobody has so many. */
const MAX_LABELS = 64;
const MAX_ANNOTATIONS = 64;
/** The API's own limits are 317 for a key and 63 for a label's value; an annotation may have 256 KiB. */
const MAX_KEY = 317;
const MAX_LABEL_VALUE = 256;
const MAX_ANNOTATION_VALUE = 1024;
/** The API's limit on names; its uids are UUIDs. */
const MAX_NAME = 253;

const ANNOTATION_PREFIXES = ["hostflame.io/", "tags.datadoghq.com/"];
const CONFIG_HASH = "kubernetes.io/config.hash";
const CONFIG_MIRROR = "kubernetes.io/config.mirror";

/**
 * Of a pod as the API has it (10 to 60 KiB of JSON) what labels and selection need, some 2 KiB; undefined when it has no
 * uid, namespace or name, and so is no pod.
 */
export function trimPod(value: unknown, options: TrimOptions): TrimmedPod | undefined {
  const { metadata: rawMetadata, spec, status } = objectOf(value);
  const metadata = objectOf(rawMetadata);
  const uid = textOf(metadata["uid"]);
  const name = textOf(metadata["name"]);
  const namespace = textOf(metadata["namespace"]);
  if ([uid, name, namespace].some((text) => text === "" || text.length > MAX_NAME)) return undefined;
  const all = objectOf(metadata["annotations"]);
  const wanted = Object.keys(all).filter((key) => isWanted(key, options.annotations));
  const workload = workloadOf(metadata, timeOf(metadata["creationTimestamp"]));
  const phase = objectOf(status)["phase"];
  return {
    pod: Object.freeze({
      uid,
      namespace,
      name,
      labels: keptOf(objectOf(metadata["labels"]), undefined, MAX_LABELS, MAX_LABEL_VALUE, "labels", options),
      annotations: keptOf(all, wanted, MAX_ANNOTATIONS, MAX_ANNOTATION_VALUE, "annotations", options),
      workload,
      containers: containersOf(objectOf(spec), objectOf(status), options.cut),
    }),
    configHash: workload?.kind === "Node" ? configHashOf(all) : undefined,
    ended: phase === "Succeeded" || phase === "Failed",
    finishedMs: lastFinishedMs(objectOf(status)),
    resourceVersion: textOf(metadata["resourceVersion"]),
  };
}

/** 32 hexadecimal digits, or the uid that the manifest has. The kubelet's mirror says it twice. */
function configHashOf(annotations: JsonObject): string | undefined {
  const hash = textOf(annotations[CONFIG_HASH]);
  return hash !== "" && hash.length <= MAX_NAME && annotations[CONFIG_MIRROR] === hash ? hash : undefined;
}

function isWanted(key: string, chosen: ReadonlySet<string>): boolean {
  return (
    chosen.has(key) ||
    key === CONFIG_HASH ||
    key === CONFIG_MIRROR ||
    ANNOTATION_PREFIXES.some((prefix) => key.startsWith(prefix))
  );
}

/** Without a prototype: a key like "constructor" is found only when the pod has it. */
function keptOf(
  from: JsonObject,
  keys: readonly string[] | undefined,
  limit: number,
  valueLimit: number,
  reason: CutReason,
  { cut }: TrimOptions,
): Readonly<Record<string, string>> {
  const kept = Object.create(null) as Record<string, string>;
  let count = 0;
  for (const key of keys ?? Object.keys(from)) {
    const value = from[key];
    if (typeof value !== "string") continue;
    if (count === limit || key.length > MAX_KEY) {
      cut(reason);
      continue;
    }
    if (value.length > valueLimit) cut("text");
    kept[key] = cutText(value, valueLimit);
    count++;
  }
  return Object.freeze(kept);
}
