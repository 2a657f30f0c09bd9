import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { CallTree } from "./call-tree.js";

/** Where a workload runs from. `plain` is the directory in which it was built. */
export type Place = "plain" | "chroot" | "deleted" | "replaced" | "overlay";

export interface Workload {
  /** File name of the executable, and so the comm of its samples: at most 15 characters. */
  readonly name: string;
  /** Folder of test/workloads/ that holds the sources. */
  readonly sources: string;
  /** Commands, run in the sources' folder; `OUT` stands for the folder of what they make. */
  readonly build: readonly (readonly string[])[];
  /** Arguments after the budget. */
  readonly args?: readonly string[];
  /** The comms of its samples where they are more than its name: threads, what it execs. */
  readonly comms?: readonly string[];
  readonly place?: Place;
  /** In a `replaced` workload: the executable that takes its path. Its stacks, too, are in the tree. */
  readonly replacement?: Workload;
  readonly tree: CallTree;
  /** Branch as the workload prints it → the function whose presence in a stack means that branch. */
  readonly branches: Readonly<Record<string, string>>;
  /**
   * Why the workload is to be judged only once its file is known: it then runs for a moment before, under another name.
   * Else the first samples of it, which come before there are unwind rows, are judged like the rest.
   */
  readonly warm?: string;
  /** Names are gone from the file; the file of this name in OUT still has them, to check addresses by. */
  readonly unstripped?: string;
  /** Stacks on which no root can be expected, and why; the share of whole stacks is then not asserted. */
  readonly notWhole?: string;
}

export interface BuiltWorkload {
  readonly workload: Workload;
  /** Absolute path of the executable. */
  readonly path: string;
  readonly directory: string;
}

const SOURCES = "test/workloads";
const CACHE = "build/workloads";

/** The outermost own frames of a C or C++ program. */
export function inMain(tree: CallTree): CallTree {
  return { main: tree };
}

function hashFiles(hash: ReturnType<typeof createHash>, directory: string): void {
  for (const name of readdirSync(directory).sort()) {
    const path = join(directory, name);
    if (statSync(path).isFile() && !name.endsWith(".ts")) hash.update(name).update(readFileSync(path));
  }
}

function versionOf(tool: string): string {
  return execFileSync("sh", ["-c", `${tool} version 2>/dev/null || ${tool} --version 2>&1 | head -1`], {
    encoding: "utf8",
  });
}

/** Returns why the workload cannot be built here, or undefined. */
export function missingTool(workload: Workload): string | undefined {
  for (const [tool] of workload.build) {
    try {
      execFileSync("sh", ["-c", `command -v ${tool}`], { stdio: "ignore" });
    } catch {
      return `${tool} is not installed`;
    }
  }
  return workload.replacement === undefined ? undefined : missingTool(workload.replacement);
}

/**
 * Builds a workload, or finds it built: by the content of its sources, its commands and its compiler. Two processes
 * that build the same one at once both succeed, and one result stays.
 */
export function buildWorkload(workload: Workload): BuiltWorkload {
  const sources = resolve(SOURCES, workload.sources);
  const hash = createHash("sha256").update(JSON.stringify([workload.name, workload.build]));
  hashFiles(hash, resolve(SOURCES));
  hashFiles(hash, sources);
  for (const tool of new Set(workload.build.map((command) => command[0]))) hash.update(versionOf(tool));
  const directory = resolve(CACHE, `${workload.name}-${hash.digest("hex").slice(0, 16)}`);
  const built = { workload, directory, path: join(directory, workload.name) };
  if (existsSync(built.path)) return built;

  const making = `${directory}.${process.pid}`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { recursive: true });
  try {
    for (const [tool, ...args] of workload.build) {
      execFileSync(
        tool,
        args.map((arg) => arg.replaceAll("OUT", making)),
        { cwd: sources, stdio: ["ignore", "ignore", "pipe"], maxBuffer: 1 << 24 },
      );
    }
    if (existsSync(directory)) return built;
    renameSync(making, directory);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return built;
}

/** Copies what a build made into another folder, for places that must not touch the cached one. */
export function copyBuilt(built: BuiltWorkload, directory: string): BuiltWorkload {
  cpSync(built.directory, directory, { recursive: true });
  return { ...built, directory, path: join(directory, built.workload.name) };
}
