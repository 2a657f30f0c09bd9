import type { MetricRegistry } from "./registry.js";
import { rowsBy } from "./registry.js";

export interface WindowsSource {
  /** By why they ended: clock, memory, rate, schedule, stop. */
  readonly ended: () => Iterable<readonly [end: string, windows: number]>;
  /** What became of them: written, failed, dropped. */
  readonly results: () => Iterable<readonly [result: string, windows: number]>;
  readonly postponed: () => number;
  readonly ageSeconds: () => number;
  readonly lastWriteSeconds: () => number;
  readonly bytes: () => number;
}

export function registerWindows(registry: MetricRegistry, source: WindowsSource): void {
  registry.counter(
    {
      name: "hostflame_windows_ended_total",
      help: "Windows that ended, by why: the clock, their memory was full, the rate changed, the schedule, the agent stopped",
      labels: ["end"],
    },
    () => rowsBy("end", source.ended()),
  );
  registry.counter(
    {
      name: "hostflame_windows_result_total",
      help: "Windows that ended, by what became of them: written, failed, or dropped behind others that were still being written",
      labels: ["result"],
    },
    () => rowsBy("result", source.results()),
  );
  registry.counter(
    {
      name: "hostflame_windows_postponed_total",
      help: "Times that a window went on past its end because two before it were still being written",
    },
    source.postponed,
  );
  registry.gauge(
    { name: "hostflame_windows_age_seconds", help: "How long the present window has been going on" },
    source.ageSeconds,
  );
  registry.gauge(
    {
      name: "hostflame_windows_last_write_seconds",
      help: "How long the last window took from its end to its last export",
    },
    source.lastWriteSeconds,
  );
  registry.gauge({ name: "hostflame_windows_memory_bytes", help: "Memory of the present window" }, source.bytes);
}
