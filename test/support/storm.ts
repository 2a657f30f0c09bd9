import { spawn } from "node:child_process";
import { once } from "node:events";
import { matchChain, type CallTree } from "./call-tree.js";
import type { FoldedStack } from "./folded.js";
import { buildWorkload, type BuiltWorkload, type Workload } from "./workload.js";
import { FLAGS } from "../workloads/c.js";

/** The storm's programs: each has code of its own, so that one is not named by another's table. */
const NAMES = ["a", "b", "c", "d"];

/** Program by program: how many ran, and the CPU time that wait4 says they used. */
export interface StormTruth {
  readonly seconds: number;
  readonly programs: Readonly<Record<string, { readonly processes: number; readonly cpuNs: number }>>;
}

function programOf(letter: string): Workload {
  const name = `short-${letter}`;
  const compile = ["gcc", ...FLAGS, `-DNAME=short_${letter}`, "-o", `OUT/${name}`, "short.c"];
  return { name, sources: "storm", build: [compile], tree: {}, branches: {} };
}

export function buildStorm(): { readonly driver: BuiltWorkload; readonly programs: readonly BuiltWorkload[] } {
  const driver: Workload = {
    name: "storm",
    sources: "storm",
    build: [["gcc", "-O2", "-o", "OUT/storm", "storm.c"]],
    tree: {},
    branches: {},
  };
  return { driver: buildWorkload(driver), programs: NAMES.map((letter) => buildWorkload(programOf(letter))) };
}

/** Runs the storm to its end. */
export async function runStorm(seconds: number, rate: number): Promise<StormTruth> {
  const { driver, programs } = buildStorm();
  const args = [String(seconds), String(rate), ...programs.map(({ path }) => path)];
  const child = spawn(driver.path, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  try {
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new Error(`the storm ended with ${String(code)}`);
  } finally {
    child.kill("SIGKILL");
  }
  return JSON.parse(output) as StormTruth;
}

export interface StormVerdict {
  /** Nanoseconds of CPU: what the programs used, what the samples of them stand for, … */
  readonly usedNs: number;
  readonly sampledNs: number;
  /** … and what the samples stand for whose stack is whole and named, */
  readonly capturedNs: number;
  /** … of which in the program's own code. */
  readonly inMainNs: number;
  readonly wrong: readonly string[];
}

/** Where a process is before it reaches main: in the kernel (exec, exit, faults), or in the dynamic linker. */
const BEFORE_MAIN = /^(_start|_dl_start_user|ld-linux-x86-64\.so\.2\+0x[0-9a-f]+|_dl_.*)$/;

/** No user frame: of a process that is not yet, or no longer, in its own code. */
function isKernelOnly(frames: readonly string[]): boolean {
  return frames.length > 0 && frames.every((frame) => frame.endsWith("_[k]"));
}

export function judgeStorm(truth: StormTruth, stacks: readonly FoldedStack[], periodNs: number): StormVerdict {
  const wrong = new Map<string, number>();
  let sampled = 0;
  let captured = 0;
  let inMain = 0;
  for (const { comm, frames, count } of stacks) {
    if (truth.programs[comm] === undefined) continue;
    sampled += count;
    const name = comm.replace("-", "_");
    const tree: CallTree = { main: { [`${name}_run`]: { [`${name}_leaf`]: {} }, "/.*/": "anything" } };
    const chain = matchChain(frames, tree);
    const rooted = BEFORE_MAIN.test(frames[0] ?? "");
    if (chain.right && rooted) {
      inMain += count;
      captured += count;
    } else if (chain.rootDepth < 0 && (rooted || isKernelOnly(frames))) {
      captured += count;
    } else {
      const text = [comm, ...frames].join(";");
      wrong.set(text, (wrong.get(text) ?? 0) + count);
    }
  }
  const usedNs = Object.values(truth.programs).reduce((sum, { cpuNs }) => sum + cpuNs, 0);
  return {
    usedNs,
    sampledNs: sampled * periodNs,
    capturedNs: captured * periodNs,
    inMainNs: inMain * periodNs,
    wrong: [...wrong].sort((a, b) => b[1] - a[1]).map(([stack, count]) => `${count} ${stack}`),
  };
}

/** One line of figures, for tests and benchmarks alike. */
export function describeStorm(truth: StormTruth, verdict: StormVerdict): string {
  const processes = Object.values(truth.programs).reduce((sum, program) => sum + program.processes, 0);
  const percent = (ns: number): string => `${((100 * ns) / verdict.usedNs).toFixed(1)} %`;
  return (
    `${processes} processes in ${truth.seconds} s used ${(verdict.usedNs / 1e9).toFixed(2)} s of CPU: ` +
    `${percent(verdict.sampledNs)} sampled, ${percent(verdict.capturedNs)} with whole and named stacks, ` +
    `${percent(verdict.inMainNs)} of it in main`
  );
}
