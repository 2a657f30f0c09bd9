import { rowsBy, type MetricRegistry } from "./registry.js";

export interface ReloadsSource {
  /** By what became of them; each result that there is. */
  readonly results: () => Iterable<readonly [result: string, reloads: number]>;
  /** Seconds since the epoch. */
  readonly lastSuccessSeconds: () => number;
}

export function registerReloads({ counter, gauge }: MetricRegistry, source: ReloadsSource): void {
  counter(
    {
      name: "hostflame_reloads_total",
      help: "Times the configuration was read again: applied, unchanged, refused because something is wrong, or failed in part",
      labels: ["result"],
    },
    () => rowsBy("result", source.results()),
  );
  gauge(
    {
      name: "hostflame_reloads_last_success_timestamp_seconds",
      help: "When the configuration that holds was last read, at the start or again",
    },
    source.lastSuccessSeconds,
  );
}
