import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { Delivery } from "#src/agent/deliver.js";
import { ExporterSlot, type SlotListener, type WantedExporter } from "#src/agent/exporter-slot.js";
import { DELIVERY_DEFAULTS, deliverTo } from "#src/delivery/deliver-to.js";
import type { Exporter } from "#src/exporters/exporter.js";
import { notedLog } from "../../support/noted-log.js";
import { plainDestination, windowOf } from "../../support/plain-destination.js";
import { ScriptedIntake } from "../../support/scripted-intake.js";
import { until } from "../../support/until.js";

const signal = new AbortController().signal;
const spools = mkdtempSync(join(tmpdir(), "hostflame-slots-"));
after(() => {
  rmSync(spools, { recursive: true, force: true });
});

const silent: SlotListener = { opened: () => undefined, closed: () => undefined, notOpened: () => undefined };

/** What exporters did, in order. */
type Deed = string;

/** An exporter that takes its time; `key` tells one from the other. */
function slowExporter(key: string, deeds: Deed[], ms: number, name = "slow"): WantedExporter {
  const open = (): Exporter => {
    deeds.push(`open ${key}`);
    return {
      name,
      export: async ({ startNs, profiles }) => {
        deeds.push(`begin ${key} ${startNs}`);
        await sleep(ms);
        deeds.push(`end ${key} ${startNs}`);
        return { exported: profiles.length, bytes: 1, failed: {} };
      },
      close: async () => {
        await sleep(ms);
        deeds.push(`close ${key}`);
      },
    };
  };
  return { name, key, open };
}

describe("the place of an exporter", () => {
  it("exports a batch whole before it changes, and the next one with the next exporter", async () => {
    const deeds: Deed[] = [];
    const slot = new ExporterSlot(slowExporter("a", deeds, 5), { ...silent, closed: () => deeds.push("told") });
    const first = slot.export(windowOf(0), signal);
    const change = slot.change(slowExporter("b", deeds, 5));
    const second = slot.export(windowOf(1), signal);
    assert.equal((await first).exported, 1);
    assert.equal((await second).exported, 1);
    await change;
    await slot.close();
    const [one, two] = [windowOf(0).startNs, windowOf(1).startNs];
    assert.deepEqual(deeds, [
      ...["open a", `begin a ${one}`, `end a ${one}`, "close a", "told"],
      ...["open b", `begin b ${two}`, `end b ${two}`, "close b"],
    ]);
  });

  it("opens only the last of several that follow each other at once", async () => {
    const deeds: Deed[] = [];
    const slot = new ExporterSlot(slowExporter("a", deeds, 1), silent);
    void slot.change(slowExporter("b", deeds, 1));
    void slot.change(undefined);
    await slot.change(slowExporter("a", deeds, 1));
    assert.deepEqual(deeds, ["open a", "close a", "open a"]);
    assert.equal((await slot.export(windowOf(0), signal)).exported, 1);
    await slot.change(slowExporter("a", deeds, 1));
    assert.equal(deeds.length, 5, "the same is no change");
    await slot.close();
  });

  it("counts what comes after the end as stopped, and opens nothing any more", async () => {
    const deeds: Deed[] = [];
    const slot = new ExporterSlot(slowExporter("a", deeds, 1), silent);
    const change = slot.change(slowExporter("b", deeds, 1));
    const close = slot.close();
    const result = await slot.export(windowOf(0, 3), signal);
    assert.deepEqual(result, { exported: 0, bytes: 0, failed: { stopped: 3 } });
    await Promise.all([change, close, slot.change(slowExporter("c", deeds, 1))]);
    assert.deepEqual(deeds, ["open a", "close a"]);
  });

  it("outlives an exporter that cannot close, and tells of it", async () => {
    const deeds: Deed[] = [];
    const errors: unknown[] = [];
    const broken = {
      ...slowExporter("a", deeds, 0),
      open: () => ({ ...slowExporter("a", deeds, 0).open(), close: () => Promise.reject(new Error("hung")) }),
    };
    const slot = new ExporterSlot(broken, { ...silent, closed: (_, error) => errors.push(error) });
    await slot.change(slowExporter("b", deeds, 0));
    assert.match(String(errors), /hung/);
    assert.equal((await slot.export(windowOf(0), signal)).exported, 1);
    await slot.close();
  });

  it("without an exporter that opens loses what comes, counted, until one does", async () => {
    const deeds: Deed[] = [];
    const errors: unknown[] = [];
    const closed: WantedExporter = {
      ...slowExporter("a", deeds, 0),
      open: () => {
        throw new Error("the certificate is gone");
      },
    };
    const slot = new ExporterSlot(closed, { ...silent, notOpened: (error) => errors.push(error) });
    assert.match(String(errors), /the certificate is gone/);
    assert.deepEqual((await slot.export(windowOf(0, 2), signal)).failed, { "not-opened": 2 });
    await slot.change(slowExporter("b", deeds, 0));
    assert.equal((await slot.export(windowOf(1), signal)).exported, 1);
    await slot.close();
  });
});

describe("exporters that change while windows come", () => {
  it("get each window once, whole, whatever changes when", async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("window" as const) }),
      fc.record({
        kind: fc.constant("change" as const),
        wanted: fc
          .subarray(["x", "y", "z"])
          .chain((names) => fc.tuple(...names.map((name) => fc.tuple(fc.constant(name), fc.constantFrom("1", "2"))))),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const deeds: Deed[] = [];
        const delivery = new Delivery([], notedLog());
        const expected: string[] = [];
        let names: readonly string[] = [];
        let minute = 0;
        for (const each of steps) {
          if (each.kind === "change") {
            const wanted = each.wanted.map(([name, key]) => slowExporter(`${name}${key}`, deeds, 0, name));
            delivery.setExporters(wanted);
            names = each.wanted.map(([name, key]) => `${name}${key}`);
          } else {
            const batch = windowOf(minute++);
            await delivery.deliver(batch, signal);
            expected.push(...names.map((name) => `end ${name} ${batch.startNs}`));
          }
        }
        await delivery.close();
        assert.deepEqual(deeds.filter((deed) => deed.startsWith("end")).toSorted(), expected.toSorted());
        const opened = deeds.filter((deed) => deed.startsWith("open")).length;
        assert.equal(deeds.filter((deed) => deed.startsWith("close")).length, opened, "none stays open");
      }),
      { numRuns: 100 },
    );
  });

  it("are of two addresses over one spool: nothing is lost, nothing sent twice", async () => {
    const [away, here] = [await ScriptedIntake.start(), await ScriptedIntake.start()];
    away.always = { status: 503 };
    const log = notedLog();
    const wanted = (intake: ScriptedIntake): WantedExporter => ({
      name: "plain",
      key: intake.address,
      open: () => {
        const options = { ...DELIVERY_DEFAULTS, spoolDirectory: join(spools, "plain"), stopMs: 500 };
        return deliverTo(
          plainDestination(() => intake.address),
          options,
          { log },
        );
      },
    });
    const delivery = new Delivery([wanted(away)], log);
    for (let minute = 0; minute < 5; minute++) await delivery.deliver(windowOf(minute, 2), signal);
    const [untouched] = delivery.intakes;
    delivery.setExporters([wanted(away)]);
    assert.equal(delivery.intakes[0], untouched);
    delivery.setExporters([wanted(here)]);
    for (let minute = 5; minute < 8; minute++) await delivery.deliver(windowOf(minute, 2), signal);
    await until(() => here.accepted.length === 16);
    const starts = here.accepted.map(({ startNs }) => startNs);
    assert.deepEqual(starts, starts.toSorted(), "in the order of their windows");
    assert.equal(new Set(here.accepted.map(({ id }) => id)).size, 16);
    assert.deepEqual(away.accepted, []);
    await delivery.close();
    await Promise.all([away.stop(), here.stop()]);
  });

  it("leave what they could not send in their spool when they are removed, and take it up when they are back", async () => {
    const intake = await ScriptedIntake.start();
    intake.always = "hang";
    const log = notedLog();
    const spoolDirectory = join(spools, "removed");
    const wanted: WantedExporter = {
      name: "plain",
      key: "",
      open: () =>
        deliverTo(
          plainDestination(() => intake.address),
          { ...DELIVERY_DEFAULTS, spoolDirectory, stopMs: 200 },
          { log },
        ),
    };
    const delivery = new Delivery([wanted], log);
    await delivery.deliver(windowOf(0, 3), signal);
    const start = performance.now();
    delivery.setExporters([]);
    await until(() => log.lines.some(({ event }) => event === "exporter_closed"));
    assert.ok(performance.now() - start < 5000);
    assert.deepEqual(log.lines.at(-1)?.fields, {
      ...{ exporter: "plain", accepted: 0, waiting: 3, dropped: 0, error: undefined },
    });
    assert.equal(readdirSync(spoolDirectory).length, 3);
    await until(() => delivery.counts.size === 0);
    assert.deepEqual(delivery.intakes, []);
    await delivery.deliver(windowOf(1), signal);
    intake.always = { status: 202 };
    delivery.setExporters([wanted]);
    await until(() => intake.accepted.length === 3);
    await delivery.close();
    await intake.stop();
  });
});
