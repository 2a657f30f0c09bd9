/*
 * Does it stay as it is: many short windows of real samples, under processes and files that come and go. Prints what the
 * process holds as it goes on, and what the last window has more than the one after the warm-up.
 *
 *   node bench/soak.mjs [--windows 300] [--window-ms 200] [--steady] [--no-cache] [--check 5] [--json]
 *
 * --steady leaves out what comes and goes, for the cost of naming window after window; --no-cache names each window
 * afresh; --check fails when something has grown by more than so many percent.
 */
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { Capture } from "../dist/capture/capture.js";
import { hostCgroupHierarchy } from "../dist/host/cgroup-hierarchy.js";
import { NameCache } from "../dist/naming/name-cache.js";
import { nameWindow } from "../dist/naming/name-window.js";
import { loadNative } from "../dist/native/load.js";
import { encodePprofGzip } from "../dist/profiles/pprof.js";
import { splitProfile } from "../dist/profiles/split.js";
import { WorkerCalls } from "../dist/util/worker-calls.js";
import { workerNamer } from "../dist/worker-calls.js";

const { values: options } = parseArgs({
  options: {
    windows: { type: "string", default: "300" },
    "window-ms": { type: "string", default: "200" },
    steady: { type: "boolean", default: false },
    "no-cache": { type: "boolean", default: false },
    check: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const WINDOWS = Number(options.windows);
const WINDOW_MS = Number(options["window-ms"]);
/** Of the windows this part is left to caches, code and heaps to reach their size. */
const WARM_UP_SHARE = 0.4;
const FREQUENCY_HZ = 999;
const NAME_CACHE_BYTES = 4 << 20;
const COLUMNS = ["rssMiB", "heapMiB", "externalMiB", "descriptors", "mapsMiB", "executables", "nameKiB"];

// As record and the agent do.
setFlagsFromString("--semi-space-growth-factor=1");
const directory = mkdtempSync(path.join(tmpdir(), "hostflame-soak-"));
const children = new Set();
const stop = new AbortController();
// However it ends, nothing runs on.
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
await soak();
process.exit();

async function soak() {
  const stays = startSteadyLoad();
  const load = options.steady ? Promise.resolve() : startChurn();
  const worker = new WorkerCalls(
    new URL("../dist/worker.js", import.meta.url),
    { resourceLimits: { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 4 } },
    3000,
  );
  const namer = workerNamer(worker);
  const cache = new NameCache(namer, NAME_CACHE_BYTES);
  const capture = new Capture(
    loadNative(),
    {
      frequencyHz: FREQUENCY_HZ,
      ringBytes: 2 << 20,
      executables: 512,
      // A machine does other things too, and more of them in the end than in the beginning: this load alone is the same.
      pids: options.steady ? [stays.pid] : [],
      comms: options.steady ? [] : ["soak-steady", "churn", "sh", "ls"],
      hierarchy: hostCgroupHierarchy(),
      defaultDivisor: 1,
      unwindMemoryBytes: 16 << 20,
      pendingMemoryBytes: 4 << 20,
    },
    (content) => worker.call("convert", content),
  );
  const rows = [];
  let samples = 0;
  capture.start();
  try {
    for (let i = 0; i < WINDOWS; i++) {
      await sleep(WINDOW_MS);
      const window = capture.rotate();
      const before = cpuMs();
      const times = { timeNs: 1n, durationNs: 1n, periodNs: 1e9 / FREQUENCY_HZ };
      const asked = cache.asked.unknown;
      const passes = cache.asked.kernelPasses;
      const { profile } = await nameWindow(window, capture.registry, options["no-cache"] ? namer : cache, times);
      const namingMs = cpuMs() - before;
      const groups = Uint32Array.from(profile.threads, ({ pid }) => pid % 8);
      for (const part of splitProfile(profile, groups)) await encodePprofGzip(part.profile);
      samples += window.total;
      rows.push({
        ...held(capture, cache),
        namingMs,
        unknown: cache.asked.unknown - asked,
        kernelPasses: cache.asked.kernelPasses - passes,
        samples: window.total,
        locations: profile.locations.length,
      });
      if (!options.json && (i + 1) % Math.max(1, Math.floor(WINDOWS / 15)) === 0) print(i + 1, rows.at(-1));
    }
    const { idle, displaced } = capture.upkeep;
    const facts = {
      samples,
      met: capture.registry.seen,
      idle,
      displaced,
      problems: Object.fromEntries([...capture.registry.problems, ...capture.tables.problems]),
      lost: capture.sampler.counters().samples_dropped,
    };
    report(rows, facts);
  } finally {
    await capture.stop();
    capture.close();
    capture.registry.close();
    await worker.close();
    stop.abort();
    await load;
  }
}

function startSteadyLoad() {
  const script = `
    process.title = "soak-steady";
    const { gzipSync } = require("zlib");
    const f = (n) => n < 2 ? n : f(n - 1) + f(n - 2);
    for (let s = 0; ; ) {
      s += f(22);
      gzipSync(Buffer.alloc(20000, s));
      require("fs").readdirSync("/proc/self/task");
    }`;
  return start(process.execPath, ["-e", script]);
}

/** Processes and files that come and go. */
async function startChurn() {
  execFileSync("gcc", ["-O2", "-o", path.join(directory, "churn"), "test/workloads/churn/churn.c"]);
  start(path.join(directory, "churn"), ["1000000", "10000"]);
  while (!stop.signal.aborted) {
    const child = start("/bin/sh", ["-c", "for i in 1 2 3; do ls -lR /usr/share/doc >/dev/null; done"]);
    await new Promise((resolve) => child.once("exit", resolve));
  }
}

function start(command, args) {
  const child = spawn(command, args, { stdio: "ignore", cwd: directory });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

function held(capture, cache) {
  globalThis.gc?.();
  const memory = process.memoryUsage();
  return {
    rssMiB: memory.rss / 2 ** 20,
    heapMiB: memory.heapUsed / 2 ** 20,
    externalMiB: memory.external / 2 ** 20,
    descriptors: readdirSync("/proc/self/fd").length,
    mapsMiB: Object.values(capture.sampler.session.mapBytes()).reduce((sum, bytes) => sum + bytes, 0) / 2 ** 20,
    executables: capture.registry.size,
    nameKiB: cache.bytes / 1024,
  };
}

/** Of the whole process, all its threads, ended ones too; its children's is not in it. */
function cpuMs() {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  return (userCPUTime + systemCPUTime) / 1000;
}

function print(window, row) {
  const told = [...COLUMNS, "namingMs", "unknown", "kernelPasses"].map((name) => `${name} ${row[name].toFixed(1)}`);
  console.log(`window ${window}: ${told.join("  ")}`);
}

function report(rows, facts) {
  const from = Math.floor(rows.length * WARM_UP_SHARE);
  const tenth = Math.max(1, Math.floor(rows.length / 10));
  const median = (part, name) => part.map((row) => row[name]).sort((a, b) => a - b)[Math.floor(part.length / 2)];
  const growth = Object.fromEntries(
    COLUMNS.map((name) => {
      const [early, late] = [median(rows.slice(from, from + tenth), name), median(rows.slice(-tenth), name)];
      return [name, { early, late, percent: early === 0 ? 0 : (100 * (late - early)) / early }];
    }),
  );
  const later = rows.slice(from);
  const naming = {
    medianMs: median(later, "namingMs"),
    meanMs: later.reduce((sum, { namingMs }) => sum + namingMs, 0) / later.length,
    kernelPassesAWindow: later.reduce((sum, { kernelPasses }) => sum + kernelPasses, 0) / later.length,
    unknownAWindow: later.reduce((sum, { unknown }) => sum + unknown, 0) / later.length,
    locationsAWindow: later.reduce((sum, { locations }) => sum + locations, 0) / later.length,
  };
  const result = { windows: rows.length, ...facts, growth, naming };
  if (options.json) {
    console.log(JSON.stringify(result));
  } else {
    console.log(JSON.stringify({ windows: rows.length, ...facts, naming }, null, 2));
    for (const [name, { early, late, percent }] of Object.entries(growth)) {
      console.log(`${name.padEnd(12)} ${early.toFixed(1)} → ${late.toFixed(1)}  ${percent.toFixed(1)} %`);
    }
  }
  if (options.check !== undefined) {
    const grown = ["rssMiB", "heapMiB", "descriptors", "mapsMiB"].filter(
      (name) => growth[name].percent > Number(options.check),
    );
    if (grown.length > 0) {
      console.error(`grew by more than ${options.check} %: ${grown.join(", ")}`);
      process.exitCode = 1;
    }
  }
}
