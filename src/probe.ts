import { Sampler } from "./capture/sampler.js";
import { hostCgroupHierarchy } from "./host/cgroup-hierarchy.js";
import type { LoadOutcome } from "./host/facts.js";
import { loadNative } from "./native/load.js";

const RING_BYTES = 1 << 20;

/**
 * Composition root of the check's last row: loads the real programs, attaches them, takes them out again. Throws a
 * NativeError where the kernel refuses.
 */
export function probeLoad(): LoadOutcome {
  const start = performance.now();
  const options = {
    frequencyHz: 19,
    ringBytes: RING_BYTES,
    executables: 16,
    pids: [],
    comms: [],
    hierarchy: hostCgroupHierarchy(),
    defaultDivisor: 1,
  };
  const sampler = new Sampler(loadNative(), options, () => undefined);
  try {
    sampler.start();
    const ms = Math.round(performance.now() - start);
    return { kind: "loaded", detail: `loaded, and attached to ${sampler.cpus} CPUs, in ${ms} ms` };
  } finally {
    sampler.stop();
    sampler.close();
  }
}
