import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import type { Profile } from "#src/model/profile.js";
import { readPprofGzip } from "#src/profiles/read-pprof.js";
import type { FoldedStack } from "../support/folded.js";
import { javaClasses } from "../support/java-classes.js";
import { callSites, callsOf, dumpMain, lineTables, ownFrames, type ViewedFrame } from "../support/java-views.js";
import { mixLibrary, runMix } from "../support/java-workload.js";
import { findJavac, findJdk, JDK_VERSIONS, type Jdk, type JdkVersion } from "../support/jdk.js";
import { stacksOf } from "../support/profile-stacks.js";
import { cannotRecord, recordWhile } from "../support/record.js";

/** Of each run. */
const BUDGET_MS = 2500;
/** Before them a run that nobody looks at: rows of libjvm.so take a while, and first sights have no frames of Java. */
const WARM_MS = 2500;
const FREQUENCY = 499;
/** Asked for while the first runs; a dump waits for a safepoint, and that is where it sees each thread. */
const DUMPS = 4;

interface Run {
  readonly comm: string;
  readonly version: JdkVersion;
  readonly options: readonly string[];
  readonly virtual?: boolean;
}

const RUNS: readonly Run[] = JDK_VERSIONS.flatMap((version): Run[] => [
  { comm: `jv${version}int`, version, options: ["-Xint"] },
  { comm: `jv${version}c1`, version, options: ["-XX:TieredStopAtLevel=1"] },
  { comm: `jv${version}c2`, version, options: [] },
  ...(version >= 21 ? [{ comm: `jv${version}virtual`, version, options: [], virtual: true }] : []),
  ...(version >= 21 ? [{ comm: `jv${version}zgc`, version, options: ["-XX:+UseZGC", "-Xmx256m"] }] : []),
  ...(version >= 25 ? [{ comm: `jv${version}coh`, version, options: ["-XX:+UseCompactObjectHeaders"] }] : []),
]);

/** What lies between the thread's start and Mix.main is the launcher's and libjvm's. */
const ROOT =
  /^(clone3?|__clone3?|thread_start|start_thread|_start|_dl_start_user|libc\.so\.6\+0x[0-9a-f]+|ld-linux.*)$/;
const BURN = "Mix\\.burn(;.*_\\[k\\])?";
/** What an intermediate frame of Java may have below it: a JVM that compiles, resolves or collects right there. */
const TREE: Readonly<Record<string, RegExp>> = {
  direct: new RegExp(`Mix\\.run;Mix\\.direct;${BURN}`),
  recursion: new RegExp(`Mix\\.run;(Mix\\.recursion;){41}${BURN}`),
  lambda: new RegExp(
    `Mix\\.run;Mix\\.lambda;Mix\\$\\$Lambda[^;]*\\.applyAsLong;(Mix\\.access[^;]*;)?Mix\\.lambda\\$lambda\\$0;${BURN}`,
  ),
  exceptions: new RegExp(`Mix\\.run;Mix\\.exceptions;((Mix\\.thrower;){9})?${BURN}`),
  locked: new RegExp(`Mix\\.run;Mix\\.locked;${BURN}`),
  nativeWork: new RegExp(
    `Mix\\.run;Mix\\.nativeWork;Mix\\.viaC;(libmix[^;]*;|Java_Mix_viaC;)(burn_in_c|.*;Mix\\.back;${BURN})`,
  ),
};

/** Threads of one JVM, dumped by itself. */
async function dumpAll(jcmd: string | undefined, pid: number): Promise<(readonly ViewedFrame[])[]> {
  const dumps: (readonly ViewedFrame[])[] = [];
  for (let i = 0; jcmd !== undefined && i < DUMPS; i++) dumps.push(await dumpMain(jcmd, pid, "Mix"));
  return dumps;
}

interface Verdict {
  readonly samples: number;
  readonly whole: number;
  readonly unnamed: number;
  readonly branches: Readonly<Record<string, number>>;
  /** In a branch's burning loop, and of its tree. */
  readonly burning: number;
  readonly right: number;
  readonly examples: readonly string[];
}

function judge(stacks: readonly FoldedStack[], run: Run): Verdict {
  const branches: Record<string, number> = {};
  const examples: string[] = [];
  let [samples, whole, unnamed, burning, right] = [0, 0, 0, 0, 0];
  for (const { comm, frames, count } of stacks) {
    if (comm !== run.comm || frames.every((frame) => frame.endsWith("_[k]"))) continue;
    samples += count;
    const text = frames.map((frame) => frame.replace(/_\[i\]$/, "")).join(";");
    const isWhole = ROOT.test(frames[0]);
    const isUnnamed = /\[(java|jit|anon)\]\+0x/.test(text);
    if (isWhole) whole += count;
    if (isUnnamed) unnamed += count;
    const branch = Object.keys(TREE).find((name) => text.includes(`;Mix.run;Mix.${name}`));
    if (branch !== undefined) branches[branch] = (branches[branch] ?? 0) + count;
    const burns = /;(Mix\.burn|burn_in_c)(;[^;]*_\[k\])*$/.test(text);
    const isRight = branch !== undefined && new RegExp(`;${TREE[branch].source}(;[^;]*_\\[k\\])*$`).test(text);
    if (burns) burning += count;
    if (burns && isRight) right += count;
    if (!isWhole || isUnnamed || (burns && !isRight)) examples.push(`${count} ${text}`);
  }
  const worst = examples.sort((a, b) => parseInt(b, 10) - parseInt(a, 10)).slice(0, 5);
  return { samples, whole, unnamed, branches, burning, right, examples: worst };
}

function share(part: number, whole: number): string {
  return `${((100 * part) / Math.max(whole, 1)).toFixed(2)} %`;
}

/** Each in a sentence; empty when nothing falls short. */
function shortcomings(verdict: Verdict, measured: Readonly<Record<string, number>>): string[] {
  const { samples, whole, unnamed, branches, burning, right } = verdict;
  const complaints: string[] = [];
  if (samples < 100) complaints.push(`${samples} samples`);
  if (whole < 0.99 * samples) complaints.push(`${share(whole, samples)} of ${samples} stacks reach their root`);
  if (unnamed > 0.01 * samples) complaints.push(`${share(unnamed, samples)} of stacks have frames without a name`);
  if (right < 0.99 * burning) complaints.push(`${share(right, burning)} of ${burning} stacks are in the call tree`);
  const all = Object.values(branches).reduce((sum, count) => sum + count, 0);
  const total = Object.values(measured).reduce((sum, ns) => sum + ns, 0);
  for (const [branch, ns] of Object.entries(measured)) {
    const difference = (branches[branch] ?? 0) / Math.max(all, 1) - ns / total;
    // Two standard deviations of so few samples, beside the two points that are asked for.
    const chance = 2 * Math.sqrt(((ns / total) * (1 - ns / total)) / Math.max(all, 1));
    if (Math.abs(difference) > 0.02 + chance) {
      complaints.push(
        `${branch}: ${share(branches[branch] ?? 0, all)} of samples, ${share(ns, total)} of its CPU time`,
      );
    }
  }
  return complaints.length === 0 ? [] : [...complaints, ...verdict.examples];
}

const library = mixLibrary();
const impossible =
  cannotRecord() ??
  (library === undefined ? "no JDK with jni.h" : undefined) ??
  (findJavac() === undefined ? "no Java compiler" : undefined);

describe("Java", { skip: impossible ?? false }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), "hostflame-java-"));
  const outputs = new Map<string, string>();
  let stacks: readonly FoldedStack[] = [];
  let counters: Readonly<Record<string, number>> = {};
  let profile: Profile;
  const dumps: (readonly ViewedFrame[])[] = [];

  before(async () => {
    const jdks = JDK_VERSIONS.map((version) => [version, findJdk(version)] as const);
    const have = new Map(jdks.filter((each): each is [JdkVersion, Jdk] => typeof each[1] !== "string"));
    const jcmd = [...have.values()].map((jdk) => jdk.jcmd).find((command) => command !== undefined);
    const lane = async (versions: readonly JdkVersion[]): Promise<void> => {
      for (const version of versions) {
        const jdk = have.get(version);
        if (jdk === undefined) continue;
        await runMix(jdk, `warm${version}`, folder, [], [String(WARM_MS), library!], async (pid) => {
          dumps.push(...(await dumpAll(jcmd, pid)));
        });
        for (const run of RUNS.filter((each) => each.version === version)) {
          const args = [String(BUDGET_MS), library!, ...(run.virtual === true ? ["virtual"] : [])];
          outputs.set(run.comm, await runMix(jdk, run.comm, folder, run.options, args));
        }
      }
    };
    const recording = await recordWhile({ frequency: FREQUENCY }, async () => {
      await Promise.all([lane([8, 17, 25]), lane([11, 21])]);
    });
    stacks = recording.stacks;
    counters = recording.summary["counters"] as Record<string, number>;
    profile = await readPprofGzip(recording.profile);
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  for (const run of RUNS.filter(({ virtual }) => virtual !== true)) {
    it(`is walked, split and named: ${run.comm} ${run.options.join(" ")}`, (context) => {
      const output = outputs.get(run.comm);
      if (output === undefined) {
        context.skip(`no JDK ${run.version} can be had here`);
        return;
      }
      const { branches } = JSON.parse(output) as { branches: Record<string, number> };
      const verdict = judge(stacks, run);
      context.diagnostic(JSON.stringify({ ...verdict, examples: undefined }));
      assert.deepEqual(shortcomings(verdict, branches), []);
    });
  }

  for (const run of RUNS.filter(({ virtual }) => virtual === true)) {
    it(`is walked on virtual threads down to their carrier's root: ${run.comm}`, (context) => {
      if (outputs.get(run.comm) === undefined) {
        context.skip(`no JDK ${run.version} can be had here`);
        return;
      }
      let [samples, whole] = [0, 0];
      const broken: string[] = [];
      for (const { frames, count } of stacks) {
        if (!frames.some((frame) => /^Mix\.virtual(Depth|Body)/.test(frame))) continue;
        samples += count;
        if (ROOT.test(frames[0])) whole += count;
        else broken.push(`${count} ${frames.join(";")}`);
      }
      context.diagnostic(`${whole} of ${samples}`);
      assert.ok(samples > 100, `${samples} samples`);
      assert.ok(whole >= 0.99 * samples, `${share(whole, samples)} whole\n${broken.slice(0, 5).join("\n")}`);
    });
  }

  it("has lines that the compiler wrote down for the method, and callers' lines as the JVM itself dumps them", (context) => {
    const tables = lineTables(javaClasses("java"));
    const sites = callSites(dumps);
    if (sites.size === 0) context.diagnostic("no JDK here dumps threads");
    let [frameCount, callCount] = [0, 0];
    const seen = new Set<string>();
    const wrong = new Map<string, number>();
    const complain = (what: string, count: number): void => void wrong.set(what, (wrong.get(what) ?? 0) + count);
    for (const { comm } of RUNS) {
      for (const { frames, count } of stacksOf(profile, comm)) {
        const own = ownFrames(frames, "Mix");
        for (const { name, line } of own) {
          const table = tables.get(name);
          if (table?.size === 0) continue; // a native method
          frameCount += count;
          if (table?.has(line) !== true) complain(`${name}:${line}`, count);
        }
        for (const { call, line } of callsOf(own)) {
          const lines = sites.get(call);
          if (lines === undefined || lines.has(0)) continue;
          seen.add(call);
          callCount += count;
          if (!lines.has(line)) complain(`${call} at ${line}, not ${[...lines].join(" or ")}`, count);
        }
      }
    }
    context.diagnostic(`${frameCount} frames, ${callCount} calls of ${seen.size} kinds`);
    const all = [...wrong.values()].reduce((sum, count) => sum + count, 0);
    assert.ok(
      frameCount > 10_000 && (sites.size === 0 || seen.size >= 5),
      `${frameCount} frames, ${[...seen].join(", ")}`,
    );
    assert.ok(
      all <= 0.001 * (frameCount + callCount),
      [...wrong].map(([what, count]) => `${count} ${what}`).join("\n"),
    );
  });

  it("leaves hardly a frame of the code cache unknown", () => {
    const failures = counters["hotspot_blob_failures"] + counters["hotspot_method_failures"];
    assert.ok(failures <= 0.001 * counters["hotspot_frames"], JSON.stringify(counters));
  });
});
