import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { arch, release } from "node:os";
import type { CgroupHierarchy } from "../model/cgroup.js";
import { type Capability, effectiveCapabilities } from "./capabilities.js";
import { findCgroupHierarchy } from "./cgroup-hierarchy.js";

/** Whether the kernel took the BPF programs; only trying tells. */
export type LoadOutcome =
  | { readonly kind: "loaded"; readonly detail: string }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "not-tried"; readonly reason: string };

/** What was found of one host, as data: rules judge it, tests write it down. Undefined is "could not be read". */
export interface HostFacts {
  /** uname -r. */
  readonly release: string;
  /** As Node names it: "x64", "arm64". */
  readonly architecture: string;
  /** The kernel describes its own types in /sys/kernel/btf/vmlinux. */
  readonly btf: boolean;
  readonly capabilities: ReadonlySet<Capability>;
  readonly perfEventParanoid: number | undefined;
  readonly perfEventMaxSampleRate: number | undefined;
  /** Addresses in /proc/kallsyms are shown, not zeros. */
  readonly kernelSymbols: boolean;
  readonly kptrRestrict: number | undefined;
  /** This process is in the host's own pid namespace. */
  readonly hostPidNamespace: boolean | undefined;
  readonly bpfJitEnabled: number | undefined;
  /** Above 0 the kernel lists no BPF programs among its symbols. */
  readonly bpfJitHarden: number | undefined;
  /** 1 when it lists them. */
  readonly bpfJitKallsyms: number | undefined;
  readonly lockdown: "none" | "integrity" | "confidentiality" | undefined;
  /** Soft limit of locked memory, bytes; Infinity when unlimited. */
  readonly lockedMemoryLimit: number | undefined;
  readonly cgroups: "v2" | "v1" | "v1 and v2" | "none";
  /** By whose cgroups samples are told apart. */
  readonly cgroupHierarchy: CgroupHierarchy | undefined;
  readonly onlineCpus: number;
  readonly possibleCpus: number;
}

/** inode of the initial pid namespace: PROC_PID_INIT_INO, the same on every kernel (include/linux/proc_ns.h). */
const INITIAL_PID_NAMESPACE = 4026531836;

/** What decides whether the kernel's functions have names. */
export type SymbolFacts = Pick<HostFacts, "kernelSymbols" | "kptrRestrict" | "capabilities">;

/** Of the host, that alone, for who asks often. */
export function gatherSymbolFacts(): SymbolFacts {
  return symbolFacts(readText("/proc/self/status") ?? "");
}

function symbolFacts(status: string): SymbolFacts {
  return {
    capabilities: effectiveCapabilities(status),
    kernelSymbols: showsAddresses(readText("/proc/kallsyms")),
    kptrRestrict: readNumber("/proc/sys/kernel/kptr_restrict"),
  };
}

/** Reads the host. Never throws: what cannot be read is itself a fact. */
export function gatherFacts(): HostFacts {
  const status = readText("/proc/self/status") ?? "";
  const online = countCpus(readText("/sys/devices/system/cpu/online"));
  return {
    release: release(),
    architecture: arch(),
    btf: existsSync("/sys/kernel/btf/vmlinux"),
    ...symbolFacts(status),
    perfEventParanoid: readNumber("/proc/sys/kernel/perf_event_paranoid"),
    perfEventMaxSampleRate: readNumber("/proc/sys/kernel/perf_event_max_sample_rate"),
    hostPidNamespace: inHostPidNamespace(),
    bpfJitEnabled: readNumber("/proc/sys/net/core/bpf_jit_enable"),
    bpfJitHarden: readNumber("/proc/sys/net/core/bpf_jit_harden"),
    bpfJitKallsyms: readNumber("/proc/sys/net/core/bpf_jit_kallsyms"),
    lockdown: parseLockdown(readText("/sys/kernel/security/lockdown")),
    lockedMemoryLimit: parseLockedMemoryLimit(readText("/proc/self/limits")),
    cgroups: findCgroups(),
    cgroupHierarchy: findCgroupHierarchy(),
    onlineCpus: online ?? 1,
    possibleCpus: countCpus(readText("/sys/devices/system/cpu/possible")) ?? online ?? 1,
  };
}

/** CPUs in a list such as "0-3,8,10-11"; undefined when it is none. */
export function countCpus(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,6}(-\d{1,6})?(,\d{1,6}(-\d{1,6})?)*\n?$/.test(text)) return undefined;
  let count = 0;
  for (const range of text.trim().split(",")) {
    const [first = 0, last = first] = range.split("-").map(Number);
    count += last - first + 1;
  }
  return count > 0 ? count : undefined;
}

/** The word in brackets of "none [integrity] confidentiality". */
export function parseLockdown(text: string | undefined): HostFacts["lockdown"] {
  const word = /\[(none|integrity|confidentiality)\]/.exec(text ?? "")?.[1];
  return word as HostFacts["lockdown"];
}

/** The soft limit in the "Max locked memory" line of /proc/PID/limits. */
export function parseLockedMemoryLimit(text: string | undefined): number | undefined {
  const limit = /^Max locked memory\s+(unlimited|\d+)/m.exec(text ?? "")?.[1];
  if (limit === undefined) return undefined;
  return limit === "unlimited" ? Number.POSITIVE_INFINITY : Number(limit);
}

/** /proc/kallsyms shows every address as zero to those who may not know it. */
export function showsAddresses(kallsyms: string | undefined): boolean {
  return /^0*[1-9a-f][0-9a-f]* /m.test(kallsyms ?? "");
}

function inHostPidNamespace(): boolean | undefined {
  try {
    return statSync("/proc/self/ns/pid").ino === INITIAL_PID_NAMESPACE;
  } catch {
    return undefined;
  }
}

function findCgroups(): HostFacts["cgroups"] {
  if (existsSync("/sys/fs/cgroup/cgroup.controllers")) return "v2";
  if (existsSync("/sys/fs/cgroup/unified/cgroup.controllers")) return "v1 and v2";
  return existsSync("/sys/fs/cgroup/cpu") || existsSync("/sys/fs/cgroup/memory") ? "v1" : "none";
}

function readNumber(path: string): number | undefined {
  const text = readText(path)?.trim();
  return text !== undefined && /^-?\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** The first page of a file: enough for each of these, and of kallsyms, which has ten megabytes, not more. */
function readText(path: string): string | undefined {
  try {
    const descriptor = openSync(path, "r");
    try {
      const page = Buffer.allocUnsafe(4096);
      return page.toString("latin1", 0, readSync(descriptor, page, 0, page.length, null));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined;
  }
}
