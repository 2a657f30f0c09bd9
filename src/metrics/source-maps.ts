import type { MetricRegistry } from "./registry.js";
import { rowsBy, rowsByKindAndOutcome } from "./registry.js";

export interface SourceMapsSource {
  /** Files that were tried, "KIND OUTCOME". */
  readonly outcomes: Iterable<readonly [kindAndOutcome: string, times: number]>;
  readonly readBytes: number;
  readonly processes: number;
  readonly bytes: number;
  readonly placed: number;
  readonly missing: Iterable<readonly [reason: string, points: number]>;
}

/** Source maps of scripts: the files that were tried, and what came of the points that were looked up. */
export function registerSourceMaps({ counter, gauge }: MetricRegistry, source: SourceMapsSource): void {
  counter(
    {
      name: "hostflame_source_map_files_total",
      help: "Scripts and source maps that were to be read, by what came of it; a map that is none is the usual case",
      labels: ["kind", "outcome"],
    },
    () => rowsByKindAndOutcome(source.outcomes),
  );
  counter(
    { name: "hostflame_source_map_read_bytes_total", help: "Bytes of these files that were read" },
    () => source.readBytes,
  );
  gauge(
    { name: "hostflame_source_map_processes", help: "Processes whose root is held for their scripts" },
    () => source.processes,
  );
  gauge({ name: "hostflame_source_map_bytes", help: "Memory of the places that are remembered" }, () => source.bytes);
  counter(
    { name: "hostflame_source_map_placed_total", help: "Places in scripts that a source map led to their source" },
    () => source.placed,
  );
  counter(
    {
      name: "hostflame_source_map_missing_total",
      help: "Places in scripts that stay as they are, by reason; without a map most do",
      labels: ["reason"],
    },
    () => rowsBy("reason", source.missing),
  );
}
