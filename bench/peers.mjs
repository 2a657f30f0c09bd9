#!/usr/bin/env node
/**
 * One round beside a peer: the same workloads and the same storm of short processes under each profiler in turn, and
 * what each costs and keeps.
 *
 *     node bench/peers.mjs [--frequency 99] [--seconds 20] [--rounds 2] [--peer 'NAME=COMMAND …']
 *
 * hostflame and perf (--call-graph dwarf) are always in the round; perf writes C++ names without their parameters, so that
 * C++ workloads count as not kept by it. A --peer is any command that profiles the machine
 * until SIGINT; it is started as it is, and of it only the cost is measured: its output is its own.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { readPerfData } from "../build/test/support/perf.js";
import { recordWhile } from "../build/test/support/record.js";
import { runWorkloads } from "../build/test/support/run-workload.js";
import { judgeStorm, runStorm } from "../build/test/support/storm.js";
import { judge } from "../build/test/support/verdict.js";
import { buildWorkload, missingTool } from "../build/test/support/workload.js";
import { WORKLOADS } from "../build/test/workloads/catalogue.js";
import { enableBpfStatistics, median, usageOf } from "./process-usage.mjs";

const { values } = parseArgs({
  options: {
    frequency: { type: "string", default: "99" },
    seconds: { type: "string", default: "20" },
    rounds: { type: "string", default: "2" },
    peer: { type: "string", multiple: true, default: [] },
  },
});
const frequency = Number(values.frequency);
const seconds = Number(values.seconds);
const periodNs = 1e9 / frequency;

const NAMES = [
  "split-pie",
  "split-static",
  "recursion-60",
  "threads",
  "frames",
  "templates",
  "exceptions",
  "rust-v0",
  "go",
  "kernel",
];
const built = WORKLOADS.filter((workload) => NAMES.includes(workload.name) && missingTool(workload) === undefined).map(
  (workload) => buildWorkload(workload),
);

/** The load: all workloads and a storm at once, for about so many seconds. Returns what they measured of themselves. */
async function load() {
  const budgetMs = (seconds * 1000 * cpus().length * 0.6) / built.length;
  const [storm, truths] = await Promise.all([runStorm(seconds, 50), runWorkloads(built, budgetMs, [...cpus().keys()])]);
  return { storm, truths };
}

/** Runs the load while the profiler `pid` runs. */
async function measure(pid) {
  const start = usageOf(pid);
  const begin = performance.now();
  const truth = await load();
  const elapsedNs = (performance.now() - begin) * 1e6;
  const end = usageOf(pid);
  return {
    ...truth,
    agentPercent: (100 * (end.cpuNs - start.cpuNs)) / elapsedNs,
    bpfPercent: (100 * (end.bpfNs - start.bpfNs)) / elapsedNs,
    bpfNs: end.bpfNs - start.bpfNs,
    rssMiB: end.peakRssMiB,
    mapMiB: end.mapMiB,
  };
}

/** Shares of what the workloads and the storm measured. */
function quality({ storm, truths }, stacks) {
  let kept = 0;
  let right = 0;
  let expected = 0;
  for (const one of built) {
    const verdict = judge(one, stacks, truths.get(one.workload.name), periodNs);
    kept += verdict.kept;
    right += verdict.samples === 0 ? 0 : (verdict.kept * Math.min(verdict.whole, verdict.right)) / verdict.samples;
    expected += verdict.expected;
  }
  const short = judgeStorm(storm, stacks, periodNs);
  return {
    samples: stacks.reduce((sum, { count }) => sum + count, 0),
    keptPercent: (100 * kept) / expected,
    wholePercent: (100 * right) / expected,
    stormPercent: (100 * short.capturedNs) / short.usedNs,
  };
}

async function runHostflame() {
  let measured;
  const recording = await recordWhile({ frequency }, async (pid) => {
    measured = await measure(pid);
  });
  const found = quality(measured, recording.stacks);
  return {
    ...measured,
    ...found,
    bpfUs: measured.bpfNs / found.samples / 1000,
    diskMiB: recording.profile.length / 2 ** 20,
  };
}

/** Starts a command, gives it time to attach, measures, ends it as Ctrl-C does. */
async function runCommand(words, use = () => ({})) {
  const child = spawn(words[0], words.slice(1), { stdio: "ignore" });
  try {
    await sleep(5000);
    if (child.exitCode !== null) throw new Error(`${words[0]} ended with ${child.exitCode}`);
    const measured = await measure(child.pid);
    const exited = once(child, "exit");
    child.kill("SIGINT");
    await exited;
    return { ...measured, ...use(measured) };
  } finally {
    child.kill("SIGKILL");
  }
}

/** perf leaves out the frames above libc's caller of main, in whose unwind information it stops: not held against it. */
function fromStart(stack) {
  return stack.frames[0] === "__libc_start_call_main" ? { ...stack, frames: ["_start", ...stack.frames] } : stack;
}

async function runPerf() {
  const directory = mkdtempSync(join(tmpdir(), "hostflame-peer-"));
  const data = join(directory, "perf.data");
  try {
    const options = ["-q", "-a", "-e", "cpu-clock", "-F", String(frequency), "--call-graph", "dwarf"];
    return await runCommand(["perf", "record", ...options, "-o", data], (measured) => ({
      ...quality(measured, readPerfData(data).map(fromStart)),
      diskMiB: statSync(data).size / 2 ** 20,
    }));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const profilers = [
  { name: "hostflame", run: runHostflame },
  { name: "perf dwarf", run: runPerf },
  ...values.peer.map((peer) => {
    const at = peer.indexOf("=");
    return { name: peer.slice(0, at), run: () => runCommand(peer.slice(at + 1).split(" ")) };
  }),
];

const restore = await enableBpfStatistics();
const results = new Map(profilers.map(({ name }) => [name, []]));
try {
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { name, run } of profilers) {
      try {
        results.get(name).push(await run());
      } catch (error) {
        console.log(`${name}: ${error.message}`);
      }
    }
  }
} finally {
  restore();
}

const columns = [
  ["agent CPU %", "agentPercent", 2],
  ["BPF CPU %", "bpfPercent", 2],
  ["BPF µs/sample", "bpfUs", 1],
  ["peak RSS MiB", "rssMiB", 0],
  ["BPF maps MiB", "mapMiB", 1],
  ["on disk MiB", "diskMiB", 1],
  ["kept %", "keptPercent", 1],
  ["whole+right %", "wholePercent", 1],
  ["storm %", "stormPercent", 1],
];
console.log(
  `${frequency} Hz, ${seconds} s of ${built.length} workloads and 50 short processes a second; medians of ${values.rounds}`,
);
console.log("".padEnd(14) + columns.map(([label]) => label.padStart(15)).join(""));
for (const [name, rounds] of results) {
  if (rounds.length === 0) continue;
  const texts = columns.map(([, field, digits]) => {
    const value = median(rounds.map((result) => result[field] ?? NaN));
    return (Number.isNaN(value) ? "–" : value.toFixed(digits)).padStart(15);
  });
  console.log(name.padEnd(14) + texts.join(""));
}
