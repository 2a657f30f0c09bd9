import { AccountingCheck } from "./agent/accounting.js";
import { BpfTime } from "./agent/bpf-time.js";
import { Delivery } from "./agent/deliver.js";
import { AgentHealth, Liveness } from "./agent/health.js";
import { agentRoutes } from "./agent/http-routes.js";
import { Labelling } from "./agent/labelling.js";
import { makeProfiles, noLabelCounts } from "./agent/make-profiles.js";
import { registerAgentMetrics } from "./agent/register-metrics.js";
import { SampleTotals } from "./agent/sample-totals.js";
import { settingsOf } from "./agent/settings.js";
import { openSources } from "./agent/sources.js";
import { WindowLoop } from "./agent/window-loop.js";
import { WindowWriter } from "./agent/window-writer.js";
import { Capture } from "./capture/capture.js";
import type { Window } from "./capture/window.js";
import { openExporters } from "./exporters/index.js";
import { hostCgroupHierarchy } from "./host/cgroup-hierarchy.js";
import { openCpuAccounting } from "./host/cpu-accounting.js";
import { openHttpServer, type HttpServer } from "./http/server.js";
import { Interrupt } from "./interrupt.js";
import { registerProcess } from "./metrics/process.js";
import { createMetricRegistry, type MetricRegistry } from "./metrics/registry.js";
import type { AgentOptions } from "./model/agent-options.js";
import { EXIT } from "./model/exit-codes.js";
import type { Log } from "./model/log.js";
import { TOOL } from "./model/tool.js";
import { loadNative } from "./native/load.js";
import { encodePprofGzip } from "./profiles/pprof.js";
import { MAX_EXECUTABLES, PENDING_BYTES } from "./sampling-limits.js";
import { systemClock } from "./util/clock.js";
import { LoopDelay } from "./util/loop-delay.js";
import type { WorkerCalls } from "./util/worker-calls.js";
import type { WorkerCallTable } from "./worker-calls.js";
import { namerOf, startWorker } from "./worker-thread.js";

/** Whom the agent tells what it does. */
export interface AgentOutput {
  readonly log: Log;
  readonly logLinesDropped: () => number;
}

/** A window is ended early when its columns take more. A minute of 64 busy CPUs at 19 Hz takes some 15 MiB. */
const WINDOW_BYTES = 32 << 20;
/** How long the first window may wait for runtimes and API server to answer, from when they were asked. */
const FIRST_LABEL_MS = 5000;
const FIRST_LABEL_LOOK_MS = 50;
/** From the signal to the exit, whatever hangs; Kubernetes kills after 30 s. */
const STOP_MS = 9500;
/** Of it, for the last windows to be named, labelled and written. */
const WRITE_MS = 4000;

/** What lives as long as the agent. */
interface Frame extends AgentOutput {
  readonly options: AgentOptions;
  readonly interrupt: Interrupt;
  readonly health: AgentHealth;
  readonly metrics: MetricRegistry;
  readonly worker: WorkerCalls<WorkerCallTable>;
}

/**
 * Composition root of `hostflame agent`: samples until it is told to stop, a profile of each service and container a
 * window. Gives the exit code; throws where it cannot even begin.
 */
export async function runAgent(options: AgentOptions, output: AgentOutput): Promise<number> {
  const { log } = output;
  const interrupt = new Interrupt();
  const worker = startWorker();
  const health = new AgentHealth();
  const metrics = createMetricRegistry();
  const loopDelay = new LoopDelay();
  const frame: Frame = { ...output, options, interrupt, health, metrics, worker };
  let http: HttpServer | undefined;
  interrupt.signal.addEventListener("abort", () => {
    log.info("stopping");
    endAnyway(log);
  });
  try {
    log.info("starting", { tool: TOOL, options });
    if (options.collectionAgent !== undefined) {
      const detail = `Profiles are written to ${options.outputDir} and not sent to ${options.collectionAgent}: this version has no intake yet.`;
      log.warn("not_sent", { detail });
    }
    loopDelay.start();
    registerProcess(metrics, {
      version: TOOL.split(" ")[1],
      loopDelaySeconds: () => loopDelay.worstMs / 1000,
      workerDeaths: () => worker.deaths,
      logLinesDropped: output.logLinesDropped,
    });
    http = await openHttp(frame);
    if (!interrupt.asked) {
      await sampleUntilAsked(frame);
    }
    return EXIT.ok;
  } finally {
    health.phase = "stopping";
    await http?.close();
    await worker.close();
    loopDelay.stop();
    interrupt.dispose();
    log.info("stopped");
  }
}

async function openHttp({ options, health, metrics, log }: Frame): Promise<HttpServer | undefined> {
  if (options.listen === "off") return undefined;
  const http = await openHttpServer({
    listen: options.listen,
    routes: agentRoutes(health, metrics),
    onFailure: (path, error) => {
      log.repeated("error", "http_failed", path, { error });
    },
  });
  log.info("listening", { address: http.address });
  return http;
}

async function sampleUntilAsked(frame: Frame): Promise<void> {
  const { options, interrupt, health, worker, log } = frame;
  const settings = settingsOf(options);
  const native = loadNative();
  const hierarchy = hostCgroupHierarchy();
  const capture = new Capture(
    native,
    {
      frequencyHz: options.frequencyHz,
      ringBytes: options.ringMemoryBytes,
      executables: MAX_EXECUTABLES,
      pids: [],
      comms: [],
      hierarchy,
      defaultDivisor: options.mode === "opt-in" ? 0 : 1,
      unwindMemoryBytes: options.unwindMemoryBytes,
      pendingMemoryBytes: PENDING_BYTES,
    },
    (content) => worker.call("convert", content),
  );
  const sources = openSources(options, settings.node);
  const sourcesAskedMs = performance.now();
  const labelling = new Labelling(capture, sources, settings.selection, log);
  const bpfTime = new BpfTime(native, capture.sampler.session);
  const exporters = openExporters({
    file: {
      directory: options.outputDir,
      maxBytes: options.outputBytes,
      encode: ({ profile, service, env, version, labels }) => {
        const own = new Map([["service", service], ["env", env], ["version", version], ...labels]);
        return encodePprofGzip(profile, { comments: [TOOL], labels: own });
      },
    },
  });
  const delivery = new Delivery(exporters, log);
  const totals = new SampleTotals();
  const labelCounts = noLabelCounts();
  const { ownership, processes } = labelling;
  const check = new AccountingCheck({
    cgroups: capture.cgroups,
    owner: (cgroup) => ownership.owner(cgroup),
    divisor: (cgroup) => ownership.policy(cgroup).divisor,
    accounting: openCpuAccounting(hierarchy),
    periodNs: settings.periodNs,
  });
  const ended = (window: Window): Window => {
    check.windowEnded(window);
    totals.add(window);
    labelling.windowEnded(window);
    return window;
  };
  const writer = new WindowWriter<Window>({
    write: async (window, span, signal) => {
      if (span.first) await untilSettled(sources, sourcesAskedMs + FIRST_LABEL_MS);
      const batch = await makeProfiles(window, span, {
        registry: capture.registry,
        namer: namerOf(worker),
        ownership,
        processes,
        counts: labelCounts,
        ...settings,
      });
      await delivery.deliver(batch, signal);
      log.info("window_written", { end: span.end, samples: window.total, profiles: batch.profiles.length });
    },
    onDone: (waiting) => {
      labelling.windowWritten(waiting);
    },
    onFailure: (error, span, samples) => {
      log.repeated("error", "window_failed", String(error), { end: span.end, samples });
    },
    onDropped: (span, samples) => {
      log.repeated("error", "window_dropped", "too-slow", { end: span.end, samples });
    },
  });
  const loop = new WindowLoop<Window>({
    clock: systemClock,
    lengthMs: options.windowMs,
    rotate: () => {
      bpfTime.measure();
      return ended(capture.rotate());
    },
    isFull: () => capture.intake.window.bytes > WINDOW_BYTES,
    canTake: () => writer.canTake,
    take: (window, span) => {
      writer.take(window, span);
    },
    wait: (ms) => interrupt.after(ms),
    stopping: () => interrupt.asked,
  });
  try {
    registerAgentMetrics(frame.metrics, {
      ...{ capture, writer, loop, totals, delivery, labelling, labelCounts, sources, check, bpfTime },
      frequencyHz: options.frequencyHz,
    });
    describeHealth(health, { capture, sources, delivery, check });
    health.liveness = new Liveness({
      clock: systemClock,
      handedOver: () => capture.sampler.counters().samples,
      arrived: () => totals.samples + capture.intake.window.total + capture.firstSights.count,
      windowAgeMs: () => loop.ageMs,
      windowMs: options.windowMs,
    });
    if (!interrupt.asked) {
      capture.start();
      loop.begin();
      health.phase = "sampling";
      log.info("sampling", { cpus: capture.sampler.cpus, frequencyHz: options.frequencyHz, hierarchy });
    }
    await loop.run();
    health.phase = "stopping";
    const span = loop.span("stop");
    writer.take(ended(await capture.stop()), span);
    await writer.finish(WRITE_MS);
  } finally {
    bpfTime.stop();
    labelling.close();
    await Promise.all([sources.close(), delivery.close()]);
    capture.close();
    capture.registry.close();
  }
}

/** Waits until everyone who knows names has answered, but not for ever: profiles go on without. */
async function untilSettled(sources: { readonly settled: boolean }, deadlineMs: number): Promise<void> {
  while (!sources.settled && performance.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, FIRST_LABEL_LOOK_MS));
  }
}

/** Whatever hangs, the agent is gone in time for the node to go on. */
function endAnyway(log: Log): void {
  setTimeout(() => {
    log.error("stop_timed_out", { afterMs: STOP_MS });
    process.exit(EXIT.failed);
  }, STOP_MS).unref();
}
