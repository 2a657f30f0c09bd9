import type { LoadOutcome } from "./host/facts.js";

/** Placeholder until the session is wired. */
export function probeLoad(): Promise<LoadOutcome> {
  return Promise.resolve({ kind: "not-tried", reason: "this build has no BPF programs" });
}
