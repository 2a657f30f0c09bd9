import { spawn, execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { buildWorkload, copyBuilt, type BuiltWorkload } from "./workload.js";

const WARM_UP_MS = 500;

/** What a workload printed of itself. */
export interface Truth {
  /** Branch → nanoseconds of CPU time, by the workload's own measure. */
  readonly branches: Readonly<Record<string, number>>;
  /** Of the whole process at its end; of several processes, the sum. */
  readonly cpuNs: number;
}

function parseTruth(name: string, output: string): Truth {
  const branches: Record<string, number> = {};
  let cpuNs = 0;
  for (const line of output.split("\n").filter((text) => text.startsWith("{"))) {
    const one = JSON.parse(line) as Truth;
    cpuNs += one.cpuNs;
    for (const [branch, ns] of Object.entries(one.branches)) branches[branch] = (branches[branch] ?? 0) + ns;
  }
  if (cpuNs === 0) throw new Error(`${name} printed no truth: ${output}`);
  return { branches, cpuNs };
}

/** Runs a command to its end on one CPU and returns what it printed; `started` runs once the program has been exec'd. */
async function runCommand(
  argv: readonly string[],
  cpu: number,
  program: string,
  started: () => void = () => undefined,
): Promise<string> {
  const child = spawn("taskset", ["-c", String(cpu), ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const closed = once(child, "close") as Promise<[number | null, string | null]>;
  try {
    for (let wait = 0; wait < 2000 && child.exitCode === null; wait += 5) {
      if (readExecutable(child.pid) === program) {
        started();
        break;
      }
      await sleep(5);
    }
    const [code, signal] = await closed;
    if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${String(code ?? signal)}: ${errors}`);
    return output;
  } finally {
    child.kill("SIGKILL");
  }
}

function readExecutable(pid: number | undefined): string {
  try {
    return readlinkSync(`/proc/${String(pid)}/exe`);
  } catch {
    return "";
  }
}

/** Libraries that the dynamic linker maps for a program, its own path among them. */
function librariesOf(path: string): string[] {
  let output: string;
  try {
    output = execFileSync("ldd", [path], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return [];
  }
  return [...output.matchAll(/(?:=> |^\s+)(\/\S+) \(/gm)].map((match) => match[1]);
}

async function runIn(
  place: string,
  built: BuiltWorkload,
  budgetMs: number,
  cpu: number,
  scratch: string,
): Promise<string> {
  const { workload } = built;
  const args = [String(budgetMs), ...(workload.args ?? [])];
  switch (place) {
    case "chroot": {
      /* A tmpfs that only the new mount namespace has: the path says nothing outside, and it goes with the namespace. */
      const stage = join(scratch, "stage");
      const root = join(scratch, "root");
      mkdirSync(root, { recursive: true });
      copyBuilt(built, stage);
      for (const library of librariesOf(built.path)) {
        mkdirSync(join(stage, dirname(library)), { recursive: true });
        cpSync(library, join(stage, library), { dereference: true });
      }
      const script = `mount -t tmpfs none "$1" && cp -r "$2"/. "$1" && shift 2 && exec chroot "$@"`;
      const argv = ["unshare", "--mount", "sh", "-c", script, "sh", root, stage, root, `/${workload.name}`, ...args];
      return runCommand(argv, cpu, "");
    }
    case "deleted": {
      const copy = copyBuilt(built, join(scratch, "deleted"));
      return runCommand([copy.path, ...args], cpu, copy.path, () => unlinkSync(copy.path));
    }
    case "replaced": {
      const copy = copyBuilt(built, join(scratch, "replaced"));
      const other = copyBuilt(buildWorkload(workload.replacement!), join(scratch, "other"));
      const argvOf = (more: readonly string[] = []): string[] => [copy.path, String(budgetMs / 2), ...more];
      const first = await runCommand(argvOf(), cpu, copy.path, () => renameSync(other.path, copy.path));
      return first + (await runCommand(argvOf(workload.replacement?.args), cpu, copy.path));
    }
    case "overlay":
      return runOnOverlays(built, budgetMs, cpu, scratch);
    default:
      if (workload.warm !== undefined) await warmUp(built, args.slice(1), cpu, scratch);
      return runCommand([built.path, ...args], cpu, built.path);
  }
}

/** Runs the same file (not a copy of it) under a name, and so a comm, that nobody looks at. */
async function warmUp(built: BuiltWorkload, args: readonly string[], cpu: number, scratch: string): Promise<void> {
  const path = join(scratch, "warm-up");
  symlinkSync(built.path, path);
  await runCommand([path, String(WARM_UP_MS), ...args], cpu, built.path);
}

/** Two overlay mounts of one lower directory, as two containers of one image have. */
async function runOnOverlays(built: BuiltWorkload, budgetMs: number, cpu: number, scratch: string): Promise<string> {
  const lower = join(scratch, "lower");
  copyBuilt(built, lower);
  let output = "";
  for (const name of ["one", "two"]) {
    const directories = ["upper", "work", "merged"].map((part) => join(scratch, name, part));
    for (const directory of directories) mkdirSync(directory, { recursive: true });
    const [upper, work, merged] = directories as [string, string, string];
    execFileSync("mount", [
      "-t",
      "overlay",
      "overlay",
      "-o",
      `lowerdir=${lower},upperdir=${upper},workdir=${work}`,
      merged,
    ]);
    try {
      const path = join(merged, built.workload.name);
      output += await runCommand([path, String(budgetMs / 2), ...(built.workload.args ?? [])], cpu, path);
    } finally {
      /* Lazily: a profiler that still has the file open must not keep the test from cleaning up. */
      execFileSync("umount", ["--lazy", merged]);
    }
  }
  return output;
}

/** Runs one workload in its place until its budget of CPU time is used, pinned to one CPU. Leaves nothing behind. */
export async function runWorkload(built: BuiltWorkload, budgetMs: number, cpu: number): Promise<Truth> {
  if (!existsSync(built.path)) throw new Error(`${built.path} was not built`);
  const scratch = mkdtempSync(join(tmpdir(), "hostflame-workload-"));
  try {
    const output = await runIn(built.workload.place ?? "plain", built, budgetMs, cpu, scratch);
    return parseTruth(built.workload.name, output);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Runs all, one at a time on each CPU given. Returns the truth of each workload by its name. */
export async function runWorkloads(
  all: readonly BuiltWorkload[],
  budgetMs: number,
  cpus: readonly number[],
): Promise<Map<string, Truth>> {
  const waiting = [...all];
  const truths = new Map<string, Truth>();
  const lane = async (cpu: number): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      truths.set(next.workload.name, await runWorkload(next, budgetMs, cpu));
    }
  };
  await Promise.all(cpus.map(lane));
  return truths;
}
