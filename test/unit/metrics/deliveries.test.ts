import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DELIVERY_DEFAULTS, deliverTo } from "#src/delivery/deliver-to.js";
import { registerDeliveries } from "#src/metrics/deliveries.js";
import { createMetricRegistry } from "#src/metrics/registry.js";
import { plainDestination, windowOf } from "../../support/plain-destination.js";
import { quietLog } from "../../support/quiet-log.js";
import { ScriptedIntake } from "../../support/scripted-intake.js";
import { until } from "../../support/until.js";

describe("metrics of delivery", () => {
  it("tell what became of uploads, and what waits", async () => {
    const intake = await ScriptedIntake.start();
    intake.script.push({ status: 202 }, { status: 403 });
    intake.always = { status: 503 };
    const exporter = deliverTo(
      plainDestination(() => intake.address),
      { ...DELIVERY_DEFAULTS, spoolDirectory: undefined, stopMs: 10 },
      { log: quietLog(), random: () => 1 },
    );
    const registry = createMetricRegistry();
    registerDeliveries(registry, () => [exporter.status]);
    await exporter.export(windowOf(1, 4), new AbortController().signal);
    await until(() => exporter.status.awayMs !== undefined);
    const text = await registry.text();
    for (const line of [
      'hostflame_delivery_uploads_total{destination="plain",result="accepted"} 1',
      'hostflame_delivery_uploads_total{destination="plain",result="refused"} 1',
      'hostflame_delivery_uploads_total{destination="plain",result="dropped"} 0',
      'hostflame_delivery_failures_total{destination="plain",result="refused",reason="http-403"} 1',
      'hostflame_delivery_bytes_total{destination="plain",result="accepted"} 100',
      'hostflame_delivery_queued_uploads_total{destination="plain"} 4',
      'hostflame_delivery_retries_total{destination="plain",reason="http-503"} 1',
      'hostflame_delivery_waiting_uploads{destination="plain",place="memory"} 2',
      'hostflame_delivery_waiting_bytes{destination="plain",place="spool"} 0',
      'hostflame_delivery_limit_bytes{destination="plain",place="memory"} 4194304',
      'hostflame_delivery_limit_bytes{destination="plain",place="spool"} 0',
      'hostflame_delivery_spool_usable{destination="plain"} 1',
    ]) {
      assert.ok(text.includes(line), `${line} in\n${text}`);
    }
    await exporter.close();
    await intake.stop();
    assert.match(await registry.text(), /result="dropped",reason="stopped"\} 2/);
  });
});
