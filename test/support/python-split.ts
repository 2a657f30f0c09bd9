import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import type { Profile } from "#src/model/profile.js";
import { type ProfileFrame, stacksOf } from "./profile-stacks.js";
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

/** Runs the workload to its end, on one CPU; with the C extension of a folder, if there is one. */
export async function runSplit(
  python: PythonUnderTest,
  cpu: number,
  { warmMs, budgetMs }: { readonly warmMs: number; readonly budgetMs: number },
  extension?: string,
): Promise<PythonTruth> {
  const args = [
    SCRIPT,
    commOf(python),
    String(warmMs),
    String(budgetMs),
    ...(extension === undefined ? [] : [extension]),
  ];
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

export interface PythonVerdict {
  readonly samples: number;
  /** Samples that have a Python frame: all but where threads begin and end. */
  readonly inPython: number;
  /** Samples whose Python frames are a path of the call tree, all of it, by name. */
  readonly right: number;
  /** Samples in the innermost function of a branch, and those of them whose every line is as the workload sees it. */
  readonly leaves: number;
  readonly rightLines: number;
  /** Samples in branches that cross C, and those of them that have its functions between their two Python functions. */
  readonly crossing: number;
  readonly alternating: number;
  readonly shares: Readonly<Record<string, { readonly sampled: number; readonly measured: number }>>;
  readonly wrong: readonly string[];
}

/** Whether the interpreter ran it: a function of Python. */
export function isPython({ kind }: ProfileFrame): boolean {
  return kind === "interpreter";
}

/** The innermost function of all branches; its lines are those of its loop. */
const LEAF = "burn";
/** Branches that cross C: their two Python functions, and what has to be between them; "" for any C function. */
const CROSSINGS: Readonly<Record<string, readonly [outer: string, inner: string, between: string]>> = {
  native: ["native", "compare", ""],
  extension: ["extension", "step_in", "cross;cross_into"],
};
/** What the workload does besides: starting threads, asking for the time. */
const LIBRARY = "threading.py";

export function judgeSplit(python: PythonUnderTest, truth: PythonTruth, profile: Profile): PythonVerdict {
  const chains = Object.entries(truth.chains).map(([branch, chain]) => ({ branch, chain: [...chain].reverse() }));
  const sampled: Record<string, number> = {};
  const wrong = new Map<string, number>();
  let [samples, inPython, right, leaves, rightLines, alternating, crossing] = [0, 0, 0, 0, 0, 0, 0];
  for (const { frames, count } of stacksOf(profile, commOf(python))) {
    samples += count;
    const seen = frames.filter(isPython);
    if (seen.length > 0) inPython += count;
    const own = withoutLibrary(seen);
    const fitting = chains.find(({ chain }) => own.every(({ name }, at) => chain[at]?.[0] === name));
    const isMark = own.at(-1)?.name === "mark";
    // A call of the loop that shows no Python frame.
    const isBare = frames.some(({ name }) => name.startsWith("_PyEval_EvalFrameDefault"));
    const isStarting = seen.every(({ fileName }) => fileName.endsWith(LIBRARY));
    if ((fitting === undefined && !isMark && !isStarting) || isBare) {
      const text = frames
        .map((frame) => (isPython(frame) ? `${frame.name}:${frame.line}` : `(${frame.name})`))
        .join(";");
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
    if (!(branch in CROSSINGS)) continue;
    crossing += count;
    const [outer, inner, between] = CROSSINGS[branch];
    const from = frames.findIndex(({ name }) => name === outer) + 1;
    const names = frames
      .slice(
        from,
        frames.findIndex(({ name }) => name === inner),
      )
      .map(({ name }) => name);
    if (names.length > 0 && names.join(";").includes(between)) alternating += count;
    else wrong.set(`crossing: ${frames.map(({ name }) => name).join(";")}`, count);
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
  return { samples, inPython, right, leaves, rightLines, crossing, alternating, shares, wrong: worst };
}

/** Up to the first function of the standard library after the workload's own. */
function withoutLibrary(seen: readonly ProfileFrame[]): readonly ProfileFrame[] {
  const own = seen.findIndex(({ fileName }) => !fileName.endsWith(LIBRARY));
  if (own < 0) return seen;
  const end = seen.findIndex(({ fileName }, at) => at > own && fileName.endsWith(LIBRARY));
  return end < 0 ? seen : seen.slice(0, end);
}

/** Callers are on the lines of their calls, the leaf within its loop, files as the workload says. */
function linesFit(seen: readonly ProfileFrame[], chain: readonly TruthFrame[]): boolean {
  return (
    seen.length === chain.length &&
    seen.every(({ fileName, line }, at) => {
      const [, file, truth] = chain[at];
      return fileName === file && (at === chain.length - 1 ? line >= truth - 1 && line <= truth + 4 : line === truth);
    })
  );
}
