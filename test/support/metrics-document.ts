import { registerAccounting } from "#src/metrics/accounting.js";
import { registerApi } from "#src/metrics/api.js";
import { registerBudget } from "#src/metrics/budget.js";
import { registerDebuginfod } from "#src/metrics/debuginfod.js";
import { registerDeliveries } from "#src/metrics/deliveries.js";
import { registerExports } from "#src/metrics/exports.js";
import { registerHealth } from "#src/metrics/health.js";
import { registerHotspot } from "#src/metrics/hotspot.js";
import { registerInterpreters } from "#src/metrics/interpreters.js";
import { registerJit } from "#src/metrics/jit.js";
import { registerNames } from "#src/metrics/names.js";
import { registerOwnership } from "#src/metrics/ownership.js";
import { registerPython } from "#src/metrics/python.js";
import { registerProcess } from "#src/metrics/process.js";
import { createMetricRegistry, MAX_ROWS, type DescribedMetric } from "#src/metrics/registry.js";
import { registerReloads } from "#src/metrics/reloads.js";
import { registerSampling, type SamplingSource } from "#src/metrics/sampling.js";
import { registerSourceMaps } from "#src/metrics/source-maps.js";
import { registerSources } from "#src/metrics/sources.js";
import { registerUnwinding } from "#src/metrics/unwinding.js";
import { registerV8 } from "#src/metrics/v8.js";
import { registerWindows } from "#src/metrics/windows.js";
import { registerWorker } from "#src/metrics/worker.js";
import { counters } from "#src/native/abi.generated.js";

/** A source that nothing is ever read from: only what is registered is looked at. */
function unread<Source extends object>(known: Partial<Source> = {}): Source {
  return new Proxy(known, { get: (target, name) => Reflect.get(target, name) ?? (() => []) }) as Source;
}

/**
 * Every metric there is, in the order of the document. What registers metrics registers them here too; an agent's own scrape
 * is compared with it (test/e2e/metrics.test.ts).
 */
export function allMetrics(): readonly DescribedMetric[] {
  const registry = createMetricRegistry();
  registerHealth(registry, unread());
  registerSampling(
    registry,
    unread<SamplingSource>({ counters: () => counters.map((counter) => ({ ...counter, value: 0 })) }),
  );
  registerWindows(registry, unread());
  registerExports(registry, new Map());
  registerDeliveries(registry, () => []);
  registerUnwinding(registry, unread());
  registerNames(registry, unread());
  registerJit(registry, unread());
  registerInterpreters(registry, unread(), unread());
  registerPython(registry, unread());
  registerHotspot(registry, unread());
  registerV8(registry, unread());
  registerSourceMaps(registry, unread());
  registerDebuginfod(registry, unread());
  registerOwnership(registry, unread());
  registerSources(registry, unread());
  registerAccounting(registry, unread());
  registerBudget(registry, () => []);
  registerReloads(registry, unread());
  registerApi(registry, unread());
  registerWorker(registry, unread());
  registerProcess(registry, unread());
  return registry.described;
}

/** The most series of one scrape. */
export function maxSeries(metrics: readonly DescribedMetric[]): number {
  return metrics.reduce((sum, { maxRows }) => sum + maxRows, 0);
}

/** docs/metrics.md. */
export function metricsDocument(): string {
  const metrics = allMetrics();
  const rooms = byRoom(metrics);
  const tables = Array.from(rooms, ([room, rows]) => `## ${room}\n\n${tableOf(rows)}`);
  return `# Metrics

What the agent tells Prometheus under \`/metrics\`. The tables are written from what registers them by
\`UPDATE_GOLDEN=1 npm test -- unit/metrics\`. What to watch of them, and what to do then, is in [alerts.md](alerts.md).

Names are \`hostflame_<room>_<what>_<unit>[_total]\`, in base units: seconds, bytes, ratios. Counters end in \`_total\` and begin at 0
with the agent. Values are read at the scrape; nothing is spent between two. A metric with labels has no rows while there is
nothing to count.

**How many series.** No label is a pod, a container, a service, a process, a path or any other name that somebody gives himself:
a value is a word of the agent's own, of at most 48 characters, or \`other\`. A metric with labels has at most ${MAX_ROWS} rows where
nothing else is said below, the last of them \`other\`; one scrape has at most ${maxSeries(metrics)} series, whatever the node runs,
some 160 on a plain machine, and 250 on a node of a cluster with an intake.

Which node a series is of is Prometheus's to say: the PodMonitor of [deploy.md](deploy.md) puts the node's name into the label
\`node\`.

${tables.join("\n\n")}
`;
}

/** hostflame_windows_ended_total → windows */
function roomOf({ name }: DescribedMetric): string {
  return name.split("_")[1];
}

function byRoom(metrics: readonly DescribedMetric[]): Map<string, DescribedMetric[]> {
  const rooms = new Map<string, DescribedMetric[]>();
  for (const metric of metrics) {
    const room = roomOf(metric);
    rooms.set(room, [...(rooms.get(room) ?? []), metric]);
  }
  return rooms;
}

function tableOf(metrics: readonly DescribedMetric[]): string {
  const rows = metrics.map(({ name, type, labels, help, maxRows }) => {
    const bound = labels.length > 0 && maxRows !== MAX_ROWS ? ` (at most ${maxRows} rows)` : "";
    return `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(", ")} | ${help}${bound} |`;
  });
  return ["| metric | type | labels | |", "|---|---|---|---|", ...rows].join("\n");
}
