import { registerHealth } from "../metrics/health.js";
import { registerProcess } from "../metrics/process.js";
import type { MetricRegistry } from "../metrics/registry.js";
import { registerWorker } from "../metrics/worker.js";
import { TOOL_VERSION } from "../model/tool.js";
import type { LoopDelay } from "../util/loop-delay.js";
import type { AgentHealth } from "./health.js";

export interface OwnMetricsSource {
  readonly health: AgentHealth;
  readonly loopDelay: LoopDelay;
  readonly worker: {
    readonly busySeconds: ReadonlyMap<string, number>;
    readonly waitingCalls: number;
    readonly deaths: number;
  };
  readonly logLinesDropped: () => number;
}

/** What there is to tell of the agent before it samples. */
export function registerOwnMetrics(registry: MetricRegistry, source: OwnMetricsSource): void {
  const { health, loopDelay, worker, logLinesDropped } = source;
  registerProcess(registry, {
    version: TOOL_VERSION,
    loopDelaySeconds: () => loopDelay.worstMs / 1000,
    logLinesDropped,
  });
  registerWorker(registry, {
    busySeconds: () => worker.busySeconds,
    waitingCalls: () => worker.waitingCalls,
    deaths: () => worker.deaths,
  });
  registerHealth(registry, {
    alive: () => health.liveness?.problem() === undefined,
    ready: () => health.report().ready,
    parts: () => Object.entries(health.report().parts).map(([part, { state }]) => [part, state] as const),
  });
}
