/*
 * node bench/encode.mjs [--stacks 20000] [--containers 200] [--rounds 5]: for how long at most one window's uploads keep the drain and
 * the HTTP server waiting (CPU time of the main thread in one turn of its loop), what they cost, and how much memory: a whole node's profile, and as many stacks in containers' profiles, for one exporter
 * and for several at once. The intake is a process of its own. The first rounds are counted: an agent's code is seldom hot.
 */
import { fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";

const { values } = parseArgs({
  options: {
    stacks: { type: "string", default: "20000" },
    containers: { type: "string", default: "200" },
    rounds: { type: "string", default: "5" },
    case: { type: "string" },
  },
});
const STACKS = Number(values.stacks);
const CONTAINERS = Number(values.containers);
const ROUNDS = Number(values.rounds);
const PROFILES = { host: 1, containers: CONTAINERS };
const EXPORTERS = [["file"], ["file", "datadog"], ["file", "datadog", "pyroscope", "otlp"]];

if (process.send !== undefined && values.case === undefined) serve();
else if (values.case !== undefined) await measure(...values.case.split(":"));
else await all();

function serve() {
  const server = createServer((request, response) => request.resume().on("end", () => response.writeHead(200).end()));
  process.on("disconnect", () => process.exit());
  server.listen(0, "127.0.0.1", () => process.send(server.address().port));
}

/** Each case in a process of its own: what one leaves in the heap is not the next one's. */
async function all() {
  console.log(
    "profiles".padEnd(12),
    "exporters".padEnd(32),
    "longest turn, ms of CPU: 1st, median, last".padEnd(44),
    "CPU ms".padEnd(8),
    "RSS MiB",
  );
  const intake = fork(import.meta.filename);
  const port = await new Promise((resolve) => intake.once("message", resolve));
  for (const kind of Object.keys(PROFILES)) {
    for (const names of EXPORTERS) {
      const words = ["stacks", "containers", "rounds"].flatMap((name) => [`--${name}`, values[name]]);
      const child = fork(import.meta.filename, [...words, "--case", `${kind}:${names.join(",")}:${port}`], {
        execArgv: ["--expose-gc"],
      });
      const told = new Promise((resolve) => child.once("message", resolve));
      const { waits, cpuMs, grownMiB } = await told;
      const sorted = [...waits].sort((a, b) => a - b);
      console.log(
        kind.padEnd(12),
        names.join("+").padEnd(32),
        [waits[0], sorted[waits.length >> 1], waits.at(-1)]
          .map((ms) => ms.toFixed(1))
          .join(", ")
          .padEnd(44),
        cpuMs.toFixed(0).padEnd(8),
        `+${grownMiB.toFixed(1)}`,
      );
    }
  }
  intake.disconnect();
}

async function measure(kind, names, port) {
  // As the agent does.
  setFlagsFromString("--semi-space-growth-factor=1");
  if (Number(process.versions.v8.split(".", 1)[0]) < 12) setFlagsFromString("--interrupt-budget=1500000");
  const { syntheticProfile } = await import("../build/test/support/synthetic-profile.js");
  const { quietLog } = await import("../build/test/support/quiet-log.js");
  const { DELIVERY_DEFAULTS, deliverTo } = await import("../dist/delivery/deliver-to.js");
  const { openFileExporter } = await import("../dist/exporters/file.js");
  const { openIntake } = await import("../dist/exporters/intakes.js");
  const { encodePprofGzip } = await import("../dist/profiles/pprof.js");
  const { splitProfile } = await import("../dist/profiles/split.js");
  const folder = mkdtempSync(path.join(tmpdir(), "hostflame-encode-"));
  const count = PROFILES[kind];
  const profiles = [...splitProfile(...inThreads(syntheticProfile(STACKS), count))].map(({ group, profile }) => ({
    ...{ service: `service-${group}`, env: "", version: "", labels: new Map([["container", `c${group}`]]), profile },
  }));
  const exporters = names.split(",").map((name) => {
    if (name === "file") {
      const encode = ({ profile, labels }) => encodePprofGzip(profile, { labels });
      return openFileExporter({ directory: path.join(folder, "files"), maxBytes: 64 << 20, encode });
    }
    const destination = openIntake({ kind: name, url: `http://127.0.0.1:${port}`, options: {} });
    const spoolDirectory = path.join(folder, name);
    return deliverTo(destination, { ...DELIVERY_DEFAULTS, spoolDirectory }, { log: quietLog() });
  });
  globalThis.gc();
  const before = process.memoryUsage.rss();
  let peak = before;
  const waits = [];
  const cpu = process.cpuUsage();
  for (let round = 0; round < ROUNDS; round++) {
    let worst = 0;
    let last = ownCpuMs();
    const look = setInterval(() => {
      const now = ownCpuMs();
      worst = Math.max(worst, now - last);
      last = now;
      peak = Math.max(peak, process.memoryUsage.rss());
    }, 1);
    const start = BigInt(Date.now()) * 1_000_000n;
    const batch = { startNs: start, endNs: start + 60_000_000_000n, profiles };
    await Promise.all(exporters.map((exporter) => exporter.export(batch, new AbortController().signal)));
    while (exporters.some(({ status }) => status !== undefined && status.memory.uploads + status.spool.uploads > 0)) {
      await sleep(5);
    }
    await sleep(20);
    clearInterval(look);
    waits.push(worst);
  }
  const { user, system } = process.cpuUsage(cpu);
  await Promise.all(exporters.map((exporter) => exporter.close()));
  rmSync(folder, { recursive: true });
  process.send({ waits, cpuMs: (user + system) / 1000 / ROUNDS, grownMiB: (peak - before) / 2 ** 20 });
  process.disconnect();
}

/** Of this thread alone: between two turns of a timer it is what the loop was kept by, however busy the machine is. */
function ownCpuMs() {
  return Number(readFileSync("/proc/self/schedstat", "latin1").split(" ", 1)[0]) / 1e6;
}

/** The same samples in so many threads, each a group of its own. */
function inThreads(profile, count) {
  const threads = Array.from({ length: count }, (_, tid) => ({ ...profile.threads[0], pid: tid + 1, tid: tid + 1 }));
  const thread = Uint32Array.from(profile.samples.thread, (_, row) => row % count);
  return [{ ...profile, threads, samples: { ...profile.samples, thread } }, Uint32Array.from(threads.keys())];
}
