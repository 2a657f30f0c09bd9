import type { Capture } from "../capture/capture.js";
import type { Window } from "../capture/window.js";
import { registerExports } from "../metrics/exports.js";
import type { MetricRegistry } from "../metrics/registry.js";
import { registerSampling } from "../metrics/sampling.js";
import { registerUnwinding } from "../metrics/unwinding.js";
import { registerWindows } from "../metrics/windows.js";
import { counters } from "../native/abi.generated.js";
import type { Delivery } from "./deliver.js";
import type { SampleTotals } from "./sample-totals.js";
import type { WindowLoop } from "./window-loop.js";
import type { WindowWriter } from "./window-writer.js";

export interface AgentMetricsSource {
  readonly capture: Capture;
  readonly writer: WindowWriter<Window>;
  readonly loop: WindowLoop<Window>;
  readonly totals: SampleTotals;
  readonly delivery: Delivery;
  readonly frequencyHz: number;
}

/** Which number of which part is which metric. */
export function registerAgentMetrics(registry: MetricRegistry, source: AgentMetricsSource): void {
  const { capture, writer, loop, totals, delivery, frequencyHz } = source;
  const { sampler, tables, conversions, firstSights, intake, rules } = capture;
  registerSampling(registry, {
    counters: () => {
      const values = sampler.counters();
      return counters.map(({ name, help }) => ({ name, help, value: values[name] }));
    },
    outcomes: () => totals.outcomes(),
    lost: () => [
      ["ring-full", sampler.counters().samples_dropped],
      ["malformed-record", intake.malformed],
      ["window-failed", writer.samplesFailed],
      ["window-dropped", writer.samplesDropped],
    ],
    cpus: () => sampler.cpus,
    frequencyHz,
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
    waiting: () => firstSights.count,
    problems: () => [...capture.registry.problems, ...conversions.problems],
    executables: () => capture.registry.all.length,
    mapBytes: () => Object.entries(sampler.session.mapBytes()),
  });
}
