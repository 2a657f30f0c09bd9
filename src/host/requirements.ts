import type { Capability } from "./capabilities.js";
import type { HostFacts, LoadOutcome } from "./facts.js";
import { bpfSymbolsProblem, kernelSymbolsProblem, type SymbolsProblem } from "./kernel-symbols.js";

/** "missing": nothing can be recorded. "warn": it works, and something is worse for it. */
export type FindingStatus = "ok" | "warn" | "missing";

export interface Finding {
  /** Stable, for scripts. */
  readonly id: string;
  readonly title: string;
  readonly status: FindingStatus;
  /** What is the case here. */
  readonly found: string;
  /** What to do; "" when the status is ok. */
  readonly advice: string;
}

type Verdict = Pick<Finding, "status" | "found" | "advice">;

interface Requirement {
  readonly id: string;
  readonly title: string;
  readonly judge: (facts: HostFacts) => Verdict;
}

/** Debian's and Ubuntu's patch refuses perf_event_open from this level on to all but CAP_SYS_ADMIN. */
const PARANOID_DISTRIBUTION_LEVEL = 3;
/** Linux 5.11 accounts BPF memory to the memory cgroup; before, maps count as locked memory. */
const MEMLOCK_FREE_VERSION: Version = [5, 11];
const LEAST_VERSION: Version = [5, 10];
const MAPLE_TREE_VERSION: Version = [6, 1];
/** Ring, tables and maps at their defaults. */
const LOCKED_MEMORY_NEEDED = 128 * 1024 ** 2;
/** The frequency that is sampled at unless told otherwise. */
const DEFAULT_FREQUENCY_HZ = 99;

/** The one table of what is looked at, in the order in which a person would mend it. */
const requirements: readonly Requirement[] = [
  {
    id: "kernel-version",
    title: "kernel",
    judge: ({ release }) =>
      atLeast(release, LEAST_VERSION)
        ? ok(`Linux ${release}`)
        : missing(`Linux ${release}`, "boot Linux 5.10 or later: earlier kernels have no BPF ring buffer"),
  },
  {
    id: "architecture",
    title: "processor",
    judge: ({ architecture }) =>
      architecture === "x64" || architecture === "arm64"
        ? ok(architecture === "x64" ? "x86-64" : "arm64")
        : missing(architecture, "use a machine with an x86-64 or arm64 processor"),
  },
  {
    id: "btf",
    title: "kernel type information",
    judge: ({ btf }) =>
      btf
        ? ok("/sys/kernel/btf/vmlinux")
        : missing(
            "there is no /sys/kernel/btf/vmlinux",
            "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, as those of Debian 11, Ubuntu 20.10, Fedora 31 and RHEL 8.2 and later are",
          ),
  },
  {
    id: "bpf",
    title: "right to load BPF programs",
    judge: ({ capabilities }) => holdsOrRoot(capabilities, "CAP_BPF", "load BPF programs"),
  },
  { id: "perf-events", title: "right to sample all CPUs", judge: judgePerfEvents },
  {
    id: "pid-namespace",
    title: "pid namespace",
    judge: ({ hostPidNamespace }) =>
      hostPidNamespace === false
        ? missing(
            "not the host's",
            "start in the host's pid namespace: docker run --pid=host, or hostPID: true in a pod",
          )
        : ok(hostPidNamespace === true ? "the host's" : "unknown"),
  },
  {
    id: "lockdown",
    title: "kernel lockdown",
    judge: ({ lockdown }) =>
      lockdown === "confidentiality"
        ? missing("confidentiality", "boot with lockdown=integrity or none: BPF may not read kernel memory otherwise")
        : ok(lockdown ?? "none"),
  },
  { id: "locked-memory", title: "locked memory", judge: judgeLockedMemory },
  {
    id: "other-processes",
    title: "right to look into other processes",
    judge: ({ capabilities }) =>
      degraded(capabilities, ["CAP_SYS_PTRACE"], "the files that other users' processes run cannot be opened"),
  },
  {
    id: "mapped-files",
    title: "right to open mapped files",
    judge: ({ capabilities }) =>
      degraded(
        capabilities,
        ["CAP_CHECKPOINT_RESTORE", "CAP_SYS_ADMIN"],
        "deleted files and files of other mount namespaces cannot be opened",
      ),
  },
  {
    id: "unreadable-files",
    title: "right to read every file",
    judge: ({ capabilities }) =>
      degraded(capabilities, ["CAP_DAC_READ_SEARCH"], "executables that only their owner may read stay without names"),
  },
  {
    id: "kernel-symbols",
    title: "kernel symbols",
    judge: (facts) => symbolsVerdict(kernelSymbolsProblem(facts), "/proc/kallsyms shows addresses"),
  },
  {
    id: "bpf-symbols",
    title: "symbols of BPF programs",
    judge: (facts) => symbolsVerdict(bpfSymbolsProblem(facts), "in /proc/kallsyms unless someone turned them off"),
  },
  {
    id: "bpf-jit",
    title: "BPF compiler",
    judge: ({ bpfJitEnabled }) =>
      bpfJitEnabled === 0
        ? warn("off: each sample costs several times more", "sysctl net.core.bpf_jit_enable=1")
        : ok(bpfJitEnabled === undefined ? "not readable; on unless someone turned it off" : "on"),
  },
  {
    id: "sample-rate",
    title: "highest sample rate",
    judge: ({ perfEventMaxSampleRate: rate }) =>
      rate !== undefined && rate < DEFAULT_FREQUENCY_HZ
        ? warn(`${rate} Hz`, "sysctl kernel.perf_event_max_sample_rate=1000, or record with a lower --frequency")
        : ok(rate === undefined ? "unknown" : `${rate} Hz`),
  },
  {
    id: "mapping-tree",
    title: "how mappings are found",
    judge: ({ release }) => ok(atLeast(release, MAPLE_TREE_VERSION) ? "maple tree" : "red-black tree"),
  },
  {
    id: "cpus",
    title: "CPUs",
    judge: ({ onlineCpus, possibleCpus }) => ok(`${onlineCpus} online, ${possibleCpus} possible`),
  },
  { id: "cgroups", title: "control groups mounted", judge: ({ cgroups }) => ok(cgroups) },
  {
    id: "cgroup-hierarchy",
    title: "how containers are told",
    judge: ({ cgroupHierarchy: hierarchy }) =>
      hierarchy === undefined
        ? warn("/proc/self/cgroup names no control group", "boot a kernel built with CONFIG_CGROUPS=y")
        : ok(hierarchy === "v2" ? "by cgroup v2" : `by the ${hierarchy} hierarchy of cgroup v1`),
  },
];

/** Judges everything but the loading of the programs. */
export function judgeHost(facts: HostFacts): readonly Finding[] {
  return requirements.map(({ id, title, judge }) => ({ id, title, ...judge(facts) }));
}

/** What came of trying to load the programs; its advice is in the reason, which the kernel gave. */
export function judgeLoad(outcome: LoadOutcome): Finding {
  const row = { id: "programs", title: "BPF programs" };
  switch (outcome.kind) {
    case "loaded":
      return { ...row, ...ok(outcome.detail) };
    case "refused":
      return { ...row, ...missing("not loaded", outcome.reason) };
    case "not-tried":
      return { ...row, ...warn("not tried", outcome.reason) };
  }
}

function judgePerfEvents({ capabilities, perfEventParanoid: level }: HostFacts): Verdict {
  if (capabilities.has("CAP_SYS_ADMIN")) return ok("CAP_SYS_ADMIN");
  if (!capabilities.has("CAP_PERFMON")) return holdsOrRoot(capabilities, "CAP_PERFMON", "sample all CPUs");
  if (level === undefined || level < PARANOID_DISTRIBUTION_LEVEL) return ok("CAP_PERFMON");
  return missing(
    `CAP_PERFMON does not suffice while kernel.perf_event_paranoid is ${level}`,
    "sysctl kernel.perf_event_paranoid=2, or give CAP_SYS_ADMIN",
  );
}

function judgeLockedMemory({ release, capabilities, lockedMemoryLimit: limit }: HostFacts): Verdict {
  if (atLeast(release, MEMLOCK_FREE_VERSION)) return ok("BPF memory does not count on this kernel");
  if (capabilities.has("CAP_SYS_RESOURCE")) return ok("raised as needed (CAP_SYS_RESOURCE)");
  if (limit === undefined || limit >= LOCKED_MEMORY_NEEDED) return ok("the limit suffices");
  return missing(
    `limited to ${Math.floor(limit / 1024)} KiB, and BPF maps count on Linux ${release}`,
    "ulimit -l unlimited, or give CAP_SYS_RESOURCE",
  );
}

function holdsOrRoot(held: ReadonlySet<Capability>, capability: Capability, purpose: string): Verdict {
  if (held.has(capability)) return ok(capability);
  if (held.has("CAP_SYS_ADMIN")) return ok("CAP_SYS_ADMIN");
  return missing(`this process may not ${purpose}`, `run as root (sudo), or give ${capability}`);
}

function degraded(held: ReadonlySet<Capability>, oneOf: readonly Capability[], consequence: string): Verdict {
  const sufficient = oneOf.find((capability) => held.has(capability));
  if (sufficient !== undefined) return ok(sufficient);
  return warn(consequence, `run as root, or give ${oneOf.join(" or ")}`);
}

function symbolsVerdict(problem: SymbolsProblem | undefined, found: string): Verdict {
  return problem === undefined ? ok(found) : warn(problem.found, problem.advice);
}

type Version = readonly [major: number, minor: number];

function atLeast(release: string, [major, minor]: Version): boolean {
  const [, actualMajor = "0", actualMinor = "0"] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return Number(actualMajor) > major || (Number(actualMajor) === major && Number(actualMinor) >= minor);
}

function ok(found: string): Verdict {
  return { status: "ok", found, advice: "" };
}

function warn(found: string, advice: string): Verdict {
  return { status: "warn", found, advice };
}

function missing(found: string, advice: string): Verdict {
  return { status: "missing", found, advice };
}
