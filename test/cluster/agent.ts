import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { apply, kubectl, listPods, until, type PodObject } from "./kubectl.js";
import { inNode, type Cluster } from "./kit.js";
import { readProfiles, type TakenProfile } from "./taken-profiles.js";

export const AGENT_IMAGE = "hostflame:test";
const IMAGE_NAME = { name: "hostflame", newName: "hostflame", newTag: "test" };

/** What /readyz says: see src/agent/health.ts. */
export interface Readiness {
  readonly status: number;
  readonly phase: string;
  readonly parts: Readonly<Record<string, { readonly state: string; readonly detail: string }>>;
  readonly missing: readonly string[];
}

/** An agent that runs as a DaemonSet, on the one node there is. */
export interface DeployedAgent {
  readonly namespace: string;
  readonly daemonSet: string;
  /** Of this machine; where the agent writes its profiles. */
  readonly folder: string;
}

/** A folder of this machine for profiles, which the agent's pod has as a hostPath. */
export function profilesFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "hostflame-profiles-"));
  chmodSync(folder, 0o755);
  mkdirSync(path.join(folder, "profiles"));
  return folder;
}

/**
 * What `kubectl kustomize` makes of an overlay that a user would write: one of deploy/overlays, an image, variables, the pod's
 * memory limit, and the profiles in a folder of the node.
 */
export async function kustomizeAgent(
  cluster: Cluster,
  overlay: "privileged" | "restricted",
  variables: Readonly<Record<string, string>>,
  memoryLimit: string,
  folder: string,
): Promise<string> {
  const own = mkdtempSync(path.join(tmpdir(), "hostflame-overlay-"));
  const from = path.relative(own, path.resolve("deploy"));
  const env = Object.entries(variables).map(([name, value]) => ({
    op: "add",
    path: "/spec/template/spec/containers/0/env/-",
    value: { name, value },
  }));
  const profiles = { name: "profiles", hostPath: { path: folder, type: "Directory" } };
  const patch = [
    ...env,
    { op: "replace", path: "/spec/template/spec/volumes/0", value: profiles },
    { op: "replace", path: "/spec/template/spec/containers/0/resources/limits/memory", value: memoryLimit },
  ];
  const kustomization = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    resources: [`${from}/overlays/${overlay}`],
    images: [IMAGE_NAME],
    patches: [{ target: { kind: "DaemonSet" }, patch: JSON.stringify(patch) }],
  };
  try {
    writeFileSync(path.join(own, "kustomization.yaml"), JSON.stringify(kustomization));
    return await kubectl(cluster, ["kustomize", own]);
  } finally {
    rmSync(own, { recursive: true });
  }
}

/** Applies an agent's manifests and waits until it says that it is ready. */
export async function deployAgent(cluster: Cluster, manifests: string, agent: DeployedAgent): Promise<void> {
  await apply(cluster, manifests);
  try {
    await kubectl(cluster, rollout(agent, "60s"));
  } catch (error) {
    throw new Error(`the agent does not become ready:\n${await agentLogs(cluster, agent)}`, { cause: error });
  }
}

function rollout({ namespace, daemonSet }: DeployedAgent, timeout: string): string[] {
  return ["-n", namespace, "rollout", "status", `daemonset/${daemonSet}`, `--timeout=${timeout}`];
}

export async function removeAgent(cluster: Cluster, manifests: string, { folder }: DeployedAgent): Promise<void> {
  await kubectl(cluster, ["delete", "-f", "-", "--ignore-not-found", "--timeout=60s"], manifests);
  rmSync(folder, { recursive: true, force: true });
}

export async function agentLogs(cluster: Cluster, { namespace, daemonSet }: DeployedAgent): Promise<string> {
  return kubectl(cluster, ["-n", namespace, "logs", `daemonset/${daemonSet}`, "--tail=200"]);
}

export async function agentPod(cluster: Cluster, { namespace, daemonSet }: DeployedAgent): Promise<PodObject> {
  const pods = await listPods(cluster, namespace);
  const found = pods.find(({ metadata }) => metadata.ownerReferences?.some(({ name }) => name === daemonSet) === true);
  if (found === undefined) throw new Error(`no pod of ${daemonSet} in ${namespace}`);
  return found;
}

/** Where an agent answers; found once, for the API server may be away later. */
export async function agentAddress(cluster: Cluster, agent: DeployedAgent): Promise<string> {
  const { status } = await agentPod(cluster, agent);
  if (status.podIP === undefined) throw new Error(`the agent's pod has no address yet`);
  return `http://${status.podIP}:9177`;
}

async function ask(address: string, route: string): Promise<{ status: number; body: string }> {
  const words = ["curl", "--noproxy", "*", "-sS", "--max-time", "10", "-w", "\n%{http_code}", address + route];
  const { status, stdout, stderr } = await inNode(words);
  if (status !== 0) throw new Error(`the agent does not answer ${route}: ${stderr}`);
  const end = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(end + 1)), body: stdout.slice(0, end) };
}

export async function askReadiness(address: string): Promise<Readiness> {
  const { status, body } = await ask(address, "/readyz");
  return { ...(JSON.parse(body) as Omit<Readiness, "status">), status };
}

/** Rows of /metrics: `name{labels}` → value. */
export async function askMetrics(address: string): Promise<ReadonlyMap<string, number>> {
  const { status, body } = await ask(address, "/metrics");
  if (status !== 200) throw new Error(`/metrics answers ${status}`);
  const rows = body.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(rows.map((row) => [row.slice(0, row.lastIndexOf(" ")), Number(row.slice(row.lastIndexOf(" ") + 1))]));
}

/**
 * The sum over a metric's labels, those that hold the text; throws when there is no such metric, for a name that changed is
 * not a zero.
 */
export function metric(rows: ReadonlyMap<string, number>, name: string, labels = ""): number {
  const found = [...rows].filter(([row]) => row === name || row.startsWith(`${name}{`));
  if (found.length === 0) throw new Error(`no metric ${name}`);
  return found.filter(([row]) => row.includes(labels)).reduce((sum, [, value]) => sum + value, 0);
}

/** All profiles of an agent whose window began after a moment, milliseconds since the epoch. */
export function profilesSince({ folder }: DeployedAgent, sinceMs: number): readonly TakenProfile[] {
  return readProfiles(path.join(folder, "profiles")).filter(({ startMs }) => startMs >= sinceMs);
}

/** Waits until so many windows that began after a moment have been written, and gives their profiles. */
export async function awaitWindows(
  agent: DeployedAgent,
  count: number,
  sinceMs: number,
  limitMs: number,
): Promise<readonly TakenProfile[]> {
  let profiles: readonly TakenProfile[] = [];
  await until(`${count} windows`, limitMs, () => {
    profiles = profilesSince(agent, sinceMs);
    const seen = new Set(profiles.map(({ startMs }) => startMs));
    // A window's files appear one after the other: the last window seen may not be whole.
    return seen.size > count || `${seen.size} seen, ${readdirSync(path.join(agent.folder, "profiles")).length} files`;
  });
  const last = Math.max(...profiles.map(({ startMs }) => startMs));
  return profiles.filter(({ startMs }) => startMs < last);
}

/** Resident memory by the kernel's account of the process, MiB. */
export function residentMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Rss:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}
