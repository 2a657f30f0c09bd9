import { readFileSync } from "node:fs";

export const DASHBOARD_FILE = "deploy/dashboards/hostflame.json";

interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly datasource: { readonly type: string; readonly uid: string };
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly Target[];
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
  readonly panels: readonly Panel[];
}

export function readDashboard(): Dashboard {
  return JSON.parse(readFileSync(DASHBOARD_FILE, "utf8")) as Dashboard;
}

/** What a panel asks, as Grafana sends it when all is chosen. */
export function queriesOf({ targets = [] }: Panel, rateInterval: string): readonly string[] {
  return targets.map(({ expr }) =>
    expr.replaceAll("$__rate_interval", rateInterval).replaceAll("$cluster", ".*").replaceAll("$node", ".*"),
  );
}
