import { createWriteStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { hostname, setPriority } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setFlagsFromString } from "node:v8";
import { Capture } from "./capture/capture.js";
import { summarize, summaryLine, type CaptureSummary } from "./capture/summary.js";
import { hostCgroupHierarchy } from "./host/cgroup-hierarchy.js";
import { EXIT } from "./model/exit-codes.js";
import type { Profile } from "./model/profile.js";
import type { RecordOptions } from "./model/record-options.js";
import type { RecordReporter } from "./model/record-reporter.js";
import { TOOL } from "./model/tool.js";
import { nameWindow, type NamedWindow } from "./naming/name-window.js";
import { outcome as outcomes } from "./native/abi.generated.js";
import { loadNative } from "./native/load.js";
import { hottestFunctions } from "./profiles/hottest.js";
import { hottestTable } from "./profiles/hottest-table.js";
import { errnoOf } from "./util/errno.js";
import { WorkerCalls } from "./util/worker-calls.js";
import type { WorkerCallTable } from "./worker-calls.js";

/** Executables known at once; the kernel side's tables of them are sized by it. */
const MAX_EXECUTABLES = 4096;
/** Stack copies that wait for rows. At 999 Hz under full load 16 MiB gave up 1.8 % of a minute while node was converted. */
const PENDING_BYTES = 32 << 20;
const PROGRESS_MS = 200;
const HOTTEST_ROWS = 20;
/**
 * What the worker may take before it is ended as the victim of a hostile file: the largest converter run, on a file of
 * 48 MiB of call frame information, stays below half of it.
 */
const WORKER_HEAP_MB = 256;
/** The young generation makes up most of an idle worker's memory; what ours makes is large, and old at once. */
const WORKER_YOUNG_MB = 4;
/** A worker holds some 15 MiB, and is back in 50 ms (measured) when a new file is sampled. */
const WORKER_IDLE_MS = 3000;
/** Each look at the loop wakes it; what is slower than this matters. */
const LOOP_RESOLUTION_MS = 50;
/** A nice value. */
const DRAIN_PRIORITY = -10;

/** Composition root of `hostflame record`: samples for a while, names, writes files. Gives the exit code. */
export async function runRecord(options: RecordOptions, reporter: RecordReporter): Promise<number> {
  // V8 would let the young generation grow to 32 MiB for the little that is made here; this keeps it at its first size.
  setFlagsFromString("--semi-space-growth-factor=1");
  const native = loadNative();
  const worker = new WorkerCalls<WorkerCallTable>(
    new URL("./worker.js", import.meta.url),
    {
      resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MB, maxYoungGenerationSizeMb: WORKER_YOUNG_MB },
    },
    WORKER_IDLE_MS,
  );
  worker.start();
  preferThisThread(); // after the worker, which would be as preferred
  const interrupt = new Interrupt();
  let capture: Capture | undefined;
  try {
    capture = new Capture(
      native,
      {
        frequencyHz: options.frequencyHz,
        ringBytes: options.ringMemoryBytes,
        executables: MAX_EXECUTABLES,
        pids: options.pids,
        comms: options.comms,
        hierarchy: hostCgroupHierarchy(),
        defaultDivisor: 1,
        unwindMemoryBytes: options.unwindMemoryBytes,
        pendingMemoryBytes: PENDING_BYTES,
      },
      (content) => worker.call("convert", content),
    );
    const taken = await take(capture, options, reporter, interrupt);
    const named = await nameWindow(
      taken.window,
      capture.registry,
      {
        symbolize: (request) => worker.call("symbolize", request),
        kernel: (addresses) => worker.call("kernel", addresses),
      },
      { timeNs: taken.timeNs, durationNs: taken.durationNs, periodNs: Math.round(1e9 / options.frequencyHz) },
    );
    await writeFiles(named.profile, options);
    report(named, taken, options, reporter);
    return EXIT.ok;
  } finally {
    interrupt.dispose();
    capture?.registry.close();
    await worker.close();
  }
}

/**
 * The drain uses a hundredth of a CPU, but what it opens may be gone in milliseconds: on a busy machine it goes first.
 * Only this thread; the worker, which does the work, waits its turn like everyone.
 */
function preferThisThread(): void {
  try {
    setPriority(DRAIN_PRIORITY);
  } catch (error) {
    if (errnoOf(error) === "") {
      throw error;
    }
    // Without CAP_SYS_NICE it waits its turn too.
  }
}

interface Taken {
  readonly window: Awaited<ReturnType<Capture["stop"]>>;
  readonly summary: CaptureSummary;
  readonly timeNs: bigint;
  readonly durationNs: bigint;
  /** Delay of the event loop while recording, milliseconds. */
  readonly loopDelayMs: { readonly p99: number; readonly max: number };
}

/** Samples until the time is over or Ctrl-C comes; the kernel side is gone when it returns. */
async function take(
  capture: Capture,
  options: RecordOptions,
  reporter: RecordReporter,
  interrupt: Interrupt,
): Promise<Taken> {
  const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  try {
    const timeNs = BigInt(Date.now()) * 1_000_000n;
    const start = process.hrtime.bigint();
    capture.start();
    loop.enable();
    const progress = setInterval(() => {
      reporter.progress({
        elapsedMs: Number(process.hrtime.bigint() - start) / 1e6,
        durationMs: options.durationMs,
        samples: capture.intake.window.total,
        lost: capture.sampler.counters().samples_dropped,
        complete: capture.intake.window.outcomes[outcomes.complete],
      });
    }, PROGRESS_MS);
    try {
      await interrupt.after(options.durationMs);
    } finally {
      clearInterval(progress);
    }
    const durationNs = process.hrtime.bigint() - start;
    loop.disable();
    const window = await capture.stop();
    const loopDelayMs = { p99: loop.percentile(99) / 1e6, max: loop.max / 1e6 };
    return { window, summary: summarize(capture, window), timeNs, durationNs, loopDelayMs };
  } finally {
    capture.close();
  }
}

async function writeFiles(profile: Profile, options: RecordOptions): Promise<void> {
  if (options.output !== undefined) {
    const { encodePprofGzip } = await import("./profiles/pprof.js");
    await writeFile(options.output, await encodePprofGzip(profile, { comments: [TOOL] }));
  }
  if (options.folded !== undefined) {
    const { foldedChunks } = await import("./profiles/folded.js");
    await pipeline(Readable.from(foldedChunks(profile)), createWriteStream(options.folded));
  }
  if (options.flamegraph !== undefined) {
    const { renderFlamegraph } = await import("./flamegraph/page.js");
    await writeFile(options.flamegraph, renderFlamegraph(profile, { host: hostname(), tool: TOOL }));
  }
}

function report(
  { profile, unresolved, kernelDetail }: NamedWindow,
  taken: Taken,
  options: RecordOptions,
  reporter: RecordReporter,
): void {
  const { summary, durationNs, loopDelayMs } = taken;
  if (kernelDetail !== "") {
    reporter.warn(`kernel functions have no names: ${kernelDetail}`);
  }
  const hottest = hottestFunctions(profile, HOTTEST_ROWS);
  if (options.json) {
    const files = { output: options.output, flamegraph: options.flamegraph, folded: options.folded };
    const durationMs = Number(durationNs) / 1e6;
    const usage = process.resourceUsage();
    const own = {
      cpuUserMs: usage.userCPUTime / 1000,
      cpuSystemMs: usage.systemCPUTime / 1000,
      rssBytes: process.memoryUsage.rss(),
      maxRssBytes: usage.maxRSS * 1024,
    };
    const { frequencyHz } = options;
    const json = {
      ...summary,
      durationMs,
      frequencyHz,
      unresolved,
      loopDelayMs,
      own,
      files,
      hottest: hottest.functions,
    };
    reporter.print(`${JSON.stringify(json, null, 2)}\n`);
    return;
  }
  reporter.print(hottestTable(hottest, { width: reporter.columns, colour: reporter.color }));
  reporter.print(`\n${summaryLine(summary)}`);
  for (const path of [options.output, options.flamegraph, options.folded]) {
    if (path !== undefined) {
      reporter.print(`wrote ${path}\n`);
    }
  }
}

/** The first Ctrl-C ends a recording early, the second ends the program. */
class Interrupt {
  private wake: () => void = () => undefined;
  private asked = false;

  constructor() {
    process.on("SIGINT", this.onSignal);
    process.on("SIGTERM", this.onSignal);
  }

  /** Resolves after so many milliseconds, or at the first signal. */
  after(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.asked) {
        this.wake();
      }
    });
  }

  dispose(): void {
    process.off("SIGINT", this.onSignal);
    process.off("SIGTERM", this.onSignal);
  }

  private readonly onSignal = (): void => {
    if (this.asked) {
      process.exit(EXIT.interrupted);
    }
    this.asked = true;
    this.wake();
  };
}
