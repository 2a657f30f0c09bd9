export const WORKLOAD_IMAGE = "hostflame-workloads:test";

/** A container that uses so many percent of a CPU, in the language asked for. */
export function burning(name: string, language: "c" | "python" | "node", percent: number, more: object = {}): object {
  const commands = {
    c: ["hf-burn", "share", String(percent), "3600"],
    python: ["hf-python", "/burn.py", String(percent)],
    node: ["hf-node", "/burn.mjs", String(percent)],
  };
  return running(name, commands[language], more);
}

export function running(name: string, command: readonly string[], more: object = {}): object {
  return { name, image: WORKLOAD_IMAGE, imagePullPolicy: "Never", command, ...more };
}

export interface PodTemplate {
  readonly containers: readonly object[];
  readonly initContainers?: readonly object[];
  readonly restartPolicy?: "Always" | "Never" | "OnFailure";
  readonly annotations?: Readonly<Record<string, string>>;
}

function template({ annotations = {}, ...spec }: PodTemplate, labels: Readonly<Record<string, string>>) {
  return { metadata: { labels, annotations }, spec: { terminationGracePeriodSeconds: 1, ...spec } };
}

export function pod(namespace: string, name: string, parts: PodTemplate): object {
  const { metadata, spec } = template(parts, {});
  return { apiVersion: "v1", kind: "Pod", metadata: { ...metadata, name, namespace }, spec };
}

/** A Deployment, StatefulSet or DaemonSet of one pod. */
export function workload(
  kind: "Deployment" | "StatefulSet" | "DaemonSet",
  namespace: string,
  name: string,
  parts: PodTemplate,
): object {
  const labels = { app: name };
  const spec = { selector: { matchLabels: labels }, template: template(parts, labels) };
  const service = kind === "StatefulSet" ? { serviceName: name } : {};
  return { apiVersion: "apps/v1", kind, metadata: { name, namespace }, spec: { ...spec, ...service } };
}

export function job(namespace: string, name: string, parts: PodTemplate): object {
  const spec = { backoffLimit: 0, template: template({ restartPolicy: "Never", ...parts }, {}) };
  return { apiVersion: "batch/v1", kind: "Job", metadata: { name, namespace }, spec };
}

/** One that never starts a Job by itself. */
export function cronJob(namespace: string, name: string, parts: PodTemplate): object {
  const jobTemplate = { spec: { template: template({ restartPolicy: "Never", ...parts }, {}) } };
  const spec = { schedule: "0 0 1 1 *", suspend: true, jobTemplate };
  return { apiVersion: "batch/v1", kind: "CronJob", metadata: { name, namespace }, spec };
}
