import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createMetricRegistry, MAX_ROWS, rowsBy } from "#src/metrics/registry.js";
import { registerSampling } from "#src/metrics/sampling.js";
import { counters } from "#src/native/abi.generated.js";
import { allMetrics } from "../../support/metrics-document.js";
import { NO_PROMETHEUS, promtool } from "../../support/prometheus.js";

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

  it("forget a row that is gone", async () => {
    const registry = createMetricRegistry();
    const rows = new Map([
      ["disk-full", 1],
      ["read-only", 2],
    ]);
    registry.gauge({ name: "hostflame_test_failures", help: "failures", labels: ["reason"] }, () =>
      rowsBy("reason", rows),
    );
    assert.equal((await rowsOf(registry)).length, 2);
    rows.delete("disk-full");
    assert.deepEqual(await rowsOf(registry), ['hostflame_test_failures{reason="read-only"} 2']);
  });

  it("say what they are", () => {
    const registry = createMetricRegistry();
    registry.counter({ name: "hostflame_test_things_total", help: "things" }, () => 1);
    registry.gauge({ name: "hostflame_test_rows", help: "rows", labels: ["a", "b"], maxRows: 4 }, () => []);
    assert.deepEqual(registry.described, [
      { name: "hostflame_test_things_total", help: "things", type: "counter", labels: [], maxRows: 1 },
      { name: "hostflame_test_rows", help: "rows", type: "gauge", labels: ["a", "b"], maxRows: 4 },
    ]);
  });

  it("have words for labels and few rows, whatever they are made of, and lose nothing by it", async () => {
    const hostile = fc.oneof(fc.string({ unit: "binary" }), fc.uuid(), fc.stringMatching(/^[0-9a-f]{64}$/));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(hostile, hostile, fc.nat(1000)), { maxLength: 300 }), async (counts) => {
        for (const kind of ["counter", "gauge"] as const) {
          const registry = createMetricRegistry();
          registry[kind]({ name: "hostflame_test_rows_total", help: "rows", labels: ["a", "b"] }, () =>
            counts.map(([a, b, value]) => [{ a, b }, value] as const),
          );
          const rows = await rowsOf(registry);
          assert.ok(rows.length <= MAX_ROWS, `${rows.length} rows`);
          let sum = 0;
          for (const row of rows) {
            const [, a, b, value] = /^hostflame_test_rows_total\{a="([^"\\]*)",b="([^"\\]*)"\} (\d+)$/.exec(row) ?? [];
            for (const word of [a, b]) assert.match(word, /^([A-Za-z0-9][-A-Za-z0-9_.+/ ]{0,47})?$/);
            sum += Number(value);
          }
          assert.equal(
            sum,
            counts.reduce((all, [, , value]) => all + value, 0),
          );
        }
      }),
      { numRuns: 50 },
    );
  });

  it("have every counter of the kernel side, with its help", async () => {
    const registry = createMetricRegistry();
    registerSampling(registry, {
      counters: () => counters.map(({ name, help }, index) => ({ name, help, value: index })),
      outcomes: () => [["complete", 3]],
      lost: () => [["ring-full", 4]],
      cpus: () => 2,
      frequencyHz: () => 19,
      open: () => true,
      nextChange: () => undefined,
      meanRunSeconds: () => undefined,
    });
    const text = await registry.text();
    for (const [index, { name, help }] of counters.entries()) {
      assert.ok(text.includes(`# HELP hostflame_bpf_${name}_total ${help}\n`), name);
      assert.ok(text.includes(`\nhostflame_bpf_${name}_total ${index}\n`), name);
    }
    assert.ok(!text.includes("hostflame_bpf_run_seconds{"), "what was not measured is not there");
  });

  it("are what promtool wants", (context) => {
    const lines = allMetrics().flatMap(({ name, type, help, labels }) => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
      `${name}{${labels.map((label) => `${label}="a"`).join(",")}} 1`,
    ]);
    const checked = promtool(["check", "metrics"], `${lines.join("\n")}\n`);
    if (checked === undefined) {
      context.skip(NO_PROMETHEUS);
      return;
    }
    assert.ok(checked.ok, checked.said);
    assert.equal(checked.said, "");
  });
});
