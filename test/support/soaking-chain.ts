/**
 * An agent's way from a window to its intake, many windows after another as fast as it goes: node --expose-gc soaking-chain.js WINDOWS.
 * Needs root, for it records the machine's own samples first. Prints what the process holds, a line of JSON every so many windows,
 * and last what became of all profiles.
 *
 * Real are: recorded stacks in windows, the worker that names them (let go when it idles, as in the agent), caches, ownership, splitting,
 * the exporter of files, delivery to a Datadog intake over HTTP with its spool. Containers and processes come and go; the intake is
 * away for a tenth of the time, in each of the ways it can be.
 */
import { fork } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { Delivery } from "#src/agent/deliver.js";
import { makeProfiles, noLabelCounts } from "#src/agent/make-profiles.js";
import { Window } from "#src/capture/window.js";
import { DELIVERY_DEFAULTS, deliverTo } from "#src/delivery/deliver-to.js";
import { openFileExporter } from "#src/exporters/file.js";
import { openIntake } from "#src/exporters/intakes.js";
import { DEFAULT_GROUP_LIMITS } from "#src/labels/group.js";
import { Ownership } from "#src/labels/ownership.js";
import { NameCache } from "#src/naming/name-cache.js";
import { sampleLayout } from "#src/native/abi.generated.js";
import { loadNative } from "#src/native/load.js";
import { ProcessTable } from "#src/processes/process-table.js";
import { encodePprofGzip } from "#src/profiles/pprof.js";
import { WorkerCalls } from "#src/util/worker-calls.js";
import { workerNamer, type WorkerCallTable } from "#src/worker-calls.js";
import { LiveCapture } from "./live-capture.js";
import { FakeNode, identify, makeContainer, makePod, podPath, selection } from "./owners.js";
import { quietLog } from "./quiet-log.js";
import { startBusyChild } from "./soak-load.js";
import { until } from "./until.js";

/** What the process holds, in bytes and numbers. */
export interface Held {
  readonly window: number;
  readonly rss: number;
  readonly heap: number;
  readonly external: number;
  readonly descriptors: number;
  readonly maps: number;
}

/** What became of it all. */
export interface SoakAccount {
  readonly profiles: number;
  readonly files: number;
  readonly accepted: number;
  readonly queued: number;
  readonly dropped: readonly string[];
  readonly retries: readonly string[];
  readonly workers: number;
  readonly seconds: number;
}

const RECORDED_MS = 3000;
const CONTAINERS = 6;
const ROWS = 120;
/** A container is replaced by another, and the worker has something new to name, each so many windows. */
const CHURN = 20;
const OUTAGE = 100;
const OUTAGE_SHARE = 0.1;
const WAYS = ["503", "hang up", "429"];
const WORKER_IDLE_MS = 150;
const WINDOW_NS = 60_000_000_000n;

const windows = Number(process.argv[2]);
// As the agent does.
setFlagsFromString("--semi-space-growth-factor=1");
const { addon } = loadNative();
const folder = mkdtempSync(path.join(tmpdir(), "hostflame-soak-"));
const intake = fork(path.join(import.meta.dirname, "soak-intake.js"));
try {
  const [port] = (await once(intake, "message")) as [number];
  await soak(port);
} finally {
  if (intake.connected) intake.disconnect();
  rmSync(folder, { recursive: true, force: true });
}

async function soak(port: number): Promise<void> {
  const live = new LiveCapture();
  const busy = startBusyChild();
  live.capture.start();
  await new Promise((resolve) => setTimeout(resolve, RECORDED_MS));
  const recorded = await live.capture.stop();
  busy.kill("SIGKILL");
  live.capture.close();
  const { registry } = live.capture;
  const node = new FakeNode();
  const ownership = new Ownership(selection(), {
    identifyCgroup: identify,
    containers: node.directory,
    pods: node.podSource,
  });
  const processes = new ProcessTable();
  let workers = 0;
  const worker = new WorkerCalls<WorkerCallTable>(
    new URL(`file://${fileURLToPath(import.meta.resolve("#src/worker.js"))}`),
    { resourceLimits: { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 4 } },
    WORKER_IDLE_MS,
  );
  worker.onRest = () => {
    workers++;
    addon.trimMemory();
  };
  const namer = new NameCache(workerNamer(worker), 2 << 20);
  const intakeExporter = deliverTo(
    openIntake({ kind: "datadog", url: `http://127.0.0.1:${port}`, options: {} }),
    { ...DELIVERY_DEFAULTS, spoolDirectory: path.join(folder, "spool"), spoolBytes: 64 << 20 },
    { log: quietLog(), random: () => 0.01 },
  );
  const encode: Parameters<typeof openFileExporter>[0]["encode"] = ({ profile, labels }) =>
    encodePprofGzip(profile, { labels });
  const files = openFileExporter({ directory: path.join(folder, "profiles"), maxBytes: 4 << 20, encode });
  const delivery = new Delivery(
    [files, intakeExporter].map((exporter) => ({ name: exporter.name, key: "", open: () => exporter })),
    quietLog(),
  );
  const modules = {
    ...{ registry, namer, ownership, processes, counts: noLabelCounts() },
    ...{ mayTellMore: () => false, redactKey: randomBytes(32), demangling: "full" as const },
    groups: {
      profiles: "container" as const,
      labels: { node: "soak", podLabels: [], podAnnotations: [], tags: new Map<string, string>() },
      defaults: { service: "", env: "", version: "" },
      ...DEFAULT_GROUP_LIMITS,
    },
  };
  const pods: Pods = { node, ownership, live: [], next: 1 };
  const waiting = (): number => intakeExporter.status.memory.uploads + intakeExporter.status.spool.uploads;
  let profiles = 0;
  const startMs = performance.now();
  for (let number = 0; number < windows; number++) {
    if (number % CHURN === 0) churn(pods);
    if (number % OUTAGE === 0) intake.send("well");
    if (number % OUTAGE === OUTAGE * (1 - OUTAGE_SHARE)) {
      intake.send(WAYS[Math.floor(number / OUTAGE) % WAYS.length]);
    }
    const window = replayed(recorded, number, pods, processes, ownership);
    const span = { startNs: BigInt(number) * WINDOW_NS, durationNs: WINDOW_NS, frequencyHz: 19 };
    const batch = await makeProfiles(window, span, modules);
    profiles += batch.profiles.length;
    await delivery.deliver(batch, new AbortController().signal);
    addon.trimMemory();
    node.asked.length = 0;
    // Windows are a minute apart: what can be sent is sent by then.
    if (intakeExporter.status.awayMs === undefined) {
      await until(() => waiting() === 0 || intakeExporter.status.awayMs !== undefined, 60_000);
    }
    if (number % Math.max(1, Math.floor(windows / 200)) === 0) console.log(JSON.stringify(held(number)));
  }
  intake.send("well");
  await until(() => waiting() === 0, 120_000);
  const { accepted, queued, dropped, retries } = intakeExporter.status;
  await delivery.close();
  registry.close();
  await worker.close();
  const account: SoakAccount = {
    ...{ profiles, files: delivery.counts.get("file")?.exported ?? 0, workers },
    ...{ accepted: accepted.profiles, queued: queued.profiles },
    ...{ dropped: [...dropped.keys()], retries: [...retries.keys()] },
    seconds: (performance.now() - startMs) / 1000,
  };
  console.log(JSON.stringify(account));
}

/** The pods of the node, the oldest first. */
interface Pods {
  readonly node: FakeNode;
  readonly ownership: Ownership;
  readonly live: { readonly cgroup: bigint; readonly pod: string; readonly container: string }[];
  next: number;
}

/** One pod goes, another comes: a thousand in ten thousand windows. */
function churn({ node, ownership, live, next }: Pods): void {
  const first = live.length === 0;
  for (let count = 0; count < (first ? CONTAINERS : 1); count++) {
    const oldest = live.length < CONTAINERS ? undefined : live.shift();
    if (oldest !== undefined) {
      node.pods.delete(oldest.pod);
      node.containers.delete(oldest.container);
    }
    const [pod, container, cgroup] = [randomUUID(), randomBytes(32).toString("hex"), BigInt(next + live.length) << 8n];
    live.push({ cgroup, pod, container });
    const name = `pod-${cgroup}`;
    node.setPod(
      makePod({
        uid: pod,
        name,
        workload: { kind: "Deployment", name },
        containers: [{ kind: "container", name: "app", ids: [container], image: "app:1" }],
      }),
    );
    node.setContainer(makeContainer({ id: container, pod: { uid: pod, namespace: "shop", name } }));
    ownership.cgroupSighted(podPath(cgroup, pod, container));
  }
  const known = new Set(live.map(({ cgroup }) => cgroup));
  ownership.forget((cgroup) => known.has(cgroup));
}

/** Some hundred recorded stacks, seen in the pods that there are now, in processes of which some are new. */
function replayed(recorded: Window, number: number, pods: Pods, processes: ProcessTable, ownership: Ownership): Window {
  pods.next = number + 1;
  const window = new Window();
  const { offsets, words, kernelFrames } = recorded.stacks.columns();
  const count = offsets.length - 1;
  const header = new Uint32Array(sampleLayout.sizeOf / 4);
  for (let row = 0; row < ROWS; row++) {
    const stack = (number * 3 + row) % count;
    const frames = words.slice(offsets[stack], offsets[stack + 1]);
    // Now and then an address that no window had before: the worker has to look.
    if (number % CHURN === 0 && row % 10 === 0 && frames.length > 2 * kernelFrames[stack]) {
      frames[2 * kernelFrames[stack]] += Math.floor(Math.random() * 64) * 16;
    }
    const pod = pods.live[row % pods.live.length];
    header[sampleLayout.pid / 4] = header[sampleLayout.tid / 4] = 100_000 + number + (row % 40);
    header[sampleLayout.startTimeNs / 4] = 1 + number;
    header[sampleLayout.cgroupId / 4] = Number(pod.cgroup);
    header[sampleLayout.comm / 4] = 0x6b616f73; // "soak"
    const id = window.stacks.intern(frames, 0, frames.length / 2, kernelFrames[stack]);
    window.add(id, window.threads.intern(header, 0), 0, 1);
  }
  for (const { pid, startTimeNs, cgroup } of window.threads.threads().slice(0, 10)) {
    processes.sight(pid, startTimeNs, ownership.reading(cgroup));
  }
  return window;
}

function held(window: number): Held {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const maps = readFileSync("/proc/self/maps", "latin1").split("\n").length;
  return { window, rss, heap: heapUsed, external, descriptors: readdirSync("/proc/self/fd").length, maps };
}
