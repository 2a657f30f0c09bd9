/** Bit numbers of the capabilities that profiling can use (include/uapi/linux/capability.h). */
const BITS = {
  CAP_DAC_READ_SEARCH: 2,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_RESOURCE: 24,
  CAP_SYSLOG: 34,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
  CAP_CHECKPOINT_RESTORE: 40,
} as const;

export type Capability = keyof typeof BITS;

/** The effective ones among {@link Capability}, from the text of /proc/PID/status; none when the line is missing. */
export function effectiveCapabilities(status: string): ReadonlySet<Capability> {
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]{1,16})$/m.exec(status)?.[1] ?? "0"}`);
  const names = Object.keys(BITS) as Capability[];
  return new Set(names.filter((name) => (mask >> BigInt(BITS[name])) & 1n));
}
