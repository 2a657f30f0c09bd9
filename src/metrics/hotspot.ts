import type { MetricRegistry } from "./registry.js";
import { rowsBy } from "./registry.js";

export interface HotspotSource {
  readonly processes: number;
  readonly known: number;
  readonly bytes: number;
  readonly readCount: number;
  readonly readBytes: number;
  readonly named: number;
  readonly missing: Iterable<readonly [reason: string, frames: number]>;
}

/** Names of the JVM's methods, read out of its processes. */
export function registerHotspot({ counter, gauge }: MetricRegistry, source: HotspotSource): void {
  gauge({ name: "hostflame_hotspot_processes", help: "JVMs whose methods were met lately" }, () => source.processes);
  gauge(
    { name: "hostflame_hotspot_names", help: "Methods, pieces of compiled code and stubs of JVMs known" },
    () => source.known,
  );
  gauge({ name: "hostflame_hotspot_bytes", help: "Memory of what is known of them" }, () => source.bytes);
  counter(
    { name: "hostflame_hotspot_reads_total", help: "Reads of JVMs' memory for their methods' names" },
    () => source.readCount,
  );
  counter({ name: "hostflame_hotspot_read_bytes_total", help: "Bytes of these reads" }, () => source.readBytes);
  counter(
    { name: "hostflame_hotspot_named_total", help: "Frames of JVMs that were named, each once a window" },
    () => source.named,
  );
  counter(
    {
      name: "hostflame_hotspot_missing_total",
      help: "Frames of JVMs without a name, each once a window, by reason",
      labels: ["reason"],
    },
    () => rowsBy("reason", source.missing),
  );
}
