import type { HttpAnswer, HttpRoutes } from "../http/server.js";
import type { MetricRegistry } from "../metrics/registry.js";
import type { AgentHealth } from "./health.js";

/** What the agent answers over HTTP. */
export function agentRoutes(health: AgentHealth, metrics: MetricRegistry): HttpRoutes {
  return {
    "/metrics": async () => ({ status: 200, contentType: metrics.contentType, body: await metrics.text() }),
    "/healthz": () => {
      const problem = health.liveness?.problem();
      return problem === undefined ? json(200, { alive: true }) : json(503, { alive: false, problem });
    },
    "/readyz": () => {
      const report = health.report();
      return json(report.ready ? 200 : 503, report);
    },
  };
}

function json(status: number, value: unknown): HttpAnswer {
  return { status, contentType: "application/json; charset=utf-8", body: `${JSON.stringify(value, null, 2)}\n` };
}
