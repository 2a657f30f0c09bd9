import { existsSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { outputOf, run } from "./command.js";

/** A folder whose `up` brings up a cluster, whose `image` builds images for it, and whose `in-node` runs commands in it. */
const kit = path.resolve(process.env["HOSTFLAME_CLUSTER"] ?? "../shared/cluster");
/** Where nothing of it is built yet, ten minutes of two cores. */
const UP_MS = 15 * 60_000;

/** What the kit calls its one node. */
export const NODE = "node-0";
/** The kit's: it waits, and ends when told. */
export const PAUSE_IMAGE = "localhost/pause:1";

export interface Cluster {
  /** With the cluster's kubectl on the PATH, and KUBECONFIG. */
  readonly environment: NodeJS.ProcessEnv;
  readonly kubeconfig: string;
  /** Where the kit keeps what the cluster is: pid/NAME of each of its programs. */
  readonly state: string;
  /** By this run, which takes it down again. */
  readonly broughtUp: boolean;
}

/** Why no cluster can be had here, or false. */
export function cannotStart(): string | false {
  if (!existsSync(path.join(kit, "up"))) return `no cluster kit at ${kit} (HOSTFLAME_CLUSTER names another place)`;
  if (process.getuid?.() !== 0) return "a cluster needs root";
  if (process.arch !== "x64") return "the cluster kit is for x86-64";
  return false;
}

/** Where the kit keeps its state unless it is told otherwise. */
const stateFolder = process.env["KUBE_STATE"] ?? "/var/lib/kube-one";

/** Brings the cluster up, or finds it up. Throws with the kit's own words when it does not start. */
export async function bringUp(): Promise<Cluster> {
  const broughtUp = !isRunning(path.join(stateFolder, "pid/apiserver"));
  const { stdout, environment } = await up();
  const kubeconfig = stdout.trim().split("\n").at(-1) ?? "";
  return {
    environment: { ...environment, KUBECONFIG: kubeconfig },
    kubeconfig,
    state: path.dirname(kubeconfig),
    broughtUp,
  };
}

/** Starts whatever of the cluster does not run. */
export async function restore(): Promise<void> {
  await up();
}

export async function takeDown({ broughtUp }: Cluster): Promise<void> {
  if (broughtUp) await outputOf(path.join(kit, "down"), []);
}

async function up(): Promise<{ stdout: string; environment: NodeJS.ProcessEnv }> {
  const { status, stdout, stderr } = await run(path.join(kit, "up"), [], { timeoutMs: UP_MS });
  if (status !== 0) throw new Error(`the cluster does not start (${kit}/up):\n${stderr.slice(-4000)}`);
  const programs = /PATH=([^:\s]+):/.exec(stderr)?.[1] ?? "";
  return { stdout, environment: { ...process.env, PATH: `${programs}:${process.env["PATH"]}` } };
}

/** Builds an image for the cluster; layers that are there are used again. */
export async function buildImage(name: string, folder: string): Promise<void> {
  await outputOf(path.join(kit, "image"), ["build", name, folder], { timeoutMs: UP_MS });
}

/** Runs a command where addresses of pods answer. */
export function inNode(words: readonly string[], timeoutMs?: number): ReturnType<typeof run> {
  return run(path.join(kit, "in-node"), words, timeoutMs === undefined ? {} : { timeoutMs });
}

/**
 * Ends one of the cluster's programs, such as "apiserver" or "containerd", as a crash would: an API server that is asked to
 * end goes on with what is open for a minute. {@link restore} starts it again.
 */
export async function killProgram({ state }: Cluster, name: string): Promise<void> {
  const file = path.join(state, "pid", name);
  if (!isRunning(file)) throw new Error(`${name} does not run: there is nothing to end`);
  const [pid] = readFileSync(file, "utf8").split(" ");
  process.kill(Number(pid), "SIGKILL");
  while (isRunning(file)) await sleep(100);
  // Until somebody reaps it the kit would take it for running.
  rmSync(file, { force: true });
}

/** The kit writes pid and start time, so that a number used again is not taken for it. */
function isRunning(pidFile: string): boolean {
  if (!existsSync(pidFile)) return false;
  const [pid, started] = readFileSync(pidFile, "utf8").trim().split(" ");
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[19] === started && fields[0] !== "Z";
  } catch {
    return false;
  }
}
