import type { MetricRegistry, MetricRow } from "./registry.js";

export interface ExportCounts {
  readonly exported: number;
  /** Handed to delivery, which counts what becomes of them. */
  readonly queued: number;
  readonly bytes: number;
  /** By reason. */
  readonly failed: ReadonlyMap<string, number>;
}

export function registerExports({ counter }: MetricRegistry, counts: ReadonlyMap<string, ExportCounts>): void {
  counter(
    {
      name: "hostflame_exports_profiles_total",
      help: "Profiles by exporter and result: exported, queued for an intake, or failed",
      labels: ["exporter", "result"],
    },
    () =>
      [...counts].flatMap(([exporter, { exported, queued, failed }]): MetricRow[] => [
        [{ exporter, result: "exported" }, exported],
        [{ exporter, result: "queued" }, queued],
        [{ exporter, result: "failed" }, [...failed.values()].reduce((sum, count) => sum + count, 0)],
      ]),
  );
  counter(
    {
      name: "hostflame_exports_failures_total",
      help: "Profiles that were neither exported nor queued, by exporter and reason",
      labels: ["exporter", "reason"],
    },
    () =>
      [...counts].flatMap(([exporter, { failed }]) =>
        [...failed].map(([reason, count]): MetricRow => [{ exporter, reason }, count]),
      ),
  );
  counter(
    { name: "hostflame_exports_bytes_total", help: "Bytes of exported profiles, compressed", labels: ["exporter"] },
    () => [...counts].map(([exporter, { bytes }]): MetricRow => [{ exporter }, bytes]),
  );
}
