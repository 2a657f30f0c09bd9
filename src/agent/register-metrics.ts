import type { Capture } from "../capture/capture.js";
import type { Window } from "../capture/window.js";
import type { EndedWindow } from "./ended-window.js";
import { registerAccounting } from "../metrics/accounting.js";
import { registerExports } from "../metrics/exports.js";
import { registerInterpreters } from "../metrics/interpreters.js";
import { registerHotspot } from "../metrics/hotspot.js";
import { registerJit } from "../metrics/jit.js";
import { registerNames } from "../metrics/names.js";
import { registerPython } from "../metrics/python.js";
import { registerOwnership } from "../metrics/ownership.js";
import type { MetricRegistry } from "../metrics/registry.js";
import { registerSources } from "../metrics/sources.js";
import { registerSourceMaps } from "../metrics/source-maps.js";
import { registerSampling } from "../metrics/sampling.js";
import { registerUnwinding } from "../metrics/unwinding.js";
import { registerV8 } from "../metrics/v8.js";
import { registerWindows } from "../metrics/windows.js";
import type { RuntimeSearch } from "../interpreters/runtime-search.js";
import type { HotspotNames } from "../interpreters/hotspot/hotspot-names.js";
import type { V8Names } from "../interpreters/v8/v8-names.js";
import type { JitNames } from "../jit/jit-names.js";
import type { PythonNames } from "../interpreters/python/python-names.js";
import { counters } from "../native/abi.generated.js";
import type { NameCache } from "../naming/name-cache.js";
import type { SourceMaps } from "../source-maps/source-maps.js";
import type { AccountingCheck } from "./accounting.js";
import type { BpfTime } from "./bpf-time.js";
import type { Labelling } from "./labelling.js";
import type { LabelCounts } from "./make-profiles.js";
import type { SamplingRate } from "./sampling-rate.js";
import type { Scheduling } from "./scheduling.js";
import type { Sources } from "./sources.js";
import type { Delivery } from "./deliver.js";
import type { SampleTotals } from "./sample-totals.js";
import type { WindowLoop } from "./window-loop.js";
import type { WindowWriter } from "./window-writer.js";

export interface AgentMetricsSource {
  readonly capture: Capture;
  readonly writer: WindowWriter<EndedWindow>;
  readonly loop: WindowLoop<Window>;
  readonly totals: SampleTotals;
  readonly delivery: Delivery;
  readonly rate: SamplingRate;
  /** Undefined where sampling is continuous. */
  readonly scheduling: Scheduling | undefined;
  readonly labelling: Labelling;
  readonly labelCounts: LabelCounts;
  readonly sources: Sources;
  readonly check: AccountingCheck;
  readonly bpfTime: BpfTime;
  readonly names: NameCache;
  readonly bound: {
    readonly runtimes: RuntimeSearch;
    readonly jit: JitNames;
    readonly python: PythonNames;
    readonly hotspot: HotspotNames;
    readonly v8: V8Names;
    readonly sourceMaps: SourceMaps;
  };
  /** What the worker took to make unwind rows. */
  readonly buildSeconds: () => number;
}

/** Which number of which part is which metric. */
export function registerAgentMetrics(registry: MetricRegistry, source: AgentMetricsSource): void {
  const { capture, writer, loop, totals, delivery, rate, scheduling } = source;
  const { labelCounts, check, bpfTime, names } = source;
  const { sampler, tables, conversions, firstSights, intake, rules } = capture;
  registerSampling(registry, {
    counters: () => {
      const values = sampler.counters();
      return counters.map(({ name, help }) => ({ name, help, value: values[name] }));
    },
    outcomes: () => totals.outcomes(),
    lost: () => [
      ...Array.from(labelCounts.refused, ([reason, count]) => [`refused-${reason}`, count] as const),
      ["ring-full", sampler.counters().samples_dropped],
      ["malformed-record", intake.malformed],
      ["window-failed", writer.samplesFailed],
      ["window-dropped", writer.samplesDropped],
    ],
    cpus: () => sampler.cpus,
    frequencyHz: () => rate.frequencyHz,
    open: () => rate.open,
    nextChange: () => scheduling?.nextChange,
    meanRunSeconds: () => bpfTime.meanSeconds,
  });
  registerWindows(registry, {
    ended: () => Object.entries(writer.ended),
    results: () => [
      ["written", writer.written],
      ["failed", writer.failed],
      ["dropped", writer.dropped],
    ],
    postponed: () => loop.postponed,
    ageSeconds: () => loop.ageMs / 1000,
    lastWriteSeconds: () => writer.lastWriteMs / 1000,
    bytes: () => intake.window.bytes,
  });
  registerExports(registry, delivery.counts);
  registerUnwinding(registry, {
    tables: () => tables.tables,
    tableBytes: () => tables.bytes,
    evictions: () => tables.evictions,
    rules: () => rules.size,
    converted: () => conversions.converted,
    buildSeconds: source.buildSeconds,
    waiting: () => firstSights.count,
    problems: () => [...capture.registry.problems, ...conversions.problems],
    executables: () => capture.registry.size,
    letGo: () => [
      ["idle", capture.upkeep.idle],
      ["displaced", capture.upkeep.displaced],
    ],
    mapBytes: () => Object.entries(sampler.session.mapBytes()),
  });
  registerNames(registry, {
    bytes: () => names.bytes,
    addresses: () => names.asked.addresses,
    unknown: () => names.asked.unknown,
    shed: () => names.asked.shed,
    found: () => names.found,
    missing: () => names.missing,
    withoutLines: () => names.withoutLines,
    debugFiles: () => names.debugFiles,
  });
  registerJit(registry, source.bound.jit);
  registerInterpreters(registry, capture.interpreters, source.bound.runtimes);
  registerPython(registry, source.bound.python);
  registerHotspot(registry, source.bound.hotspot);
  registerV8(registry, source.bound.v8);
  registerSourceMaps(registry, source.bound.sourceMaps);
  registerLabels(registry, source);
  registerAccounting(registry, {
    sampledSeconds: () => check.sampledSeconds,
    accountedSeconds: () => check.accountedSeconds,
    containers: () => check.containers,
    worstDeviation: () => check.worstDeviation,
  });
}

function registerLabels(registry: MetricRegistry, { labelling, labelCounts, sources }: AgentMetricsSource): void {
  const { ownership, processes } = labelling;
  registerOwnership(registry, {
    cgroups: () => withUnderscores(Object.entries(ownership.counts())),
    samples: () => withUnderscores(Object.entries(labelCounts.known)),
    refusals: () => ownership.refusals(),
    mergedRows: () => [
      ["container", labelCounts.mergedByOwner],
      ["namespace", labelCounts.mergedByNamespace],
    ],
    redactedSamples: () => labelCounts.redacted,
    contradictions: () => ownership.contradictions,
    mistakes: () => ownership.mistakes,
    policiesNotKept: () => labelling.policiesNotKept,
    forgottenForRoom: () => ownership.forgottenForRoom,
    processes: () => withUnderscores(Object.entries(processes.counts)),
    processContexts: () => processes.contextCounts,
    processesKnown: () => processes.size,
  });
  const { containers, pods } = sources;
  registerSources(registry, {
    runtimes: () => containers.health,
    containers: () => containers.size,
    pods: pods && { health: () => pods.health, endedPods: () => pods.endedPods, counts: () => pods.counts },
  });
}

/** podAndContainer → pod_and_container. */
function withUnderscores(entries: readonly (readonly [string, number])[]): readonly (readonly [string, number])[] {
  return entries.map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]);
}
