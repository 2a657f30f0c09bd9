import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { hostCgroupHierarchy } from "#src/host/cgroup-hierarchy.js";
import { RunningAgent } from "../support/agent.js";
import { metricNames, RULES_FILE } from "../support/alert-rules.js";
import { cannotMakeCgroups } from "../support/cgroups.js";
import { DASHBOARD_FILE, queriesOf, readDashboard } from "../support/dashboard.js";
import { allMetrics, maxSeries } from "../support/metrics-document.js";
import { findPrometheus, NO_PROMETHEUS, promtool } from "../support/prometheus.js";
import { PrometheusServer } from "../support/prometheus-server.js";
import { cannotRecord } from "../support/record.js";
import { HOSTILE_SERVICE, TOKEN, TwoPods } from "../support/two-pods.js";
import { until } from "../support/until.js";

/** Nobody listens there. */
const NO_INTAKE = "http://127.0.0.1:1";
/** What is written for people, and names metrics. */
const DOCUMENTS = [RULES_FILE, DASHBOARD_FILE, "docs/alerts.md", "docs/deploy.md", "README.md"];
/** On no scrape of an agent without that option, or of one that runs in no container. */
/** Panels that have nothing to show while all is well. */
const EMPTY_WHEN_WELL = new Set([
  "Files that had problems",
  "Contradictions and mistakes",
  "Budget",
  "Cgroups refused",
]);
const NODE = "node-0";

const hierarchy = hostCgroupHierarchy();
const reason = cannotRecord() ?? (cannotMakeCgroups(hierarchy) || undefined);

/** Every value of every label. */
function labelValues(scrape: string): readonly string[] {
  const rows = scrape.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return rows.flatMap((row) => [...row.matchAll(/[a-z_]+="((?:[^"\\]|\\.)*)"/g)].map(([, value]) => value));
}

describe("the metrics of an agent", { skip: reason }, () => {
  let agent: RunningAgent;
  let pods: TwoPods;
  let scrape = "";

  before(async () => {
    pods = await TwoPods.start(hierarchy);
    const spool = path.join(pods.folder, "spool");
    mkdirSync(spool);
    agent = new RunningAgent(
      [
        ...["--window", "1s", "--frequency", "99", "--node", NODE, "--runtime-socket", pods.socket],
        ...["--pod-label", "app", "--collection-agent", NO_INTAKE, "--spool-dir", spool],
        ...["--api-listen", "127.0.0.1:0", "--memory-limit", "4GiB", "--cpu-limit", "400%"],
        ...["--debuginfod-urls", NO_INTAKE, "--debuginfod-dir", path.join(pods.folder, "debuginfod")],
      ],
      await pods.environment(),
    );
    await agent.until("sampling");
    await agent.windows(3);
    scrape = (await agent.get("/metrics")).text;
  });

  after(async () => {
    await agent.dispose();
    await pods.stop();
  });

  it("are what docs/metrics.md lists, and no others", () => {
    const told = scrape.match(/^# (TYPE|HELP) .*$/gm) ?? [];
    const listed = allMetrics().flatMap(({ name, type, help }) => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]);
    const hint = "what registers metrics is registered in test/support/metrics-document.ts too";
    assert.deepEqual([...told].sort(), [...listed].sort(), hint);
  });

  it("are what promtool wants, units and suffixes included", (context) => {
    const checked = promtool(["check", "metrics"], scrape);
    if (checked === undefined) return context.skip(NO_PROMETHEUS);
    assert.ok(checked.ok, checked.said);
    assert.equal(checked.said, "");
  });

  it("are few, and none is labelled with what somebody calls himself", (context) => {
    const values = labelValues(scrape);
    for (const value of values) assert.match(value, /^([A-Za-z0-9/][-A-Za-z0-9_.+/ ]{0,47})?$/);
    const names = [HOSTILE_SERVICE, TOKEN, pods.shopId, "shop", "nightly", "store", "jobs", "night ly", "sh", "c0"];
    for (const name of names) assert.ok(!values.includes(name), name);
    assert.ok(!scrape.includes(pods.folder));
    const series = scrape.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;
    context.diagnostic(`${series} series`);
    assert.ok(series > 200 && series < 500, `${series} series`);
    assert.ok(series < maxSeries(allMetrics()));
  });

  it("say where names came from, and why some have none", async () => {
    for (const [name, labels] of [
      ["hostflame_names_found_total", 'source="'],
      ["hostflame_names_found_total", 'source="kallsyms"'],
      ["hostflame_unwind_build_seconds_total", ""],
      ["hostflame_worker_busy_seconds_total", 'call="symbolize"'],
    ] as const) {
      await until(async () => (await agent.metric(name, labels)) > 0, 60_000);
    }
    const addresses = await agent.metric("hostflame_names_addresses_total");
    assert.ok((await agent.metric("hostflame_names_missing_total")) < addresses);
  });

  it("say what a probe is told", async () => {
    assert.equal(await agent.metric("hostflame_health_ready"), 1);
    assert.equal(await agent.metric("hostflame_health_alive"), 1);
    assert.equal(await agent.metric("hostflame_health_part", 'part="bpf",state="ok"'), 1);
    await until(
      async () => (await agent.metric("hostflame_health_part", 'part="intake datadog",state="degraded"')) === 1,
    );
  });

  it("are there, each that a document, an alert or the dashboard names", () => {
    const there = new Set<string>(allMetrics().map(({ name }) => name));
    for (const file of DOCUMENTS) {
      const unknown = metricNames(readFileSync(file, "utf8")).filter((name) => !there.has(name));
      assert.deepEqual(unknown, [], file);
    }
  });

  it("answer every question of the dashboard and of the alerts, in a Prometheus", async (context) => {
    const program = findPrometheus("prometheus");
    if (program === undefined) return context.skip(NO_PROMETHEUS);
    const target = String(agent.find("listening")?.["address"]);
    const prometheus = await PrometheusServer.start({ program, target, labels: { node: NODE }, rules: RULES_FILE });
    try {
      const scrapes = async (): Promise<number> =>
        Number((await prometheus.query("sum_over_time(up[5m])")).at(0)?.value[1] ?? 0);
      await until(async () => (await scrapes()) >= 6, 60_000);
      const empty: string[] = [];
      for (const panel of readDashboard().panels) {
        await Promise.all(queriesOf(panel, "30s").map((query) => prometheus.query(query)));
        // Lines that are shown only when they are not nothing are there all the same.
        const unfiltered = queriesOf(panel, "30s").map((query) => query.replace(/ > 0$/, ""));
        const found = (await Promise.all(unfiltered.map((query) => prometheus.query(query)))).flat();
        if (panel.type !== "row" && found.length === 0) empty.push(panel.title);
      }
      assert.deepEqual(
        empty.filter((title) => !EMPTY_WHEN_WELL.has(title)),
        [],
      );
      await until(async () => (await prometheus.rules()).every(({ health }) => health !== "unknown"));
      for (const { name, health, lastError = "" } of await prometheus.rules()) {
        assert.equal(health, "ok", `${name}: ${lastError}`);
      }
      const [ready] = await prometheus.query("hostflame_health_ready");
      assert.equal(ready.metric["node"], NODE);
      await until(async () => (await prometheus.query("hostflame_delivery_away_seconds > 0")).length === 1);
    } finally {
      await prometheus.stop();
    }
  });
});
