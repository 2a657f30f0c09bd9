import { rowsBy, type MetricRegistry } from "./registry.js";

export interface DebuginfodSource {
  /** Requests by result; each result that there is. */
  readonly results: () => Iterable<readonly [result: string, requests: number]>;
  /** Build IDs by why they are given up; each reason that there is. */
  readonly givenUp: () => Iterable<readonly [reason: string, buildIds: number]>;
  readonly receivedBytes: () => number;
  /** Build IDs whose debug file is wanted and was not yet asked for, or is on its way. */
  readonly waiting: () => number;
  readonly folderBytes: () => number;
  readonly evictions: () => number;
}

/** Debug files from debuginfod servers. */
export function registerDebuginfod({ counter, gauge }: MetricRegistry, source: DebuginfodSource): void {
  counter(
    {
      name: "hostflame_debuginfod_requests_total",
      help: "Requests to debuginfod servers: downloaded, not-found, or why nothing came of it",
      labels: ["result"],
    },
    () => rowsBy("result", source.results()),
  );
  counter(
    {
      name: "hostflame_debuginfod_given_up_total",
      help: "Debug files that are wanted and not asked for any more, for an hour, by why",
      labels: ["reason"],
    },
    () => rowsBy("reason", source.givenUp()),
  );
  counter(
    {
      name: "hostflame_debuginfod_received_bytes_total",
      help: "Bytes of debug files that came, inflated, whatever became of them",
    },
    source.receivedBytes,
  );
  gauge(
    { name: "hostflame_debuginfod_waiting", help: "Debug files that are wanted, those on their way among them" },
    source.waiting,
  );
  gauge(
    { name: "hostflame_debuginfod_cache_bytes", help: "Size of the downloaded debug files that are kept" },
    source.folderBytes,
  );
  counter(
    {
      name: "hostflame_debuginfod_evictions_total",
      help: "Downloaded debug files that were removed to make room for others",
    },
    source.evictions,
  );
}
