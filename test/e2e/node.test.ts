import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { type CallTree, matchChain, nested } from "../support/call-tree.js";
import type { FoldedStack } from "../support/folded.js";
import { cannotRecord, recordWhile, type Recording } from "../support/record.js";
import type { Truth } from "../support/run-workload.js";
import { debianNode } from "../support/v8/debian-node.js";
import { NODE_MAJORS, nodeRelease } from "../support/v8/node-release.js";

const BUDGET_MS = 3000;
/** A node that is new to the agent has no rows for a while, and its first stacks no functions of JavaScript. */
const WARM_UP_MS = 4000;
const SOURCES = "test/workloads/node";

/** How the code is to run, by flags. */
const MODES = {
  default: { flags: [], from: 18 },
  interpreted: { flags: ["--no-opt", "--no-sparkplug"], from: 18 },
  baseline: { flags: ["--always-sparkplug", "--no-opt"], from: 18 },
  maglev: { flags: ["--maglev", "--max-optimized-bytecode-size=0"], from: 22 },
} as const;

const LEAF: CallTree = { leaf: {} };
interface Build {
  readonly name: string;
  readonly major: number;
  readonly open: typeof debianNode;
}

/** The project's own releases, and the one whose V8 is a library. */
const BUILDS: readonly Build[] = [
  ...NODE_MAJORS.map((major) => ({ name: String(major), major, open: () => nodeRelease(major) })),
  { name: "18 of Debian", major: 18, open: debianNode },
];

/** What the workload calls, by its own functions' names: builtins and C++ between them are left out. */
const BRANCHES: CallTree = {
  calls: { outer: { inner: LEAF } },
  recursion: nested("fibonacci", 20, {}),
  classes: { area: {}, Shape: {} },
  generators: { numbers: {} },
  builtins: { parsing: {}, matching: {} },
  closures: { add: {} },
  native: { addon_call: { addon_inner: { calledBack: LEAF } }, addon_inner: { calledBack: LEAF } },
};
const OWN = new Set([
  ...["calls", "outer", "inner", "leaf", "recursion", "fibonacci", "classes", "area", "Shape", "generators", "numbers"],
  ...["builtins", "parsing", "matching", "closures", "add", "native", "addon_call", "addon_inner", "calledBack"],
]);
const ROOT = /^(_start|_{0,2}clone3?|libc\.so\.6\+0x[0-9a-f]+)$/;
/** Code that nobody names: regular expressions, which V8 compiles too, lie below their builtin. */
const UNNAMED = /^\[(v8|jit|anon)\]\+0x/;

interface Run {
  readonly title: string;
  readonly truth: Truth;
}

interface Verdict {
  samples: number;
  whole: number;
  right: number;
  unnamed: number;
  readonly branches: Record<string, number>;
  readonly wrong: Map<string, number>;
}

/** What a recording says of a run, by its own functions. */
function judge(stacks: readonly FoldedStack[], title: string): Verdict {
  const verdict: Verdict = { samples: 0, whole: 0, right: 0, unnamed: 0, branches: {}, wrong: new Map() };
  for (const { comm, frames, count } of stacks) {
    if (comm !== title) continue;
    const named = frames.filter((frame) => !frame.endsWith("_[k]")).map((frame) => frame.replace(/_\[i\]$/, ""));
    const own = named.filter((frame) => OWN.has(frame));
    if (!named.includes("spend") || own.length === 0) continue;
    verdict.samples += count;
    verdict.branches[own[0]] = (verdict.branches[own[0]] ?? 0) + count;
    const whole = ROOT.test(named[0]);
    const chain = matchChain(own, BRANCHES);
    const right = chain.right && chain.rootDepth === 0;
    const unnamed = named.some(
      (frame, at) =>
        UNNAMED.test(frame) &&
        !/^(Builtins_(RegExp|CEntry)|v8::internal::NativeRegExpMacroAssembler)/.test(named[at - 1] ?? ""),
    );
    if (whole) verdict.whole += count;
    if (right) verdict.right += count;
    if (unnamed) verdict.unnamed += count;
    if (whole && right && !unnamed) continue;
    const shown = named.slice(Math.max(0, named.indexOf("spend"))).join(";");
    verdict.wrong.set(shown, (verdict.wrong.get(shown) ?? 0) + count);
  }
  return verdict;
}

function complaints(verdict: Verdict, truth: Truth): string[] {
  const { samples, branches } = verdict;
  const said: string[] = [];
  const share = (part: number): string => `${((100 * part) / Math.max(samples, 1)).toFixed(2)} % of ${samples}`;
  if (samples < 500) said.push(`${samples} samples`);
  if (verdict.whole < 0.99 * samples) said.push(`whole: ${share(verdict.whole)}`);
  if (verdict.right < 0.99 * samples) said.push(`in the call tree: ${share(verdict.right)}`);
  if (verdict.unnamed > 0.01 * samples) said.push(`without a name: ${share(verdict.unnamed)}`);
  const names = Object.keys(BRANCHES);
  const total = names.reduce((sum, name) => sum + (truth.branches[name] ?? 0), 0);
  for (const name of names) {
    const [sampled, measured] = [(branches[name] ?? 0) / samples, (truth.branches[name] ?? 0) / total];
    if (Math.abs(sampled - measured) > 0.02 + 2 * Math.sqrt((measured * (1 - measured)) / samples)) {
      said.push(`${name}: ${(100 * sampled).toFixed(1)} % of samples, ${(100 * measured).toFixed(1)} % of CPU time`);
    }
  }
  if (said.length > 0) {
    const worst = [...verdict.wrong].sort((one, other) => other[1] - one[1]).slice(0, 6);
    said.push(...worst.map(([stack, count]) => `  ${count} ${stack}`));
  }
  return said;
}

describe("stacks of Node.js", () => {
  const reason = cannotRecord();
  const directory = mkdtempSync(resolve("build/e2e-node-"));
  const runs = new Map<string, Run>();
  const missing = new Map<string, string>();
  let recording: Recording | undefined;

  async function run(path: string, flags: readonly string[], title: string, addon: string, cpu: number): Promise<Run> {
    const script = join(SOURCES, "tree.cjs");
    const argv = ["-c", String(cpu), path, ...flags, script, String(BUDGET_MS), title, addon];
    const child = spawn("taskset", argv, { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    const [code] = (await once(child, "close")) as [number | null];
    assert.equal(code, 0, `${title} ended with ${String(code)}`);
    return { title, truth: JSON.parse(output) as Truth };
  }

  before(async () => {
    if (reason !== undefined) return;
    const addon = join(directory, "call-back.node");
    const flags = ["-O2", "-fomit-frame-pointer", "-shared", "-fPIC", "-o", addon];
    execFileSync("cc", [...flags, join(SOURCES, "call-back.c")], { stdio: "inherit" });
    const warmUp = join(directory, "warm-up.cjs");
    writeFileSync(warmUp, `const end = Date.now() + ${WARM_UP_MS}; while (Date.now() < end);`);
    const releases = BUILDS.map(({ name, major, open }) => ({ name, major, release: open() }));
    recording = await recordWhile({ frequency: 499 }, async () => {
      const waiting = releases.flatMap(({ name, major, release }, row) => {
        if (typeof release === "string") missing.set(name, release);
        return typeof release === "string" ? [] : [{ name, major, path: release.path, row }];
      });
      // All of them first, so that on a busy machine, too, the rows of each are there by the time that it is judged.
      for (const { path } of waiting) await once(spawn(path, [warmUp]), "exit");
      const lane = async (cpu: number): Promise<void> => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          for (const [mode, { flags: own, from }] of Object.entries(MODES)) {
            if (next.major < from) continue;
            const title = `js${next.row}-${mode.slice(0, 8)}`;
            runs.set(`${next.name} ${mode}`, await run(next.path, own, title, addon, cpu));
          }
        }
      };
      await Promise.all([0, 1].map(lane));
    });
  });
  after(() => rmSync(directory, { recursive: true }));

  for (const { name, major } of BUILDS) {
    for (const [mode, { from }] of Object.entries(MODES)) {
      if (major < from) continue;
      it(`${name}, ${mode}: are whole, in the order of the calls, and split as the CPU time`, (context: TestContext) => {
        const skipped = reason ?? missing.get(name);
        if (skipped !== undefined) {
          context.skip(skipped);
          return;
        }
        const { title, truth } = runs.get(`${name} ${mode}`)!;
        assert.deepEqual(complaints(judge(recording!.stacks, title), truth), []);
      });
    }
  }

  it("have the functions of worker threads", (context: TestContext) => {
    if (reason !== undefined || runs.size === 0) {
      context.skip(reason ?? "no release of Node.js could be had");
      return;
    }
    const inWorkers = recording!.stacks.filter(({ frames }) => frames.some((frame) => frame.startsWith("inWorker")));
    const samples = inWorkers.reduce((sum, { count }) => sum + count, 0);
    assert.ok(samples > 30 * runs.size, `${samples} samples in ${runs.size} workers of 300 ms`);
  });
});
