import type { MetricRegistry, MetricRow } from "./registry.js";

export interface HealthSource {
  /** What /healthz and /readyz say. */
  readonly alive: () => boolean;
  readonly ready: () => boolean;
  /** Parts of the agent, such as "runtimes" or "exporter file", and whether each is "ok", "starting", "degraded" or "off". */
  readonly parts: () => Iterable<readonly [part: string, state: string]>;
}

/** What a probe sees, for whoever looks at all nodes at once. */
export function registerHealth({ gauge }: MetricRegistry, source: HealthSource): void {
  gauge({ name: "hostflame_health_alive", help: "1 while /healthz says that the agent does its work, else 0" }, () =>
    Number(source.alive()),
  );
  gauge({ name: "hostflame_health_ready", help: "1 while /readyz says that the agent samples, else 0" }, () =>
    Number(source.ready()),
  );
  gauge(
    {
      name: "hostflame_health_part",
      help: "1 for the state that a part of the agent is in, ok, starting, degraded or off; /readyz says why",
      labels: ["part", "state"],
    },
    () => Array.from(source.parts(), ([part, state]): MetricRow => [{ part, state }, 1]),
  );
}
