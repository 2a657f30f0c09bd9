import { readdirSync, readFileSync } from "node:fs";
import { machine, release } from "node:os";
import type { MetricRegistry } from "./registry.js";

export interface ProcessSource {
  readonly version: string;
  /** The longest that the event loop was late within the last minute, seconds. */
  readonly loopDelaySeconds: () => number;
  readonly logLinesDropped: () => number;
}

/** Whole milliseconds are what the kernel counts a thread's time in, at best. */
const MICROSECONDS = 1e6;

export function registerProcess({ counter, gauge }: MetricRegistry, source: ProcessSource): void {
  gauge(
    {
      name: "hostflame_agent_info",
      help: "Always 1; its labels say what runs on what",
      labels: ["version", "node_version", "kernel", "machine"],
      maxRows: 1,
    },
    () => {
      const { node } = process.versions;
      return [[{ version: source.version, node_version: node, kernel: release(), machine: machine() }, 1]];
    },
  );
  counter(
    {
      name: "hostflame_agent_cpu_seconds_total",
      help: "CPU time of the agent's own process, user and system; what BPF programs take is not in it",
      labels: ["mode"],
      maxRows: 2,
    },
    () => {
      const { user, system } = process.cpuUsage();
      return [
        [{ mode: "user" }, user / MICROSECONDS],
        [{ mode: "system" }, system / MICROSECONDS],
      ];
    },
  );
  gauge({ name: "hostflame_agent_resident_memory_bytes", help: "Resident memory of the agent's own process" }, () =>
    process.memoryUsage.rss(),
  );
  gauge(
    {
      name: "hostflame_agent_heap_bytes",
      help: "Memory that the main thread's JavaScript holds, by kind: used of its heap, the rest of it, and outside",
      labels: ["kind"],
      maxRows: 3,
    },
    () => {
      const { heapUsed, heapTotal, external } = process.memoryUsage();
      return [
        [{ kind: "used" }, heapUsed],
        [{ kind: "free" }, Math.max(0, heapTotal - heapUsed)],
        [{ kind: "external" }, external],
      ];
    },
  );
  gauge({ name: "hostflame_agent_open_files", help: "Files that the agent has open" }, () => openFiles());
  gauge({ name: "hostflame_agent_open_files_limit", help: "Files that it may have open" }, () => openFilesLimit());
  gauge({ name: "hostflame_agent_uptime_seconds", help: "Time since the agent was started" }, () => process.uptime());
  gauge(
    {
      name: "hostflame_agent_time_seconds",
      help: "This node's wall clock at the scrape, since the epoch: profiles are filed under it",
    },
    () => Date.now() / 1000,
  );
  gauge(
    {
      name: "hostflame_agent_loop_delay_seconds",
      help: "The longest that the event loop was late within the last minute",
    },
    source.loopDelaySeconds,
  );
  counter(
    {
      name: "hostflame_agent_log_lines_dropped_total",
      help: "Log lines left out because nobody read those before them",
    },
    source.logLinesDropped,
  );
}

function openFiles(): number {
  return readdirSync("/proc/self/fd").length - 1; // the folder's own
}

/** The soft limit; Infinity where there is none. */
function openFilesLimit(): number {
  const limit = /^Max open files\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1] ?? "unlimited";
  return limit === "unlimited" ? Infinity : Number(limit);
}
