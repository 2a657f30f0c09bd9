import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { it } from "node:test";
import { registerBudget } from "#src/metrics/budget.js";
import { createMetricRegistry } from "#src/metrics/registry.js";
import { SimulatedAgent } from "../../support/budget-plant.js";

it("metrics of the budget tell level, limit and use of each resource that has a limit", async (context) => {
  const registry = createMetricRegistry();
  const agent = new SimulatedAgent({ wantedHz: 99, limitCores: 0.01, cores: () => 0.05 });
  registerBudget(registry, () => agent.budget.status);
  agent.run(60);
  const text = await registry.text();
  const rows = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  assert.ok(rows.includes('hostflame_budget_sheds_total{resource="cpu",step="conversions"} 1'), text);
  assert.ok(rows.includes('hostflame_budget_recoveries_total{resource="cpu",step="rate"} 0'), text);
  assert.ok(rows.includes('hostflame_budget_limit_cores{resource="cpu"} 0.01'), text);
  assert.match(text, /^hostflame_budget_level\{resource="cpu"\} [3-9]$/m);
  assert.doesNotMatch(text, /resource="memory"|_bytes \d/);
  const promtool = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
  if (promtool.error !== undefined) {
    context.diagnostic("promtool is not installed (Debian's package prometheus)");
    return;
  }
  assert.equal(promtool.status, 0, promtool.stderr + promtool.stdout);
});
