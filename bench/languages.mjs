#!/usr/bin/env node
/**
 * What a sample of each language costs: CPython, Node.js and the JVM by themselves, one after another, a process on each CPU, under
 * hostflame's agent and whatever --peer names, in turns.
 *
 *     node bench/languages.mjs [--frequency 99] [--seconds 20] [--window 10s] [--rounds 2] [--peer 'NAME=COMMAND … {sink} …']
 *
 * The agent is the bundle that the image has, with the image's options of Node.js.
 * {sink} is the host and port of an intake that takes everything (OTLP over gRPC) and keeps nothing. A language whose
 * interpreter is not installed is left out. BPF time is the kernel's own (bpf_stats_enabled), over the ticks that the CPUs' busy time
 * stands for; the agent's CPU is that of its processes. Under "none" nobody looks: what the work costs by itself.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openGrpcIntake } from "../build/test/support/intakes/grpc-intake.js";
import { busySeconds, enableBpfStatistics, median, usageOf } from "./process-usage.mjs";

const { values } = parseArgs({
  options: {
    frequency: { type: "string", default: "99" },
    seconds: { type: "string", default: "20" },
    window: { type: "string", default: "10s" },
    rounds: { type: "string", default: "2" },
    peer: { type: "string", multiple: true, default: [] },
  },
});
const frequency = Number(values.frequency);
const sources = fileURLToPath(new URL("languages", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "hostflame-languages-"));
/** To attach, and to look at what runs already. */
const START_MS = 8000;

function has(tool) {
  try {
    execFileSync("sh", ["-c", `command -v ${tool}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const languages = [
  { name: "CPython", tool: "python3", words: ["python3", join(sources, "tree.py")] },
  { name: "Node.js", tool: "node", words: ["node", join(sources, "tree.mjs")] },
  {
    name: "the JVM",
    tool: "javac",
    words: ["java", "-cp", directory, "Tree"],
    prepare: () => execFileSync("javac", ["-d", directory, join(sources, "Tree.java")]),
  },
].filter(({ tool }) => has(tool));

async function burn({ words }) {
  const children = cpus().map(() => spawn(words[0], [...words.slice(1), values.seconds], { stdio: "pipe" }));
  const texts = await Promise.all(
    children.map(async (child) => {
      let text = "";
      child.stdout.on("data", (data) => (text += data));
      const [code] = await once(child, "close");
      if (code !== 0) throw new Error(`${words.join(" ")} ended with ${code}`);
      return Number.parseInt(text, 10);
    }),
  );
  return texts.reduce((sum, rounds) => sum + rounds, 0);
}

async function measure(pid, language) {
  const [start, busy, begin] = [pid && usageOf(pid), busySeconds(), performance.now()];
  const rounds = await burn(language);
  const seconds = (performance.now() - begin) / 1000;
  if (!pid) return { rounds };
  const end = usageOf(pid);
  const ticks = (busySeconds() - busy) * frequency;
  return {
    rounds,
    bpfUs: (end.bpfNs - start.bpfNs) / 1000 / ticks,
    bpfPercent: (end.bpfNs - start.bpfNs) / 1e7 / seconds,
    agentPercent: (end.cpuNs - start.cpuNs) / 1e7 / seconds,
    rssMiB: end.rssMiB,
  };
}

const sink = await openGrpcIntake();
const dropped = setInterval(() => (sink.received.length = 0), 1000);
execFileSync(process.execPath, ["scripts/bundle.mjs"]);
const [, entry] = /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync("Dockerfile", "utf8"));
const nodeOptions = JSON.parse(entry).filter((word) => word.startsWith("--"));
const own = [
  ...nodeOptions,
  "dist/bundle/main.js",
  "agent",
  "--frequency",
  values.frequency,
  "--output-dir",
  "off",
  "--listen",
  "127.0.0.1:0",
];
const ours = [...own, "--intake", "otlp", "--spool-dir", join(directory, "spool"), "--window", values.window];
const profilers = [
  { name: "none", words: undefined },
  { name: "hostflame", words: [process.execPath, ...ours, "--collection-agent", sink.url] },
  ...values.peer.map((peer) => {
    const at = peer.indexOf("=");
    const words = peer.slice(at + 1).replaceAll("{sink}", sink.url.replace("http://", ""));
    return { name: peer.slice(0, at), words: words.split(" ") };
  }),
];

async function runUnder({ words }, language) {
  if (words === undefined) return measure(undefined, language);
  const child = spawn(words[0], words.slice(1), { stdio: ["ignore", "ignore", "pipe"] });
  let errors = "";
  child.stderr.on("data", (data) => (errors = (errors + data).slice(-2000)));
  try {
    await sleep(START_MS);
    if (child.exitCode !== null) throw new Error(`${words[0]} ended with ${child.exitCode}: ${errors}`);
    const measured = await measure(child.pid, language);
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    await exited;
    return measured;
  } finally {
    child.kill("SIGKILL");
  }
}

const restore = await enableBpfStatistics();
const results = new Map();
try {
  for (const language of languages) language.prepare?.();
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const language of languages) {
      for (const profiler of profilers) {
        const key = `${language.name}\0${profiler.name}`;
        results.set(key, [...(results.get(key) ?? []), await runUnder(profiler, language)]);
      }
    }
  }
} finally {
  restore();
  clearInterval(dropped);
  await sink.close();
  rmSync(directory, { recursive: true, force: true });
}

const columns = [
  ["BPF µs/tick", "bpfUs", 1],
  ["BPF CPU %", "bpfPercent", 3],
  ["agent CPU %", "agentPercent", 2],
  ["RSS MiB", "rssMiB", 0],
  ["slower %", "slower", 2],
];
console.log(
  `${frequency} Hz, ${cpus().length} processes of each language for ${values.seconds} s; medians of ${values.rounds} rounds`,
);
console.log("".padEnd(24) + columns.map(([label]) => label.padStart(13)).join(""));
for (const [key, rounds] of results) {
  const [language, profiler] = key.split("\0");
  if (profiler === "none") continue;
  const alone = median(results.get(`${language}\0none`).map((result) => result.rounds));
  const slower = rounds.map((result) => 100 * (1 - result.rounds / alone));
  const texts = columns.map(([, field, digits]) =>
    median(field === "slower" ? slower : rounds.map((result) => result[field]))
      .toFixed(digits)
      .padStart(13),
  );
  console.log(`${language}, ${profiler}`.padEnd(24) + texts.join(""));
}
