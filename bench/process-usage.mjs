/**
 * What a profiler costs, read from the kernel and not from the profiler: the same for ours and for its peers.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const MIB = 1024 * 1024;

function read(path) {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // it ended meanwhile
  }
}

function list(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** The process and all that it started, however deep. */
export function processTree(root) {
  const children = new Map();
  for (const name of list("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = [root];
  for (let index = 0; index < tree.length; index++) tree.push(...(children.get(tree[index]) ?? []));
  return tree;
}

/** CPU time of all threads, those that have ended too, nanoseconds in steps of 10 ms: what the scheduler has counted, not ticks. */
export function cpuNs(pid) {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 1e7;
}

function statusKiB(pid, field) {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
}

function programStatistics(id) {
  try {
    const found = JSON.parse(execFileSync("bpftool", ["-j", "prog", "show", "id", String(id)], { encoding: "utf8" }));
    return { runs: found.run_cnt ?? 0, ns: found.run_time_ns ?? 0 };
  } catch {
    return { runs: 0, ns: 0 };
  }
}

/** BPF maps and programs that the process holds open, by id: their memory, runs and run time (kernel.bpf_stats_enabled). */
function bpfObjects(pid) {
  const maps = new Map();
  const programs = new Map();
  for (const fd of list(`/proc/${pid}/fd`)) {
    let target = "";
    try {
      target = readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      continue;
    }
    if (!target.startsWith("anon_inode:bpf")) continue;
    const info = read(`/proc/${pid}/fdinfo/${fd}`);
    const field = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)$`, "m").exec(info)?.[1] ?? 0);
    if (target.includes("bpf-map")) maps.set(field("map_id"), field("memlock"));
    else if (target.includes("bpf-prog")) {
      programs.set(field("prog_id"), { runs: field("run_cnt"), ns: field("run_time_ns") });
    } else if (target.includes("bpf_link") || target.includes("bpf-link")) {
      // Some keep the link only, and close the program.
      const id = field("prog_id");
      if (!programs.has(id)) programs.set(id, programStatistics(id));
    }
  }
  return { maps, programs };
}

/**
 * Of a process and all below it.
 * @returns {{ cpuNs: number, rssMiB: number, peakRssMiB: number, mapMiB: number, bpfRuns: number, bpfNs: number }}
 */
export function usageOf(root) {
  const usage = { cpuNs: 0, rssMiB: 0, peakRssMiB: 0, mapMiB: 0, bpfRuns: 0, bpfNs: 0 };
  const maps = new Map();
  const programs = new Map();
  for (const pid of processTree(root)) {
    usage.cpuNs += cpuNs(pid);
    usage.rssMiB += statusKiB(pid, "VmRSS") / 1024;
    usage.peakRssMiB += statusKiB(pid, "VmHWM") / 1024;
    const held = bpfObjects(pid);
    for (const [id, bytes] of held.maps) maps.set(id, bytes);
    for (const [id, program] of held.programs) programs.set(id, program);
  }
  for (const bytes of maps.values()) usage.mapMiB += bytes / MIB;
  for (const { runs, ns } of programs.values()) {
    usage.bpfRuns += runs;
    usage.bpfNs += ns;
  }
  return usage;
}

/** Seconds that the machine's CPUs were not idle since boot, without what was stolen from them. */
export function busySeconds() {
  const [, user, nice, system, , , irq, softirq] = read("/proc/stat").split("\n")[0].split(/\s+/).map(Number);
  return (user + nice + system + irq + softirq) / 100;
}

/** Turns the kernel's BPF statistics on for a while; returns what turns them back. */
export async function enableBpfStatistics() {
  const { readFileSync: get, writeFileSync: set } = await import("node:fs");
  const path = "/proc/sys/kernel/bpf_stats_enabled";
  const before = get(path, "latin1").trim();
  set(path, "1");
  return () => set(path, before);
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
