import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findingsJson, findingsTable } from "#src/cli/check.js";
import type { Capability } from "#src/host/capabilities.js";
import type { HostFacts } from "#src/host/facts.js";
import { kernelSymbolsProblem } from "#src/host/kernel-symbols.js";
import { judgeHost, judgeLoad } from "#src/host/requirements.js";

const ALL: readonly Capability[] = [
  "CAP_DAC_READ_SEARCH",
  "CAP_SYS_PTRACE",
  "CAP_SYS_ADMIN",
  "CAP_SYS_RESOURCE",
  "CAP_SYSLOG",
  "CAP_PERFMON",
  "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
];

/** root on Debian 12's own kernel, where everything is as it should be. */
const root: HostFacts = {
  release: "6.1.0-50-amd64",
  architecture: "x64",
  btf: true,
  capabilities: new Set(ALL),
  perfEventParanoid: 3,
  perfEventMaxSampleRate: 100_000,
  kernelSymbols: true,
  kptrRestrict: 0,
  hostPidNamespace: true,
  bpfJitEnabled: 1,
  bpfJitHarden: 0,
  bpfJitKallsyms: 1,
  lockdown: "none",
  lockedMemoryLimit: 8 * 2 ** 20,
  cgroups: "v2",
  cgroupHierarchy: "v2",
  onlineCpus: 2,
  possibleCpus: 2,
};

const nobody: HostFacts = { ...root, capabilities: new Set(), kernelSymbols: false, bpfJitEnabled: undefined };

/** The rows that are not ok, as "id status". */
function complaints(facts: HostFacts): readonly string[] {
  return judgeHost(facts)
    .filter(({ status }) => status !== "ok")
    .map(({ id, status }) => `${id} ${status}`);
}

function withCapabilities(...names: readonly Capability[]): HostFacts {
  return { ...root, capabilities: new Set(names) };
}

const DEGRADED = ["other-processes warn", "mapped-files warn", "unreadable-files warn"];

describe("a host", () => {
  for (const [title, facts, expected] of [
    ["with root on Debian 12", root, []],
    ["with root on arm64", { ...root, architecture: "arm64" }, []],
    ["of Linux 5.10 with root", { ...root, release: "5.10.0-32-amd64" }, []],
    ["of Linux 5.4", { ...root, release: "5.4.0-150-generic" }, ["kernel-version missing"]],
    ["of Linux 4.18", { ...root, release: "4.18.0-553.el8_10.x86_64" }, ["kernel-version missing"]],
    ["without BTF", { ...root, btf: false }, ["btf missing"]],
    ["of another architecture", { ...root, architecture: "riscv64" }, ["architecture missing"]],
    ["without rights", nobody, ["bpf missing", "perf-events missing", ...DEGRADED, "kernel-symbols warn"]],
    [
      "with CAP_BPF and CAP_PERFMON, and Debian's paranoia",
      withCapabilities("CAP_BPF", "CAP_PERFMON"),
      ["perf-events missing", ...DEGRADED],
    ],
    [
      "with CAP_BPF and CAP_PERFMON, and the usual paranoia",
      { ...withCapabilities("CAP_BPF", "CAP_PERFMON"), perfEventParanoid: 2 },
      DEGRADED,
    ],
    [
      "of Linux 5.10 with little locked memory",
      {
        ...withCapabilities("CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"),
        release: "5.10.0",
        lockedMemoryLimit: 65_536,
      },
      ["locked-memory missing"],
    ],
    ["in a container's pid namespace", { ...root, hostPidNamespace: false }, ["pid-namespace missing"]],
    ["locked down for integrity", { ...root, lockdown: "integrity" }, []],
    ["locked down for confidentiality", { ...root, lockdown: "confidentiality" }, ["lockdown missing"]],
    [
      "that hides kernel addresses from root",
      { ...root, kernelSymbols: false, kptrRestrict: 2 },
      ["kernel-symbols warn"],
    ],
    ["that hardens its BPF compiler", { ...root, bpfJitHarden: 2 }, ["bpf-symbols warn"]],
    ["that lists no BPF programs", { ...root, bpfJitKallsyms: 0 }, ["bpf-symbols warn"]],
    ["that does not say so", { ...root, bpfJitHarden: undefined, bpfJitKallsyms: undefined }, []],
    ["without the BPF compiler", { ...root, bpfJitEnabled: 0 }, ["bpf-jit warn"]],
    ["without control groups", { ...root, cgroups: "none", cgroupHierarchy: undefined }, ["cgroup-hierarchy warn"]],
    ["that samples slowly", { ...root, perfEventMaxSampleRate: 50 }, ["sample-rate warn"]],
  ] satisfies readonly (readonly [string, HostFacts, readonly string[]])[]) {
    it(title, () => assert.deepEqual(complaints(facts), expected));
  }

  it("has its containers told by cgroup v2, or by a controller of v1", () => {
    const told = (cgroupHierarchy: HostFacts["cgroupHierarchy"]) => {
      return judgeHost({ ...root, cgroupHierarchy }).find(({ id }) => id === "cgroup-hierarchy")?.found;
    };
    assert.equal(told("v2"), "by cgroup v2");
    assert.equal(told("cpuacct"), "by the cpuacct hierarchy of cgroup v1");
  });

  it("is told what lacks for the kernel's names, and only that", () => {
    const advice = (kptrRestrict: number | undefined, ...capabilities: Capability[]) =>
      kernelSymbolsProblem({ kernelSymbols: false, kptrRestrict, capabilities: new Set(capabilities) })?.advice;
    const otherwise = "; kernel frames stay bare addresses otherwise";
    assert.equal(advice(0), `run as root or with CAP_SYSLOG${otherwise}`);
    assert.equal(advice(1), `run as root or with CAP_SYSLOG${otherwise}`);
    assert.equal(advice(undefined), `run as root or with CAP_SYSLOG${otherwise}`);
    assert.equal(advice(2), `sysctl kernel.kptr_restrict=1, and run as root or with CAP_SYSLOG${otherwise}`);
    assert.equal(advice(2, "CAP_SYSLOG"), `sysctl kernel.kptr_restrict=1${otherwise}`);
    assert.match(advice(1, "CAP_SYSLOG") ?? "", /^run in the host's user namespace/);
    assert.equal(kernelSymbolsProblem(root), undefined);
  });

  it("is told what to do about each complaint, and only about those", () => {
    for (const { status, advice } of [...judgeHost(nobody), ...judgeHost(root)]) {
      assert.equal(advice === "", status === "ok");
    }
  });
});

describe("hostflame check", () => {
  it("prints a table that a person reads", () => {
    const findings = [...judgeHost(nobody).slice(2, 5), judgeLoad({ kind: "refused", reason: "Run as root." })];
    assert.equal(
      findingsTable(findings, false, false),
      `ok       kernel type information     /sys/kernel/btf/vmlinux
missing  right to load BPF programs  this process may not load BPF programs
                                     → run as root (sudo), or give CAP_BPF
missing  right to sample all CPUs    this process may not sample all CPUs
                                     → run as root (sudo), or give CAP_PERFMON
missing  BPF programs                not loaded
                                     → Run as root.

This machine cannot be profiled yet: 3 things missing.
`,
    );
  });

  it("colours the status alone", () => {
    const [finding] = judgeHost(root);
    assert.ok(findingsTable([finding], true, true).startsWith("\u001b[32mok     \u001b[0m  kernel  Linux"));
  });

  it("prints JSON whose shape scripts can rely on", () => {
    const findings = [judgeLoad({ kind: "loaded", detail: "3 programs" })];
    assert.deepEqual(JSON.parse(findingsJson(findings, true)), {
      schema: 1,
      ok: true,
      findings: [{ id: "programs", title: "BPF programs", status: "ok", found: "3 programs", advice: "" }],
    });
  });

  it("gives every finding an id of its own", () => {
    const ids = judgeHost(root).map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
  });
});
