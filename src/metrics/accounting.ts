import type { MetricRegistry } from "./registry.js";

export interface AccountingSource {
  readonly sampledSeconds: () => number;
  readonly accountedSeconds: () => number;
  readonly containers: () => number;
  /** Undefined where no container had enough samples. */
  readonly worstDeviation: () => number | undefined;
}

export function registerAccounting({ counter, gauge }: MetricRegistry, source: AccountingSource): void {
  counter(
    {
      name: "hostflame_container_cpu_sampled_seconds_total",
      help: "CPU time that was sampled in containers known and wanted through a whole window",
    },
    source.sampledSeconds,
  );
  counter(
    {
      name: "hostflame_container_cpu_accounted_seconds_total",
      help: "CPU time of the same containers in the same windows by the kernel's own accounting",
    },
    source.accountedSeconds,
  );
  gauge(
    { name: "hostflame_container_cpu_compared", help: "Containers that were compared in the last window" },
    source.containers,
  );
  gauge(
    {
      name: "hostflame_container_cpu_deviation_ratio",
      help: "Worst relative deviation of sampled from accounted CPU time among containers with a thousand ticks in the last window",
      labels: ["of"],
    },
    () => {
      const worst = source.worstDeviation();
      return worst === undefined ? [] : [[{ of: "worst" }, worst]];
    },
  );
}
