import type { MetricRegistry } from "./registry.js";
import { rowsBy } from "./registry.js";

export interface V8Source {
  readonly readBytes: number;
  readonly readCodes: number;
  readonly processes: number;
  readonly codes: number;
  readonly bytes: number;
  readonly named: number;
  readonly missing: Iterable<readonly [reason: string, frames: number]>;
}

/** JavaScript functions: what was read of processes' memory, and which frames it named. */
export function registerV8({ counter, gauge }: MetricRegistry, source: V8Source): void {
  counter(
    { name: "hostflame_v8_read_bytes_total", help: "Bytes of memory of Node.js processes that were read for names" },
    () => source.readBytes,
  );
  counter(
    {
      name: "hostflame_v8_read_codes_total",
      help: "JavaScript functions and optimized code that were read, each once in a process",
    },
    () => source.readCodes,
  );
  gauge(
    { name: "hostflame_v8_processes", help: "Processes that run JavaScript and were met lately" },
    () => source.processes,
  );
  gauge({ name: "hostflame_v8_codes", help: "JavaScript functions and optimized code known" }, () => source.codes);
  gauge({ name: "hostflame_v8_bytes", help: "Memory of what is known of them" }, () => source.bytes);
  counter(
    { name: "hostflame_v8_named_total", help: "JavaScript frames that were named, each once a window" },
    () => source.named,
  );
  counter(
    {
      name: "hostflame_v8_missing_total",
      help: "JavaScript frames without a name, each once a window, by reason",
      labels: ["reason"],
    },
    () => rowsBy("reason", source.missing),
  );
}
