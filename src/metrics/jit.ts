import type { MetricRegistry } from "./registry.js";
import { rowsBy, rowsByKindAndOutcome } from "./registry.js";

export interface JitSource {
  /** Tries to open and to read files, "KIND OUTCOME". */
  readonly outcomes: Iterable<readonly [kindAndOutcome: string, times: number]>;
  readonly readBytes: number;
  readonly processes: number;
  readonly codes: number;
  readonly bytes: number;
  readonly named: number;
  readonly missing: Iterable<readonly [reason: string, addresses: number]>;
}

/** Just-in-time compiled code: the files in which processes tell it, and what came of them. */
export function registerJit({ counter, gauge }: MetricRegistry, source: JitSource): void {
  counter(
    {
      name: "hostflame_jit_files_total",
      help: "Tries to open a file in which a process tells its just-in-time compiled code, or to read on in it, by what came of it; absent is the usual case",
      labels: ["kind", "outcome"],
    },
    () => rowsByKindAndOutcome(source.outcomes),
  );
  counter(
    { name: "hostflame_jit_read_bytes_total", help: "Bytes of these files that were read" },
    () => source.readBytes,
  );
  gauge(
    { name: "hostflame_jit_processes", help: "Processes whose just-in-time compiled code was met lately" },
    () => source.processes,
  );
  gauge({ name: "hostflame_jit_symbols", help: "Pieces of just-in-time compiled code known" }, () => source.codes);
  gauge({ name: "hostflame_jit_bytes", help: "Memory of what is known of them" }, () => source.bytes);
  counter(
    {
      name: "hostflame_jit_named_total",
      help: "Addresses of just-in-time compiled code that were named, each once a window",
    },
    () => source.named,
  );
  counter(
    {
      name: "hostflame_jit_missing_total",
      help: "Addresses of just-in-time compiled code without a name, each once a window, by reason",
      labels: ["reason"],
    },
    () => rowsBy("reason", source.missing),
  );
}
