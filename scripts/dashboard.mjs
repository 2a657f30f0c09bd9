/*
 * node scripts/dashboard.mjs: writes deploy/dashboards/hostflame.json from scripts/dashboard-rows.mjs. Grafana's own
 * form repeats the same forty lines a panel; there a panel is what it asks and what that means.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { datasource } from "./dashboard-panels.mjs";
import { ROWS } from "./dashboard-rows.mjs";
import { root } from "./step.mjs";

export const DASHBOARD_FILE = "deploy/dashboards/hostflame.json";

const WIDTH = 24;

/** The dashboard as Grafana 10 and later import it. */
export function dashboard() {
  const panels = [];
  let y = 0;
  const next = () => panels.length + 1;
  for (const row of ROWS) {
    panels.push({
      id: next(),
      type: "row",
      title: row.title,
      collapsed: false,
      gridPos: { x: 0, y, w: WIDTH, h: 1 },
      panels: [],
    });
    y++;
    let x = 0;
    let height = 0;
    for (const { width, height: ownHeight, ...panel } of row.panels) {
      if (x + width > WIDTH) {
        x = 0;
        y += height;
        height = 0;
      }
      panels.push({ id: next(), ...panel, datasource, gridPos: { x, y, w: width, h: ownHeight } });
      x += width;
      height = Math.max(height, ownHeight);
    }
    y += height;
  }
  return {
    uid: "hostflame",
    title: "hostflame",
    description: "Whether every node is profiled, what is lost and why, what reaches the intakes, and what it costs.",
    tags: ["hostflame", "profiling"],
    editable: true,
    graphTooltip: 1,
    refresh: "1m",
    schemaVersion: 38,
    version: 1,
    timezone: "",
    time: { from: "now-6h", to: "now" },
    timepicker: {},
    annotations: { list: [] },
    links: [],
    templating: {
      list: [sourceVariable(), labelVariable("cluster", ""), labelVariable("node", 'cluster=~"$cluster"')],
    },
    panels,
  };
}

function sourceVariable() {
  return { name: "datasource", label: "Prometheus", type: "datasource", query: "prometheus", current: {}, hide: 0 };
}

/** All is everything, those without the label too: a single cluster has none. */
function labelVariable(label, selector) {
  const query = `label_values(hostflame_agent_info${selector === "" ? "" : `{${selector}}`}, ${label})`;
  return {
    ...{ name: label, label, type: "query", datasource, definition: query, query: { query, refId: label } },
    ...{ includeAll: true, allValue: ".*", multi: true, refresh: 2, sort: 1, hide: 0 },
    current: { selected: true, text: ["All"], value: ["$__all"] },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  writeFileSync(path.join(root, DASHBOARD_FILE), `${JSON.stringify(dashboard(), null, 2)}\n`);
}
