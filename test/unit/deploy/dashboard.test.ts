import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it } from "node:test";
import { DASHBOARD_FILE, queriesOf, readDashboard } from "../../support/dashboard.js";
import { NO_PROMETHEUS, promtool } from "../../support/prometheus.js";

const WRITE = 'const m = await import("./scripts/dashboard.mjs"); process.stdout.write(JSON.stringify(m.dashboard()));';

describe("the dashboard", () => {
  const { panels, templating, schemaVersion, uid } = readDashboard();

  it("is what scripts/dashboard.mjs writes", () => {
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", WRITE], { encoding: "utf8" });
    assert.deepEqual(JSON.parse(readFileSync(DASHBOARD_FILE, "utf8")), JSON.parse(stdout || `"${stderr}"`));
  });

  it("is one that Grafana 10 takes, and nothing of it is of one installation", () => {
    assert.ok(schemaVersion >= 38);
    assert.equal(uid, "hostflame");
    assert.deepEqual(
      templating.list.map(({ name, type }) => [name, type]),
      [
        ["datasource", "datasource"],
        ["cluster", "query"],
        ["node", "query"],
      ],
    );
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    for (const { type, title, targets = [], datasource } of panels) {
      if (type === "row") continue;
      assert.ok(["stat", "timeseries"].includes(type), type);
      assert.equal(datasource?.uid, "${datasource}", title);
      assert.ok(targets.length > 0, title);
      assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
      for (const target of targets) assert.equal(target.datasource.uid, "${datasource}", title);
    }
  });

  it("has panels beside and below each other, each with a word of what it shows", () => {
    for (const { title, type, description = "", gridPos: a } of panels) {
      assert.ok(a.x >= 0 && a.w > 0 && a.x + a.w <= 24, title);
      if (type !== "row") assert.match(description, /^[A-Z].*\.$/, title);
      for (const { gridPos: b, title: other } of panels) {
        const apart = a === b || a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
        assert.ok(apart, `${title} lies over ${other}`);
      }
    }
  });

  it("asks for the chosen clusters and nodes only", () => {
    for (const { title, targets = [] } of panels) {
      for (const { expr } of targets) {
        const series = expr.match(/\b(hostflame_[a-z_]+|up)\b/g) ?? [];
        const chosen = expr.match(/\{[^}]*cluster=~"\$cluster", node=~"\$node"[^}]*\}/g) ?? [];
        assert.ok(series.length > 0 && series.length === chosen.length, `${title}: ${expr}`);
      }
    }
  });

  it("asks what Prometheus understands", (context) => {
    const folder = mkdtempSync(path.join(tmpdir(), "hostflame-dashboard-"));
    try {
      const file = path.join(folder, "queries.yaml");
      const rules = panels
        .flatMap((panel) => queriesOf(panel, "5m"))
        .map((expr, index) => ({ record: `query:${index}`, expr }));
      writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
      const checked = promtool(["check", "rules", file]);
      if (checked === undefined) return context.skip(NO_PROMETHEUS);
      assert.ok(checked.ok, checked.said);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
