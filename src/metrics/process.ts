import type { MetricRegistry } from "./registry.js";

export interface ProcessSource {
  readonly version: string;
  /** The longest that the event loop was late within the last minute, seconds. */
  readonly loopDelaySeconds: () => number;
  readonly workerDeaths: () => number;
  readonly logLinesDropped: () => number;
}

/** Whole milliseconds are what the kernel counts a thread's time in, at best. */
const MICROSECONDS = 1e6;

export function registerProcess(registry: MetricRegistry, source: ProcessSource): void {
  registry.gauge(
    { name: "hostflame_agent_info", help: "Always 1; its labels say what runs", labels: ["version", "node_version"] },
    () => [[{ version: source.version, node_version: process.versions.node }, 1]],
  );
  registry.counter(
    {
      name: "hostflame_agent_cpu_seconds_total",
      help: "CPU time of the agent's own process, user and system; what BPF programs take is not in it",
      labels: ["mode"],
    },
    () => {
      const { user, system } = process.cpuUsage();
      return [
        [{ mode: "user" }, user / MICROSECONDS],
        [{ mode: "system" }, system / MICROSECONDS],
      ];
    },
  );
  registry.gauge(
    { name: "hostflame_agent_resident_memory_bytes", help: "Resident memory of the agent's own process" },
    () => process.memoryUsage.rss(),
  );
  registry.gauge({ name: "hostflame_agent_uptime_seconds", help: "Time since the agent was started" }, () =>
    process.uptime(),
  );
  registry.gauge(
    {
      name: "hostflame_agent_loop_delay_seconds",
      help: "The longest that the event loop was late within the last minute",
    },
    source.loopDelaySeconds,
  );
  registry.counter(
    { name: "hostflame_agent_worker_deaths_total", help: "Times that the worker thread died of a file it read" },
    source.workerDeaths,
  );
  registry.counter(
    {
      name: "hostflame_agent_log_lines_dropped_total",
      help: "Log lines left out because nobody read those before them",
    },
    source.logLinesDropped,
  );
}
