import type { MetricRegistry } from "./registry.js";
import { rowsBy } from "./registry.js";

export interface WorkerSource {
  readonly busySeconds: () => Iterable<readonly [call: string, seconds: number]>;
  readonly waitingCalls: () => number;
  readonly deaths: () => number;
}

/** The thread that reads files. */
export function registerWorker({ counter, gauge }: MetricRegistry, source: WorkerSource): void {
  counter(
    {
      name: "hostflame_worker_busy_seconds_total",
      help: "Time that the worker thread took to answer, by what it was asked",
      labels: ["call"],
    },
    () => rowsBy("call", source.busySeconds()),
  );
  gauge({ name: "hostflame_worker_waiting_calls", help: "Calls that wait for the worker thread" }, source.waitingCalls);
  counter(
    { name: "hostflame_worker_deaths_total", help: "Times that the worker thread died of a file it read" },
    source.deaths,
  );
}
