import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Capture } from "#src/capture/capture.js";
import type { Window } from "#src/capture/window.js";
import type { CgroupHierarchy, CgroupId } from "#src/model/cgroup.js";
import type { CounterName } from "#src/native/abi.generated.js";
import { loadNative } from "#src/native/load.js";

/** Where a hierarchy is mounted, by /proc/self/mounts; undefined where it is not. */
export function mountOf(hierarchy: CgroupHierarchy): string | undefined {
  for (const line of readFileSync("/proc/self/mounts", "utf8").split("\n")) {
    const [, directory, type, options = ""] = line.split(" ");
    if (hierarchy === "v2" ? type === "cgroup2" : type === "cgroup" && options.split(",").includes(hierarchy)) {
      return directory;
    }
  }
  return undefined;
}

/** Why cgroups of a hierarchy cannot be made here, or false. */
export function cannotMakeCgroups(hierarchy: CgroupHierarchy): string | false {
  if (process.getuid?.() !== 0) return "making cgroups and sampling need root";
  return mountOf(hierarchy) === undefined ? `the ${hierarchy} hierarchy is not mounted` : false;
}

/** A cgroup of the tests' own, and those above it, from below the root of the hierarchy. Removed by {@link remove}. */
export class TestCgroup {
  readonly names: readonly string[];
  readonly id: CgroupId;
  private readonly root: string;
  private removed = false;

  constructor(hierarchy: CgroupHierarchy, ...names: readonly string[]) {
    this.root = mountOf(hierarchy)!;
    // A slice, as what stands at the root usually is: another name there could be a containerd namespace.
    this.names = [`hostflame-test-${process.pid}-${names.length}.slice`, ...names];
    mkdirSync(this.directory, { recursive: true });
    this.id = statSync(this.directory, { bigint: true }).ino as CgroupId;
  }

  get directory(): string {
    return join(this.root, ...this.names);
  }

  /** A command in it; ends when its time is over, whatever becomes of the test. */
  start(seconds: number, ...command: readonly string[]): ChildProcess {
    const script = 'echo 0 > "$0/cgroup.procs" && exec "$@"';
    const limited = ["timeout", "--signal=KILL", String(seconds), ...command];
    return spawn("sh", ["-c", script, this.directory, ...limited], { stdio: ["ignore", "ignore", "inherit"] });
  }

  /** Uses a CPU for so long. */
  async burn(seconds: number): Promise<void> {
    await once(this.start(seconds, "sh", "-c", "while :; do :; done"), "close");
  }

  /** With all above it; once. What was killed a moment ago may still be on its way out. */
  async remove(): Promise<void> {
    if (this.removed) return;
    this.removed = true;
    for (let level = this.names.length; level > 0; level--) {
      const directory = join(this.root, ...this.names.slice(0, level));
      for (let attempt = 0; ; attempt++) {
        try {
          rmdirSync(directory);
          break;
        } catch (error) {
          if (attempt === 200) throw error;
          await sleep(10);
        }
      }
    }
  }
}

export interface CgroupCaptureOptions {
  readonly hierarchy: CgroupHierarchy;
  readonly frequencyHz?: number;
  readonly defaultDivisor?: number;
  readonly ringBytes?: number;
}

export interface Captured {
  readonly window: Window;
  readonly counters: Readonly<Record<CounterName, number>>;
}

/** Samples while `work` runs, which may set policies. Stacks are not the point: no file gets its rows. */
export async function captureWhile(
  { hierarchy, frequencyHz = 999, defaultDivisor = 1, ringBytes = 1 << 20 }: CgroupCaptureOptions,
  work: (capture: Capture) => Promise<void>,
): Promise<Captured> {
  const capture = new Capture(
    loadNative(),
    {
      hierarchy,
      frequencyHz,
      defaultDivisor,
      ringBytes,
      executables: 256,
      pids: [],
      comms: [],
      unwindMemoryBytes: 1 << 20,
      pendingMemoryBytes: 4 << 20,
      excludedInterpreters: [],
    },
    () => Promise.resolve({ rows: undefined, interpreter: undefined, problems: [], fdes: 0, badFdes: 0 }),
  );
  try {
    capture.start();
    await work(capture);
    const window = await capture.stop();
    return { window, counters: capture.sampler.counters() };
  } finally {
    capture.close();
    capture.registry.close();
  }
}

/** Samples and ticks of one cgroup in a window. */
export function usageOf(window: Window, id: CgroupId): { samples: number; ticks: number } {
  const threads = window.threads.threads();
  const { thread, count, ticks } = window.samples();
  const usage = { samples: 0, ticks: 0 };
  for (const [row, index] of thread.entries()) {
    if (threads[index].cgroup !== id) continue;
    usage.samples += count[row];
    usage.ticks += ticks[row];
  }
  return usage;
}
