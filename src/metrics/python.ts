import type { MetricRegistry } from "./registry.js";
import { rowsBy } from "./registry.js";

export interface PythonSource {
  readonly processes: number;
  readonly codes: number;
  readonly bytes: number;
  readonly named: number;
  readonly malformed: number;
  readonly missing: Iterable<readonly [reason: string, frames: number]>;
  readonly lines: Iterable<readonly [outcome: string, frames: number]>;
}

/** Python functions: what the kernel side handed over of them, and what came of it. */
export function registerPython({ counter, gauge }: MetricRegistry, source: PythonSource): void {
  gauge(
    { name: "hostflame_python_processes", help: "Processes whose Python functions were met lately" },
    () => source.processes,
  );
  gauge({ name: "hostflame_python_functions", help: "Distinct Python functions known" }, () => source.codes);
  gauge({ name: "hostflame_python_bytes", help: "Memory of what is known of them" }, () => source.bytes);
  counter(
    { name: "hostflame_python_named_total", help: "Python frames that were named, each once a window" },
    () => source.named,
  );
  counter(
    {
      name: "hostflame_python_missing_total",
      help: "Python frames without a name, each once a window, by reason",
      labels: ["reason"],
    },
    () => rowsBy("reason", source.missing),
  );
  counter(
    {
      name: "hostflame_python_lines_total",
      help: "Named Python frames, each once a window, by what came of their line",
      labels: ["outcome"],
    },
    () => rowsBy("outcome", source.lines),
  );
  counter(
    { name: "hostflame_python_malformed_total", help: "Code objects from the kernel side that made no sense" },
    () => source.malformed,
  );
}
