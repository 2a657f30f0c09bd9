import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import type { Profile } from "#src/model/profile.js";
import type { PythonUnderTest } from "./pythons.js";

type TruthFrame = readonly [name: string, fileName: string, line: number];

/** What test/workloads/python/split.py prints. */
export interface PythonTruth {
  readonly branches: Readonly<Record<string, number>>;
  /** Leaf first, as sys._getframe sees the branch's leaf. */
  readonly chains: Readonly<Record<string, readonly TruthFrame[]>>;
}

const SCRIPT = resolve("test/workloads/python/split.py");

export function commOf({ version }: PythonUnderTest): string {
  return `py-${version}`;
}

/** Runs the workload to its end, on one CPU. */
export async function runSplit(
  python: PythonUnderTest,
  cpu: number,
  warmMs: number,
  budgetMs: number,
): Promise<PythonTruth> {
  const args = [SCRIPT, commOf(python), String(warmMs), String(budgetMs)];
  const child = spawn("taskset", ["-c", String(cpu), ...python.argv, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...python.env },
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  try {
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new Error(`${python.version} ended with ${String(code)}`);
  } finally {
    child.kill("SIGKILL");
  }
  return JSON.parse(output) as PythonTruth;
}

/** A frame of a stack, root first: what runs, and where. */
interface SeenFrame {
  readonly isPython: boolean;
  readonly name: string;
  readonly fileName: string;
  readonly line: number;
}

export interface PythonVerdict {
  readonly samples: number;
  /** Samples that have a Python frame: all but where threads begin and end. */
  readonly inPython: number;
  /** Samples whose Python frames are a path of the call tree, all of it, by name. */
  readonly right: number;
  /** Samples in the innermost function of a branch, and those of them whose every line is as the workload sees it. */
  readonly leaves: number;
  readonly rightLines: number;
  /** Samples in branch `native` that have C functions between its two Python functions. */
  readonly alternating: number;
  readonly inNative: number;
  readonly shares: Readonly<Record<string, { readonly sampled: number; readonly measured: number }>>;
  readonly wrong: readonly string[];
}

export function* stacksOf(profile: Profile, comm: string): Generator<{ frames: SeenFrame[]; count: number }> {
  const { samples, threads, stacks, locations, functions } = profile;
  for (let row = 0; row < samples.length; row++) {
    if (threads[samples.thread[row]].comm !== comm) continue;
    const stack = samples.stack[row];
    const frames: SeenFrame[] = [];
    for (let at = stacks.offsets[stack + 1] - 1; at >= stacks.offsets[stack]; at--) {
      const { kind, lines } = locations[stacks.locations[at]];
      for (const { functionIndex, line } of [...lines].reverse()) {
        const { name, fileName } = functions[functionIndex];
        frames.push({ isPython: kind === "interpreter", name, fileName, line });
      }
    }
    yield { frames, count: samples.count[row] };
  }
}

/** The innermost function of all branches; its lines are those of its loop. */
const LEAF = "burn";
/** What the workload does besides: starting threads, asking for the time. */
const LIBRARY = /threading\.py$/;

export function judgeSplit(python: PythonUnderTest, truth: PythonTruth, profile: Profile): PythonVerdict {
  const chains = Object.entries(truth.chains).map(([branch, chain]) => ({ branch, chain: [...chain].reverse() }));
  const sampled: Record<string, number> = {};
  const wrong = new Map<string, number>();
  let [samples, inPython, right, leaves, rightLines, alternating, inNative] = [0, 0, 0, 0, 0, 0, 0];
  for (const { frames, count } of stacksOf(profile, commOf(python))) {
    samples += count;
    const seen = frames.filter(({ isPython }) => isPython);
    if (seen.length > 0) inPython += count;
    const own = withoutLibrary(seen);
    const fitting = chains.find(({ chain }) => own.every(({ name }, at) => chain[at]?.[0] === name));
    const isMark = own.at(-1)?.name === "mark";
    // A call of the loop that shows no Python frame.
    const isBare = frames.some(({ name }) => name.startsWith("_PyEval_EvalFrameDefault"));
    const isStarting = seen.every(({ fileName }) => LIBRARY.test(fileName));
    if ((fitting === undefined && !isMark && !isStarting) || isBare) {
      const text = frames.map(({ isPython, name, line }) => (isPython ? `${name}:${line}` : `(${name})`)).join(";");
      wrong.set(text, (wrong.get(text) ?? 0) + count);
      continue;
    }
    right += count;
    if (own.at(-1)?.name !== LEAF) continue;
    const same = chains.filter(({ chain }) => chain.every(([name], at) => own[at]?.name === name));
    const { branch, chain } = same.find(({ chain: one }) => linesFit(own, one)) ?? same[0];
    leaves += count;
    sampled[branch] = (sampled[branch] ?? 0) + count;
    if (linesFit(own, chain)) rightLines += count;
    else {
      const text = `lines: ${own.map(({ name, line }, at) => `${name}:${line}/${chain[at]?.[2]}`).join(";")}`;
      wrong.set(text, (wrong.get(text) ?? 0) + count);
    }
    if (branch !== "native") continue;
    inNative += count;
    const outer = frames.findIndex(({ name }) => name === "native");
    const inner = frames.findIndex(({ name }) => name === "compare");
    if (frames.slice(outer + 1, inner).some(({ isPython }) => !isPython)) alternating += count;
  }
  const total = Object.values(sampled).reduce((sum, count) => sum + count, 0);
  const measured = Object.values(truth.branches).reduce((sum, ns) => sum + ns, 0);
  const shares = Object.fromEntries(
    Object.entries(truth.branches).map(([branch, ns]) => [
      branch,
      { sampled: (sampled[branch] ?? 0) / Math.max(1, total), measured: ns / measured },
    ]),
  );
  const worst = [...wrong].sort((a, b) => b[1] - a[1]).map(([text, count]) => `${count} ${text}`);
  return { samples, inPython, right, leaves, rightLines, alternating, inNative, shares, wrong: worst };
}

/** Up to the first function of the standard library after the workload's own. */
function withoutLibrary(seen: readonly SeenFrame[]): readonly SeenFrame[] {
  const own = seen.findIndex(({ fileName }) => !LIBRARY.test(fileName));
  if (own < 0) return seen;
  const end = seen.findIndex(({ fileName }, at) => at > own && LIBRARY.test(fileName));
  return end < 0 ? seen : seen.slice(0, end);
}

/** Callers are on the lines of their calls, the leaf within its loop, files as the workload says. */
function linesFit(seen: readonly SeenFrame[], chain: readonly TruthFrame[]): boolean {
  return (
    seen.length === chain.length &&
    seen.every(({ fileName, line }, at) => {
      const [, file, truth] = chain[at];
      return fileName === file && (at === chain.length - 1 ? line >= truth - 1 && line <= truth + 4 : line === truth);
    })
  );
}
