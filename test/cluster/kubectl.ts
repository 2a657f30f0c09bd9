import { setTimeout as sleep } from "node:timers/promises";
import { outputOf, run, type CommandResult } from "./command.js";
import type { Cluster } from "./kit.js";

/** A Kubernetes object as JSON, as far as a test cares. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string; readonly uid: string }[];
  };
}

export interface ContainerStatus {
  readonly name: string;
  readonly containerID?: string;
  readonly lastState?: { readonly terminated?: { readonly containerID?: string } };
}

export interface PodObject extends KubernetesObject {
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly ephemeralContainerStatuses?: readonly ContainerStatus[];
  };
}

/** What kubectl prints; throws with its words when it fails. */
export function kubectl({ environment }: Cluster, words: readonly string[], input?: string): Promise<string> {
  return outputOf("kubectl", words, { environment, ...(input === undefined ? {} : { input }) });
}

/** The same where failing is one of the answers. */
export function tryKubectl({ environment }: Cluster, words: readonly string[], input?: string): Promise<CommandResult> {
  return run("kubectl", words, { environment, ...(input === undefined ? {} : { input }) });
}

/** Makes or changes objects: YAML or JSON text, or the objects themselves. */
export async function apply(cluster: Cluster, ...objects: readonly (string | object)[]): Promise<void> {
  for (const object of objects) {
    await kubectl(cluster, ["apply", "-f", "-"], typeof object === "string" ? object : JSON.stringify(object));
  }
}

export async function listObjects<T extends KubernetesObject>(
  cluster: Cluster,
  kinds: string,
  ...words: readonly string[]
): Promise<readonly T[]> {
  const { items } = JSON.parse(await kubectl(cluster, ["get", kinds, "-o", "json", ...words])) as {
    items: readonly T[];
  };
  return items;
}

export function listPods(cluster: Cluster, namespace: string): Promise<readonly PodObject[]> {
  return listObjects<PodObject>(cluster, "pods", "-n", namespace);
}

/** A namespace for one suite; what an earlier run left of it is removed first. */
export async function makeNamespace(cluster: Cluster, name: string): Promise<void> {
  await deleteNamespace(cluster, name);
  await kubectl(cluster, ["create", "namespace", name]);
  // Pods are refused until it is there.
  await until(`the service account of ${name}`, 20_000, async () => {
    const { status } = await tryKubectl(cluster, ["-n", name, "get", "serviceaccount", "default"]);
    return status === 0;
  });
}

export async function deleteNamespace(cluster: Cluster, name: string): Promise<void> {
  await kubectl(cluster, ["delete", "namespace", name, "--ignore-not-found", "--timeout=60s"]);
}

/** Waits until something is so; throws with what it was when it is not so in time. */
export async function until(
  what: string,
  limitMs: number,
  holds: () => boolean | string | Promise<boolean | string>,
  everyMs = 500,
): Promise<void> {
  const end = performance.now() + limitMs;
  for (;;) {
    const found = await holds();
    if (found === true) return;
    if (performance.now() > end) {
      throw new Error(`${what}: not so after ${limitMs / 1000} s${typeof found === "string" ? `; ${found}` : ""}`);
    }
    await sleep(everyMs);
  }
}

/**
 * Waits until pods run. After an outage of the API server the scheduler, kubelet and the controllers come back one after
 * the other, each after up to 30 s of its own back-off: that is the cluster's time and not the agent's.
 */
export async function untilReady(cluster: Cluster, namespace: string, ...names: readonly string[]): Promise<void> {
  const words = ["-n", namespace, "wait", "--for=condition=Ready", "--timeout=180s", ...names];
  const { environment } = cluster;
  const { status, stderr } = await run("kubectl", words, { environment, timeoutMs: 200_000 });
  if (status === 0) return;
  const { stdout: described } = await tryKubectl(cluster, ["-n", namespace, "describe", ...names]);
  throw new Error(`not ready: ${stderr.trim()}\n${described}`);
}
