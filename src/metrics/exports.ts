import type { MetricRegistry, MetricRow } from "./registry.js";

export interface ExportCounts {
  readonly exported: number;
  /** Handed to delivery, which counts what becomes of them. */
  readonly queued: number;
  readonly bytes: number;
  readonly failed: ReadonlyMap<string, number>;
}

export function registerExports(registry: MetricRegistry, counts: ReadonlyMap<string, ExportCounts>): void {
  registry.counter(
    {
      name: "hostflame_exports_profiles_total",
      help: "Profiles by exporter and result: exported, queued for an intake, or why not",
      labels: ["exporter", "result"],
      maxRows: 256,
    },
    () =>
      [...counts].flatMap(([exporter, { exported, queued, failed }]): MetricRow[] => [
        [{ exporter, result: "exported" }, exported],
        [{ exporter, result: "queued" }, queued],
        ...[...failed].map(([result, count]): MetricRow => [{ exporter, result }, count]),
      ]),
  );
  registry.counter(
    { name: "hostflame_exports_bytes_total", help: "Bytes of exported profiles, compressed", labels: ["exporter"] },
    () => [...counts].map(([exporter, { bytes }]): MetricRow => [{ exporter }, bytes]),
  );
}
