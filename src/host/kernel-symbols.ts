import type { HostFacts, SymbolFacts } from "./facts.js";

type BpfSymbolFacts = Pick<HostFacts, "bpfJitHarden" | "bpfJitKallsyms">;

/** What is the case, and what to do about it. */
export interface SymbolsProblem {
  readonly found: string;
  readonly advice: string;
}

/** From this level on the kernel shows addresses to nobody. */
const KPTR_NOBODY = 2;

/**
 * Why the kernel's functions have no names, undefined when they have. The kernel's own rule (kallsyms_show_value): with
 * kptr_restrict 0 or 1 who has CAP_SYSLOG sees addresses, with 0 everybody while perf_event_paranoid is 1 or less, with 2 nobody.
 */
export function kernelSymbolsProblem(facts: SymbolFacts): SymbolsProblem | undefined {
  const { kernelSymbols, kptrRestrict, capabilities } = facts;
  if (kernelSymbols) return undefined;
  const found = `/proc/kallsyms hides addresses (kernel.kptr_restrict is ${kptrRestrict ?? "unknown"})`;
  const isHiddenFromAll = kptrRestrict !== undefined && kptrRestrict >= KPTR_NOBODY;
  const lacksRight = !capabilities.has("CAP_SYSLOG");
  const steps = [
    ...(isHiddenFromAll ? ["sysctl kernel.kptr_restrict=1"] : []),
    ...(lacksRight ? ["run as root or with CAP_SYSLOG"] : []),
  ];
  // The right counts in the first user namespace only, and a sandbox's kernel may have no such list at all.
  const todo =
    steps.length > 0 ? steps.join(", and ") : "run in the host's user namespace, under the host's own kernel";
  return { found, advice: `${todo}; kernel frames stay bare addresses otherwise` };
}

/** Why BPF programs have no names though the kernel's own functions have (bpf_jit_kallsyms_enabled, include/linux/filter.h). */
export function bpfSymbolsProblem({ bpfJitHarden, bpfJitKallsyms }: BpfSymbolFacts): SymbolsProblem | undefined {
  if (bpfJitHarden !== undefined && bpfJitHarden > 0) {
    return {
      found: `left out of /proc/kallsyms, for net.core.bpf_jit_harden is ${bpfJitHarden}`,
      advice:
        "sysctl net.core.bpf_jit_harden=0 where that may be; frames of BPF programs stay bare addresses otherwise",
    };
  }
  if (bpfJitKallsyms === 0) {
    return {
      found: "left out of /proc/kallsyms, for net.core.bpf_jit_kallsyms is 0",
      advice: "sysctl net.core.bpf_jit_kallsyms=1; frames of BPF programs stay bare addresses otherwise",
    };
  }
  return undefined;
}
