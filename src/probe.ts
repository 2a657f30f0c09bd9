import { Sampler } from "./capture/sampler.js";
import type { LoadOutcome } from "./host/facts.js";
import { loadNative } from "./native/load.js";

/** As small as the maps can be: what is asked is whether the kernel takes the programs. */
const OPTIONS = { frequencyHz: 1, ringBytes: 512 << 10, executables: 16, pids: [], comms: [] };

/**
 * Loads the BPF programs and begins to sample on every CPU, then takes all of it back: no list of kernel features is
 * as sure as trying. Throws what the kernel answered.
 */
export function probeLoad(): LoadOutcome {
  const sampler = new Sampler(loadNative(), OPTIONS, () => undefined);
  try {
    sampler.start();
    const { cpus } = sampler;
    const programs = Object.keys(sampler.session.programStats()).length;
    sampler.stop();
    return { kind: "loaded", detail: `${programs} loaded, attached to ${cpus} CPUs` };
  } finally {
    sampler.close();
  }
}
