import { createWriteStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { cpus, hostname } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { openBoundNames, type BoundNaming, type BoundNamesOptions } from "./bound-names.js";
import { Capture } from "./capture/capture.js";
import { SymbolWatch } from "./capture/symbol-watch.js";
import { summarize, summaryLine, type CaptureSummary } from "./capture/summary.js";
import { Interrupt } from "./interrupt.js";
import { hostCgroupHierarchy } from "./host/cgroup-hierarchy.js";
import { EXIT } from "./model/exit-codes.js";
import type { Profile } from "./model/profile.js";
import type { RecordOptions } from "./model/record-options.js";
import type { RecordReporter } from "./model/record-reporter.js";
import { TOOL } from "./model/tool.js";
import { withKernelChanges } from "./naming/kernel-namer.js";
import { nameWindow, type NamedWindow } from "./naming/name-window.js";
import { outcome as outcomes } from "./native/abi.generated.js";
import { loadNative } from "./native/load.js";
import { nameRecording, recordDebuginfodDir } from "./record-names.js";
import { hottestFunctions } from "./profiles/hottest.js";
import { hottestTable } from "./profiles/hottest-table.js";
import { MAX_EXECUTABLES, pendingBytesFor, ringBytesFor } from "./sampling-limits.js";
import { workerNamer } from "./worker-calls.js";
import { startWorker, workerSetting } from "./worker-thread.js";

const PROGRESS_MS = 200;
const HOTTEST_ROWS = 20;
/** Each look at the loop wakes it; what is slower than this matters. */
const LOOP_RESOLUTION_MS = 50;

/** It names once, and whoever waits wants names: as much of JIT maps as one file may have. */
const RECORD_BOUND: BoundNamesOptions = {
  ...{ memoryBytes: 64 << 20, readBytesPerSecond: 0, readBurstBytes: 512 << 20 },
  mayRead: () => true,
};

/** Composition root of `hostflame record`: samples for a while, names, writes files. Gives the exit code. */
export async function runRecord(options: RecordOptions, reporter: RecordReporter): Promise<number> {
  const native = loadNative();
  const debuginfodDir = recordDebuginfodDir(options);
  const worker = startWorker(workerSetting({ ...options, debuginfodDir }));
  const interrupt = new Interrupt();
  const symbols = new SymbolWatch(native.addon);
  const { ringMemoryBytes: ring, frequencyHz } = options;
  const cpuCount = cpus().length;
  let capture: Capture | undefined;
  let bound: BoundNaming | undefined;
  try {
    capture = new Capture(
      native,
      {
        frequencyHz,
        ringBytes: ring === "auto" ? ringBytesFor(frequencyHz, cpuCount) : ring,
        executables: MAX_EXECUTABLES,
        pids: options.pids,
        comms: options.comms,
        hierarchy: hostCgroupHierarchy(),
        defaultDivisor: 1,
        unwindMemoryBytes: options.unwindMemoryBytes,
        pendingMemoryBytes: pendingBytesFor(frequencyHz, cpuCount),
        excludedInterpreters: options.excludedInterpreters,
      },
      (content) => worker.call("convert", content),
    );
    bound = openBoundNames(capture, worker, RECORD_BOUND);
    const taken = await take(capture, symbols, options, reporter, interrupt);
    const { registry } = capture;
    const { timeNs, durationNs } = taken;
    const { demangling } = options;
    const naming = { timeNs, durationNs, periodNs: Math.round(1e9 / options.frequencyHz), demangling };
    const known = { ...workerNamer(worker), bound: bound.kinds.bound };
    const named = await nameRecording((namer) => nameWindow(taken.window, registry, namer, naming), {
      ...{ options, namer: withKernelChanges(known, () => symbols.changes()), interrupt, reporter },
      buildIdOf: (fd) => worker.call("buildId", fd),
    });
    await writeFiles(named.profile, options);
    report(named, taken, options, reporter);
    return EXIT.ok;
  } finally {
    interrupt.dispose();
    symbols.close();
    bound?.kinds.close();
    capture?.registry.close();
    await worker.close();
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
  symbols: SymbolWatch,
  options: RecordOptions,
  reporter: RecordReporter,
  interrupt: Interrupt,
): Promise<Taken> {
  const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  try {
    const timeNs = BigInt(Date.now()) * 1_000_000n;
    const start = process.hrtime.bigint();
    capture.start();
    symbols.start();
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
