import type { DeployedAgent } from "../agent.js";
import type { Cluster } from "../kit.js";

/** What the suites of one deployed agent share. */
export interface AgentContext {
  readonly cluster: Cluster;
  readonly agent: DeployedAgent;
  /** "http://10.244.0.7:9177" */
  readonly address: string;
}

/** Windows of the agents under test; a whole one is waited for where something has to be in the files. */
export const WINDOW_MS = 5000;
/** Naming, encoding and writing of a window, on a machine that does all the rest as well. */
export const WRITE_MS = 10_000;
/** How much of a pod's samples may be without the pod. */
export const UNLABELLED = 0.005;

/** Past the next end of a window, so that what follows has one of its own. */
export function untilNextWindow(): number {
  return WINDOW_MS - (Date.now() % WINDOW_MS) + 200;
}
