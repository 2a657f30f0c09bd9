import type { LabelledProfile } from "../../model/labelled-profile.js";
import { TOOL_NAME, TOOL_VERSION } from "../../model/tool.js";

/** Datadog's own names of what our labels say; other labels keep theirs. */
const TAG_NAMES: ReadonlyMap<string, readonly string[]> = new Map([
  ["node", ["kube_node"]],
  ["namespace", ["kube_namespace"]],
  ["pod", ["pod_name"]],
  ["container", ["kube_container_name", "container_name"]],
  ["image", ["image"]],
]);

/** The kinds that Datadog has a tag of their own for. */
const WORKLOAD_TAGS: ReadonlyMap<string, string> = new Map([
  ["Deployment", "kube_deployment"],
  ["StatefulSet", "kube_stateful_set"],
  ["DaemonSet", "kube_daemon_set"],
  ["Job", "kube_job"],
  ["CronJob", "kube_cronjob"],
]);

/** As Go calls them, which is what Datadog filters by. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

const MAX_TAG = 200;

export interface TagOptions {
  /** Which upload cycle of this process it is, from 0. */
  readonly sequence: number;
  /** Whether the host is told: where no agent of the same node adds it. */
  readonly hostTag: boolean;
}

/** The tags of a profile, "key:value" each, in a stable order; no value holds a comma, which parts them on the wire. */
export function datadogTags(labelled: LabelledProfile, { sequence, hostTag }: TagOptions): readonly string[] {
  const { service, env, version, labels, profile } = labelled;
  const pids = new Set(profile.threads.map(({ pid }) => pid));
  const [pid = 0] = pids;
  const tags: (readonly [string, string])[] = [
    ["service", service === "" ? "unknown-service" : service],
    ["env", env],
    ["version", version],
    ["host", hostTag ? (labels.get("node") ?? "") : ""],
    ["runtime", "ebpf"],
    ["runtime_os", "linux"],
    ["cpu_arch", ARCHITECTURES[process.arch] ?? process.arch],
    ["process_id", pids.size === 1 && pid !== 0 ? String(pid) : ""],
    ["profiler_name", TOOL_NAME],
    ["profiler_version", TOOL_VERSION],
    ["profile_seq", String(sequence)],
    // Every frame is named here: the intake need not look for symbols.
    ["remote_symbols", "no"],
    ...labelTags(labels),
  ];
  return tags.filter(([, value]) => value !== "").map(([key, value]) => tagOf(key, value));
}

function* labelTags(labels: ReadonlyMap<string, string>): Iterable<readonly [string, string]> {
  const workloadTag = WORKLOAD_TAGS.get(labels.get("workload_kind") ?? "");
  for (const [label, value] of labels) {
    if (label === "workload" && workloadTag !== undefined) yield [workloadTag, value];
    for (const name of TAG_NAMES.get(label) ?? [label]) yield [name, value];
  }
}

/** One tag by Datadog's rules: a letter first; letters, digits and - . _ / (in values also :); at most 200 characters. */
export function tagOf(key: string, value: string): string {
  const cleanKey = key.replace(/[^\p{L}\p{N}_./-]/gu, "_").replace(/^[^\p{L}]+/u, "");
  const cleanValue = value.replace(/[^\p{L}\p{N}_:./-]/gu, "_");
  // A cut through a pair of surrogates would leave half a character.
  return `${cleanKey === "" ? "tag" : cleanKey}:${cleanValue}`.slice(0, MAX_TAG).replace(/[\ud800-\udbff]$/, "");
}
