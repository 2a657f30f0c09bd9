import { cpus } from "node:os";
import { setFlagsFromString } from "node:v8";
import { AccountingCheck } from "./agent/accounting.js";
import { BpfTime } from "./agent/bpf-time.js";
import { budgetHealth, openBudget, ownLimits } from "./agent/budget.js";
import { budgetSizes, type BudgetSizes } from "./agent/budget-sizes.js";
import { Delivery } from "./agent/deliver.js";
import type { Api } from "./agent/api/api.js";
import type { AgentDebuginfod } from "./agent/debuginfod.js";
import { createProfileEncoder } from "./agent/encode-profile.js";
import type { EndedWindow } from "./agent/ended-window.js";
import type { WantedExporter } from "./agent/exporter-slot.js";
import { garbageCollector } from "./agent/collect-garbage.js";
import { describeHealth } from "./agent/describe-health.js";
import { AgentHealth } from "./agent/health.js";
import { agentRoutes } from "./agent/http-routes.js";
import { defaultDivisorOf, Labelling } from "./agent/labelling.js";
import { leaveOut, makeProfiles, noLabelCounts, type LabelCounts } from "./agent/make-profiles.js";
import { registerAgentMetrics } from "./agent/register-metrics.js";
import { registerOwnMetrics } from "./agent/register-own-metrics.js";
import { startReload, type OptionsSource } from "./agent/reload/start-reload.js";
import { samplingOf } from "./agent/sampling.js";
import { NodeSamplingRate, periodNsOf, type SamplingRate } from "./agent/sampling-rate.js";
import { SampleTotals } from "./agent/sample-totals.js";
import type { Scheduling } from "./agent/scheduling.js";
import { settingsOf, type AgentSettings } from "./agent/settings.js";
import { openSources, type Sources } from "./agent/sources.js";
import { wantedExporters } from "./agent/wanted-exporters.js";
import { WindowLoop, type WindowSpan } from "./agent/window-loop.js";
import { WindowWriter } from "./agent/window-writer.js";
import { openBoundNames } from "./bound-names.js";
import { Capture } from "./capture/capture.js";
import { SymbolWatch } from "./capture/symbol-watch.js";
import type { BudgetLimits } from "./budget/limits.js";
import type { Window } from "./capture/window.js";
import { openCpuAccounting } from "./host/cpu-accounting.js";
import { openHttpServer, type HttpServer } from "./http/server.js";
import { Interrupt } from "./interrupt.js";
import { registerBudget } from "./metrics/budget.js";
import { registerDeliveries } from "./metrics/deliveries.js";
import { createMetricRegistry, type MetricRegistry } from "./metrics/registry.js";
import { DEFAULT_V8_READING } from "./interpreters/v8/v8-names.js";
import { DEFAULT_JIT_READING } from "./jit/jit-names.js";
import type { AgentOptions } from "./model/agent-options.js";
import { EXIT } from "./model/exit-codes.js";
import type { Owner } from "./model/owner.js";
import type { LabelledProfile } from "./model/labelled-profile.js";
import type { Log, LogLevel } from "./model/log.js";
import { TOOL } from "./model/tool.js";
import { NameCache } from "./naming/name-cache.js";
import { loadNative } from "./native/load.js";
import { DEFAULT_SOURCE_MAP_READING } from "./source-maps/source-maps.js";
import { MAX_EXECUTABLES, PENDING_BYTES, ringBytesFor } from "./sampling-limits.js";
import { systemClock } from "./util/clock.js";
import { LoopDelay } from "./util/loop-delay.js";
import type { WorkerCalls } from "./util/worker-calls.js";
import { workerEncoder, workerNamer, type WorkerCallTable } from "./worker-calls.js";
import { startWorker, workerSetting } from "./worker-thread.js";

/** Whom the agent tells what it does. */
export interface AgentOutput {
  readonly log: Log;
  readonly logLinesDropped: () => number;
  readonly setLogLevel: (level: LogLevel) => void;
}

/** How long the first window may wait for runtimes and API server to answer, from when they were asked. */
const FIRST_LABEL_MS = 5000;
/** A window is 60 s by default. */
const UNMAP_MS = 45_000;
const FIRST_LABEL_LOOK_MS = 50;
/** From the signal to the exit, whatever hangs; Kubernetes kills after 30 s. */
const STOP_MS = 9500;
/** Of it, for the last windows to be named, labelled and written. */
const WRITE_MS = 4000;

/** What lives as long as the agent. */
interface Frame extends AgentOutput {
  readonly options: AgentOptions;
  readonly source: OptionsSource;
  readonly interrupt: Interrupt;
  readonly health: AgentHealth;
  readonly metrics: MetricRegistry;
  readonly worker: WorkerCalls<WorkerCallTable>;
  readonly limits: BudgetLimits;
  readonly sizes: BudgetSizes;
}

/**
 * Composition root of `hostflame agent`: samples until it is told to stop, a profile of each service and container a
 * window. Gives the exit code; throws where it cannot even begin. `source`: where the options came from, and come from again.
 */
export async function runAgent(options: AgentOptions, source: OptionsSource, output: AgentOutput): Promise<number> {
  const { log } = output;
  optimiseLater();
  const interrupt = new Interrupt();
  const limits = ownLimits(options);
  const sizes = budgetSizes(limits, {
    unwindBytes: options.unwindMemoryBytes,
    pendingBytes: PENDING_BYTES,
    ringBytes: ringBytesFor(options.frequencyHz, cpus().length),
  });
  const worker = startWorker(workerSetting(options), sizes.workerHeapMb);
  const health = new AgentHealth();
  const metrics = createMetricRegistry();
  const loopDelay = new LoopDelay();
  const frame: Frame = { ...output, options, source, interrupt, health, metrics, worker, limits, sizes };
  let http: HttpServer | undefined;
  interrupt.signal.addEventListener("abort", () => {
    log.info("stopping");
    endAnyway(log);
  });
  try {
    log.info("starting", { tool: TOOL, options });
    loopDelay.start();
    registerOwnMetrics(metrics, { health, loopDelay, worker, logLinesDropped: output.logLinesDropped });
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
  const { options, worker, sizes } = frame;
  const settings = settingsOf(options);
  const native = loadNative();
  const symbols = new SymbolWatch(native.addon);
  const capture = new Capture(
    native,
    {
      frequencyHz: options.frequencyHz,
      ringBytes: options.ringMemoryBytes === "auto" ? sizes.ringBytes : options.ringMemoryBytes,
      executables: MAX_EXECUTABLES,
      pids: [],
      comms: [],
      hierarchy: settings.hierarchy,
      defaultDivisor: defaultDivisorOf(settings.selection),
      unwindMemoryBytes: sizes.unwindBytes,
      pendingMemoryBytes: sizes.pendingBytes,
      excludedInterpreters: options.excludedInterpreters,
      windowMemoryBytes: sizes.windowBytes,
    },
    (content) => worker.call("convert", content),
  );
  const sources = openSources(options, settings.node);
  const labelling = new Labelling(capture, sources, settings.selection, frame.log);
  const bpfTime = new BpfTime(native, capture.sampler.session, () => capture.sampler.counters().ticks);
  const trim = (): void => {
    native.addon.trimMemory();
  };
  trim(); // what loading took, the kernel's types among it
  const unmapCode = (): void => {
    native.addon.unmapCode();
  };
  unmapCode();
  const collectGarbage = garbageCollector();
  /** What a burst of new files, or a window, took and nobody needs: columns of rows, too, which V8 does not count as its own. */
  const release = (): void => {
    capture.tables.unmap();
    collectGarbage();
    trim();
  };
  worker.onRest = release;
  try {
    await runWindows(frame, { settings, capture, symbols, sources, labelling, bpfTime, trim, release, unmapCode });
  } finally {
    symbols.close();
    bpfTime.stop();
    labelling.close();
    await sources.close();
    capture.close();
    capture.registry.close();
  }
}

/** What samples and what says whose the samples are; all of it is open. */
interface Parts {
  readonly settings: AgentSettings;
  readonly capture: Capture;
  readonly symbols: SymbolWatch;
  readonly sources: Sources;
  readonly labelling: Labelling;
  readonly bpfTime: BpfTime;
  /** Gives memory that nobody uses back. */
  readonly trim: () => void;
  /** The same, after collecting garbage: some ten milliseconds. */
  readonly release: () => void;
  readonly unmapCode: () => void;
}

async function runWindows(frame: Frame, parts: Parts): Promise<void> {
  const { options, interrupt, health, log, limits, sizes, worker } = frame;
  const { settings, capture, symbols, sources, labelling, bpfTime, trim, release, unmapCode } = parts;
  let unmapAtMs = 0;
  const present = { settings };
  const { ownership, processes } = labelling;
  const firstLabelByMs = performance.now() + FIRST_LABEL_MS;
  const bound = openBoundNames(capture, worker, {
    ...{ ...DEFAULT_JIT_READING, memoryBytes: sizes.boundBytes },
    ...{ v8: DEFAULT_V8_READING, sourceMaps: DEFAULT_SOURCE_MAP_READING },
    mayRead: (cgroup) => ownership.reading(cgroup) !== "nothing",
  });
  const namer = { ...workerNamer(worker), bound: bound.kinds.bound };
  const names = new NameCache(namer, sizes.nameBytes, undefined, () => symbols.changes());
  const debuginfod = await debuginfodOf(frame, names);
  const encode = createProfileEncoder();
  const api = await prepareApi(frame, encode);
  const wantedOf = async (its: AgentOptions): Promise<readonly WantedExporter[]> => [
    ...(await wantedExporters(its, log, encode)),
    ...(api === undefined ? [] : [api.wanted]),
  ];
  const delivery = new Delivery(await wantedOf(options), log);
  const totals = new SampleTotals();
  const labelCounts = noLabelCounts();
  const check = new AccountingCheck({
    cgroups: capture.cgroups,
    waitingTicks: () => capture.firstSights.waitingTicks(),
    owner: (cgroup) => ownership.owner(cgroup),
    divisor: (cgroup) => ownership.policy(cgroup).divisor,
    accounting: openCpuAccounting(settings.hierarchy),
  });
  const making = {
    ...{ registry: capture.registry, namer: names, ownership, processes },
    mayTellMore: (owner: Owner) => sources.mayTellMore(owner),
  };
  const writer = new WindowWriter<EndedWindow>(
    {
      clock: systemClock,
      write: async ({ window, settings }, span, signal) => {
        if (!span.exported) {
          leaveOut(window, labelCounts);
          return;
        }
        if (span.first) await untilSettled(sources, firstLabelByMs, interrupt);
        const batch = await makeProfiles(window, span, { ...making, ...settings, counts: labelCounts });
        await delivery.deliver(batch, signal);
        log.info("window_written", { end: span.end, samples: window.total, profiles: batch.profiles.length });
      },
      onDone: (waiting) => {
        labelling.windowWritten(waiting);
        bound.kinds.windowWritten(waiting);
        // Not after each of many short windows: what is used again costs page faults.
        if (performance.now() < unmapAtMs) {
          trim();
        } else {
          unmapAtMs = performance.now() + UNMAP_MS;
          unmapCode();
          // All that this window had to ask for, it has. Once the worker is gone, its memory is released with the rest.
          if (!worker.endIdle()) release();
        }
      },
      onFailure: (error, span, samples) => {
        log.repeated("error", "window_failed", String(error), { end: span.end, samples });
      },
      onDropped: (span, samples) => {
        log.repeated("error", "window_dropped", "too-slow", { end: span.end, samples });
      },
    },
    sizes.windowBytes,
  );
  const take = (window: Window, span: WindowSpan): void => {
    check.windowEnded(window, periodNsOf(span.frequencyHz));
    totals.add(window);
    labelling.windowEnded(window);
    writer.take({ ...{ window, settings: present.settings }, total: window.total, bytes: window.bytes }, span);
  };
  ownership.onPolicy((cgroup, { divisor }) => {
    if (divisor === 0) check.refused(cgroup);
  });
  const loop = new WindowLoop<Window>(
    {
      ...samplingOf({ capture, ownership, check }),
      ...{ clock: systemClock, lengthMs: options.windowMs, stop: interrupt.signal },
      canTake: () => writer.canTake,
      take: (window, span) => {
        agentBudget.windowEnded();
        take(window, span);
        if (!loop.resting) bpfTime.measure();
      },
      closesInMs: () => scheduling?.closesInMs() ?? Infinity,
    },
    { frequencyHz: options.frequencyHz, open: true },
  );
  capture.onWindowFull = () => {
    loop.windowFull();
  };
  const rate = new NodeSamplingRate(options.frequencyHz, (state) => {
    loop.setRate(state);
  });
  const scheduling = await schedulingOf(options, rate, log);
  const agentBudget = openBudget({
    ...{ limits, sizes, capture, names, bound, worker, bpfTime, release, log, rate },
    intakes: () => delivery.intakes,
    wantedHz: () => rate.wantedHz,
  });
  const { budget } = agentBudget;
  registerAgentMetrics(frame.metrics, {
    ...{ capture, writer, loop, totals, names, bound, delivery, labelling, labelCounts, sources, check, bpfTime },
    ...{ rate, scheduling },
    buildSeconds: () => frame.worker.busySeconds.get("convert") ?? 0,
  });
  registerDeliveries(frame.metrics, () => delivery.intakes.map(({ status }) => status));
  describeHealth(health, {
    ...{ capture, clock: systemClock, loop, writer, totals, delivery, sources, check, rate, scheduling },
  });
  registerBudget(frame.metrics, () => budget.status);
  health.add("budget", () => budgetHealth(budget, rate.wantedHz));
  if (interrupt.asked) return;
  const reload = startReload(options, { ...frame, present, rate, loop, labelling, sources, delivery, wantedOf });
  try {
    await api?.serve({ ...making, capture, rate, sources, settings: () => present.settings });
    capture.start();
    symbols.start();
    if (symbols.problem !== "") log.warn("kernel_symbols_unwatched", { problem: symbols.problem });
    loop.begin();
    budget.start();
    health.phase = "sampling";
    log.info("sampling", { cpus: capture.sampler.cpus, frequencyHz: rate.frequencyHz, hierarchy: settings.hierarchy });
    await Promise.all([loop.run().finally(() => scheduling?.close()), scheduling?.run()]);
    health.phase = "stopping";
    budget.stop();
    reload.close(); // what is read from now on would be for nothing
    const span = loop.lastSpan();
    const last = await capture.stop();
    if (span !== undefined) take(last, span);
    await writer.finish(WRITE_MS);
    logAccount(log, { capture, writer, totals, labelCounts });
  } finally {
    budget.stop();
    reload.close();
    await api?.close();
    bound.kinds.close();
    await debuginfod?.close();
    await delivery.close();
  }
}

/** What became of every sample that the kernel side took: the sums on both sides are equal. */
function logAccount(log: Log, { capture, writer, totals, labelCounts }: AccountSources): void {
  const { samples, samples_dropped: ringFull } = capture.sampler.counters();
  log.info("account", {
    samples: samples + ringFull,
    inProfiles: totals.samples - writer.samplesFailed - writer.samplesDropped - sumOf(labelCounts.refused.values()),
    ringFull,
    malformed: capture.intake.malformed,
    windowsFailed: writer.samplesFailed,
    windowsDropped: writer.samplesDropped,
    refused: Object.fromEntries(labelCounts.refused),
  });
}

interface AccountSources {
  readonly capture: Capture;
  readonly writer: WindowWriter<EndedWindow>;
  readonly totals: SampleTotals;
  readonly labelCounts: LabelCounts;
}

function sumOf(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

/** Loaded only where it is asked for. */
async function schedulingOf(options: AgentOptions, rate: SamplingRate, log: Log): Promise<Scheduling | undefined> {
  if (options.schedule === undefined) return undefined;
  const { openScheduling } = await import("./agent/scheduling.js");
  return openScheduling(options.schedule, options.durationMs, { clock: systemClock, rate, log });
}

/** Loaded only where servers are named. */
async function debuginfodOf(
  { options, worker, log, metrics, health }: Frame,
  names: NameCache,
): Promise<AgentDebuginfod | undefined> {
  if (options.debuginfodUrls.length === 0) return undefined;
  const { openDebuginfod } = await import("./agent/debuginfod.js");
  const buildIdOf = (fd: number) => worker.call("buildId", fd);
  return openDebuginfod(options, { names, buildIdOf, log, metrics, health });
}

/** Memory and code that are not taken where nobody may ask. */
async function prepareApi(
  { options, log, metrics, worker, interrupt }: Frame,
  encode: (labelled: LabelledProfile) => Promise<Uint8Array>,
): Promise<Api | undefined> {
  if (options.apiListen === "off") return undefined;
  const api = await import("./agent/api/api.js");
  const { signal: stopping } = interrupt;
  const encoder = workerEncoder(worker);
  return api.prepareApi(options.apiListen, { options, log, metrics, encoder, stopping, encode });
}

/** Waits until everyone who knows names has answered, but not for ever: profiles go on without. */
async function untilSettled(sources: Sources, deadlineMs: number, interrupt: Interrupt): Promise<void> {
  while (!sources.settled && performance.now() < deadlineMs && !interrupt.asked) {
    await new Promise((resolve) => setTimeout(resolve, FIRST_LABEL_LOOK_MS));
  }
}

/**
 * What the worker does in a window is over before optimised code pays: the compiler's threads of Node.js 20 took 45 % of the
 * agent's CPU time, a third of which is saved when code has to run twenty times as long before it is optimised. Later ones
 * have a compiler between the two, and no such flag.
 */
function optimiseLater(): void {
  if (Number(process.versions.v8.split(".", 1)[0]) < 12) setFlagsFromString("--interrupt-budget=1500000");
}

/** Whatever hangs, the agent is gone in time for the node to go on. */
function endAnyway(log: Log): void {
  setTimeout(() => {
    log.error("stop_timed_out", { afterMs: STOP_MS });
    process.exit(EXIT.failed);
  }, STOP_MS).unref();
}
