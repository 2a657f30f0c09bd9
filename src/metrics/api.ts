import { rowsBy, type MetricRegistry, type MetricRow } from "./registry.js";

export interface ApiMetricsSource {
  /** Answers by path, of the table of routes, and status. */
  readonly requests: () => Iterable<readonly [path: string, status: string, count: number]>;
  readonly recordings: {
    readonly running: number;
    readonly bytes: number;
    readonly lateSamples: number;
    readonly ended: Readonly<Record<string, number>>;
  };
  readonly kept: { readonly size: number; readonly bytes: number };
}

/** The HTTP API, where there is one. */
export function registerApi(
  { counter, gauge }: MetricRegistry,
  { requests, recordings, kept }: ApiMetricsSource,
): void {
  counter(
    {
      name: "hostflame_api_requests_total",
      help: "Answers of the HTTP API by path and status",
      labels: ["path", "status"],
    },
    () => Array.from(requests(), ([path, status, count]): MetricRow => [{ path, status }, count]),
  );
  gauge(
    { name: "hostflame_api_recordings", help: "Recordings asked for over HTTP that are under way" },
    () => recordings.running,
  );
  gauge(
    { name: "hostflame_api_recordings_bytes", help: "Samples that those recordings hold, bytes" },
    () => recordings.bytes,
  );
  counter(
    {
      name: "hostflame_api_recordings_ended_total",
      help: "Recordings asked for over HTTP, by why they ended",
      labels: ["end"],
    },
    () => rowsBy("end", Object.entries(recordings.ended)),
  );
  counter(
    {
      name: "hostflame_api_late_samples_total",
      help: "Samples missing in a recording because the unwind rows of their files came too late; windows have them",
    },
    () => recordings.lateSamples,
  );
  gauge({ name: "hostflame_api_kept_profiles", help: "Profiles of past windows kept in memory" }, () => kept.size);
  gauge({ name: "hostflame_api_kept_bytes", help: "Memory that they take, bytes" }, () => kept.bytes);
}
