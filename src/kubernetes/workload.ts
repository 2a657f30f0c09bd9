import type { Workload } from "../model/pod.js";
import { cutText, listOf, objectOf, textOf, type JsonObject } from "./untrusted.js";

const MAX_NAME = 253;
/** The API refuses CronJobs with longer names, so that there is room for the number. */
const MAX_CRON_JOB_NAME = 52;
/** A Job may be retried, or be held back in a queue, long after the minute it was made for. */
const MAX_JOB_WAIT_MS = 30 * 24 * 3600_000;
/** The clocks of two control plane machines. */
const MAX_CLOCK_SKEW_MS = 10 * 60_000;
/** The label whose value ends the ReplicaSet's name, and what made a ReplicaSet that has it. */
const TEMPLATE_HASHES = [
  ["pod-template-hash", "Deployment"],
  ["rollouts-pod-template-hash", "Rollout"],
] as const;

/**
 * What made a pod, by the pod alone, for the agent may read neither ReplicaSets nor Jobs:
 *
 * - only the owner with `controller: true` counts; without one there is no workload;
 * - a ReplicaSet (of group apps) named NAME-HASH, where HASH is the pod's label pod-template-hash: Deployment NAME; with
 *   Argo's label rollouts-pod-template-hash: Rollout NAME; otherwise the ReplicaSet itself;
 * - a Job (of group batch) named NAME-NUMBER, where NUMBER has 8 to 11 digits and is, as minutes (or, of Kubernetes before
 *   1.21, seconds) since the epoch, a time of at most 30 days before the pod was made: CronJob NAME. So `backup-20261121` stays a Job;
 * - anything else by its own kind and name: StatefulSet, DaemonSet, Node (a static pod's), custom kinds.
 */
export function workloadOf(metadata: JsonObject, createdMs: number | undefined): Workload | undefined {
  const owner = listOf(metadata["ownerReferences"])
    .map(objectOf)
    .find(({ controller }) => controller === true);
  if (owner === undefined) return undefined;
  const kind = cutText(textOf(owner["kind"]), MAX_NAME);
  const name = cutText(textOf(owner["name"]), MAX_NAME);
  if (kind === "" || name === "") return undefined;
  const [group] = textOf(owner["apiVersion"]).split("/", 1);
  if (kind === "ReplicaSet" && group === "apps") return madeByTemplate(name, objectOf(metadata["labels"]));
  if (kind === "Job" && group === "batch") return madeBySchedule(name, createdMs);
  return Object.freeze({ kind, name });
}

function madeByTemplate(name: string, labels: JsonObject): Workload {
  for (const [label, kind] of TEMPLATE_HASHES) {
    const suffix = `-${textOf(labels[label])}`;
    if (suffix.length > 1 && name.endsWith(suffix) && name.length > suffix.length) {
      return Object.freeze({ kind, name: name.slice(0, -suffix.length) });
    }
  }
  return Object.freeze({ kind: "ReplicaSet", name });
}

function madeBySchedule(name: string, createdMs: number | undefined): Workload {
  const [, cronJob = "", digits = ""] = /^(.+)-(\d{8,11})$/.exec(name) ?? [];
  const isScheduled = [60_000, 1000].some((unitMs) => {
    const waitedMs = (createdMs ?? Number.NaN) - Number(digits) * unitMs;
    return waitedMs >= -MAX_CLOCK_SKEW_MS && waitedMs <= MAX_JOB_WAIT_MS;
  });
  if (digits === "" || !isScheduled || cronJob.length > MAX_CRON_JOB_NAME) return Object.freeze({ kind: "Job", name });
  return Object.freeze({ kind: "CronJob", name: cronJob });
}
