import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Capture, type CaptureOptions } from "#src/capture/capture.js";
import type { Window } from "#src/capture/window.js";
import { hostCgroupHierarchy } from "#src/host/cgroup-hierarchy.js";
import type { Profile } from "#src/model/profile.js";
import { NameCache } from "#src/naming/name-cache.js";
import { nameWindow, type NamedWindow } from "#src/naming/name-window.js";
import { loadNative, type Native } from "#src/native/load.js";
import { WorkerCalls } from "#src/util/worker-calls.js";
import { workerNamer, type WorkerCallTable } from "#src/worker-calls.js";

const DEFAULTS: CaptureOptions = {
  frequencyHz: 999,
  ringBytes: 4 << 20,
  executables: 1024,
  pids: [],
  comms: [],
  hierarchy: hostCgroupHierarchy(),
  defaultDivisor: 1,
  unwindMemoryBytes: 16 << 20,
  pendingMemoryBytes: 16 << 20,
  excludedInterpreters: [],
};
const NAME_CACHE_BYTES = 8 << 20;

/** A capture and a worker, put together as an agent does. Needs root. */
export class LiveCapture {
  readonly capture: Capture;
  readonly names: NameCache;
  readonly #worker: WorkerCalls<WorkerCallTable>;

  constructor(options: Partial<CaptureOptions> = {}, native: Native = loadNative()) {
    this.#worker = new WorkerCalls(new URL(`file://${fileURLToPath(import.meta.resolve("#src/worker.js"))}`), {}, 3000);
    this.names = new NameCache(workerNamer(this.#worker), NAME_CACHE_BYTES);
    this.capture = new Capture(native, { ...DEFAULTS, ...options }, (content) => this.#worker.call("convert", content));
  }

  name(window: Window): Promise<NamedWindow> {
    const times = { timeNs: 1n, durationNs: 1n, periodNs: 1e9 / 999 };
    return nameWindow(window, this.capture.registry, this.names, times);
  }

  /** Ends everything, and gives the last window. */
  async stop(): Promise<Window> {
    try {
      return await this.capture.stop();
    } finally {
      this.capture.close();
      this.capture.registry.close();
      await this.#worker.close();
    }
  }
}

/** What this process's descriptors lead to. */
export function openFiles(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // the folder's own, closed by now
    }
  });
}

export function rssMiB(): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "latin1"))![1]) / 1024;
}

/** Names of the functions with samples, by file. */
export function functionsOf(profile: Profile): Map<string, Set<string>> {
  const byFile = new Map<string, Set<string>>();
  for (const { mappingIndex, lines } of profile.locations) {
    const file = profile.mappings[mappingIndex]?.fileName ?? "";
    const names = byFile.get(file) ?? new Set();
    byFile.set(file, names.add(profile.functions[lines[0].functionIndex].name));
  }
  return byFile;
}
