import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { registerAccounting } from "#src/metrics/accounting.js";
import { registerExports } from "#src/metrics/exports.js";
import { registerProcess } from "#src/metrics/process.js";
import { createMetricRegistry, rowsBy } from "#src/metrics/registry.js";
import { registerSampling } from "#src/metrics/sampling.js";
import { counters } from "#src/native/abi.generated.js";

/** Rows of a scrape without help and type. */
async function rowsOf(registry: ReturnType<typeof createMetricRegistry>): Promise<string[]> {
  return (await registry.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

describe("metrics", () => {
  it("are read at each scrape, from what counts anyway", async () => {
    const registry = createMetricRegistry();
    let value = 1;
    registry.counter({ name: "hostflame_test_things_total", help: "things" }, () => value);
    assert.deepEqual(await rowsOf(registry), ["hostflame_test_things_total 1"]);
    value = 7;
    assert.deepEqual(await rowsOf(registry), ["hostflame_test_things_total 7"]);
  });

  it("forget a row that is gone, and keep a label's text in its place", async () => {
    const registry = createMetricRegistry();
    const rows = new Map([["disk-full", 1]]);
    registry.gauge({ name: "hostflame_test_failures", help: "failures", labels: ["reason"] }, () =>
      rowsBy("reason", rows),
    );
    rows.set('quo"te\n', 2);
    assert.deepEqual(await rowsOf(registry), [
      'hostflame_test_failures{reason="disk-full"} 1',
      'hostflame_test_failures{reason="quo\\"te\\n"} 2',
    ]);
    rows.delete("disk-full");
    assert.equal((await rowsOf(registry)).length, 1);
  });

  it("have every counter of the kernel side, with its help", async () => {
    const registry = createMetricRegistry();
    registerSampling(registry, {
      counters: () => counters.map(({ name, help }, index) => ({ name, help, value: index })),
      outcomes: () => [["complete", 3]],
      lost: () => [["ring-full", 4]],
      cpus: () => 2,
      frequencyHz: () => 19,
      meanRunSeconds: () => undefined,
    });
    const text = await registry.text();
    for (const [index, { name, help }] of counters.entries()) {
      assert.ok(text.includes(`# HELP hostflame_bpf_${name}_total ${help}\n`), name);
      assert.ok(text.includes(`\nhostflame_bpf_${name}_total ${index}\n`), name);
    }
    assert.ok(!text.includes("hostflame_bpf_run_seconds{"), "what was not measured is not there");
  });

  it("are what promtool wants", async (context) => {
    const registry = createMetricRegistry();
    const counts = new Map([["file", { exported: 2, bytes: 100, failed: new Map([["disk-full", 1]]) }]]);
    registerExports(registry, counts);
    registerAccounting(registry, {
      sampledSeconds: () => 1,
      accountedSeconds: () => 1,
      containers: () => 1,
      worstDeviation: () => 0.01,
    });
    registerProcess(registry, {
      version: "1",
      loopDelaySeconds: () => 0,
      workerDeaths: () => 0,
      logLinesDropped: () => 0,
    });
    const input = await registry.text();
    const { error, status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" });
    if (error !== undefined) {
      context.skip("promtool is not installed (Debian's package prometheus)");
      return;
    }
    assert.equal(status, 0, stdout + stderr);
  });
});
