import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import {
  DELIVERY_DEFAULTS,
  deliverTo,
  type DeliveringExporter,
  type DeliveryOptions,
} from "#src/delivery/deliver-to.js";
import type { Destination } from "#src/delivery/destination.js";
import { plainDestination, uploadOf, windowOf } from "../../support/plain-destination.js";
import { quietLog } from "../../support/quiet-log.js";
import { ScriptedIntake } from "../../support/scripted-intake.js";
import { until } from "../../support/until.js";
import { VirtualClock } from "../../support/virtual-clock.js";

const go = (): AbortSignal => new AbortController().signal;

describe("delivery to an intake", () => {
  let root = "";
  let number = 0;
  const open: { exporter: DeliveringExporter; intake: ScriptedIntake }[] = [];
  before(() => {
    root = mkdtempSync(path.join(tmpdir(), "hostflame-delivery-"));
  });
  afterEach(async () => {
    for (const { exporter, intake } of open.splice(0)) {
      await intake.stop();
      await exporter.close();
      assert.deepEqual(intake.objections, []);
    }
  });
  after(() => {
    rmSync(root, { recursive: true });
  });

  async function scene(options: Partial<DeliveryOptions> = {}, destination?: Partial<Destination>) {
    const intake = await ScriptedIntake.start();
    const clock = new VirtualClock();
    const spoolDirectory = path.join(root, String(number++));
    const log = quietLog();
    const exporter = deliverTo(
      { ...plainDestination(() => intake.address), ...destination },
      { ...DELIVERY_DEFAULTS, spoolDirectory, stopMs: 500, ...options },
      { clock, log, random: () => 0.5 },
    );
    open.push({ exporter, intake });
    const quiet = (): boolean => {
      const { isSending, memory, spool } = exporter.status;
      const isAsleep = !isSending && clock.sleeping === 1;
      return intake.hanging > 0 || isAsleep || (!isSending && memory.uploads + spool.uploads === 0);
    };
    const pass = (ms: number): Promise<void> => clock.pass(ms, quiet);
    const files = (): readonly string[] => readdirSync(spoolDirectory);
    return { intake, clock, exporter, pass, quiet, files, log, spoolDirectory };
  }

  it("that is well: each upload arrives once, and the disk is not touched", async () => {
    const { intake, exporter, quiet, files } = await scene();
    for (const minute of [1, 2, 3]) {
      assert.deepEqual(await exporter.export(windowOf(minute, 2), go()), {
        exported: 0,
        bytes: 0,
        queued: 2,
        failed: {},
      });
    }
    await until(quiet);
    assert.deepEqual(
      intake.received.map(({ path: at, body }) => `${at} ${body[0]}`),
      [1, 2, 3].flatMap((minute) => [0, 1].map((profile) => `/in?minute=${minute} ${minute * 31 + profile}`)),
    );
    assert.equal(new Set(intake.received.map(({ id }) => id)).size, 6);
    assert.deepEqual(exporter.status.accepted, { uploads: 6, profiles: 6, bytes: 600 });
    assert.deepEqual([exporter.status.spoolCounts.written, files()], [0, []]);
    assert.equal(exporter.problem, "");
  });

  for (const status of [408, 429, 500, 502, 503]) {
    it(`that answers ${status} is asked again, and gets what waited on the disk`, async () => {
      const { intake, exporter, pass, quiet, files } = await scene();
      intake.script.push({ status, body: "not now\u001b[31m" }, { status });
      await exporter.export(windowOf(1), go());
      await until(() => exporter.status.spool.uploads === 1 && quiet());
      assert.equal(files().length, 1);
      assert.match(
        exporter.problem,
        new RegExp(`has taken nothing for 0 s \\(http-${status}: not now \\[31m\\); 1 uploads`),
      );
      await pass(2000);
      assert.equal(intake.accepted.length, 1);
      assert.equal(new Set(intake.received.map(({ id }) => id)).size, 1);
      assert.equal(exporter.status.retries.get(`http-${status}`)?.uploads, 2);
      assert.deepEqual(exporter.status.spool.uploads, 0);
      await until(() => files().length === 0);
    });
  }

  for (const status of [400, 401, 403, 404, 413]) {
    it(`that answers ${status} is not asked again; the next upload goes out`, async () => {
      const { intake, exporter, quiet, files, log } = await scene();
      intake.script.push({ status, body: "why" });
      await exporter.export(windowOf(1, 2), go());
      await until(() => intake.received.length === 2 && quiet());
      assert.deepEqual(exporter.status.refused.get(`http-${status}`), { uploads: 1, profiles: 1, bytes: 100 });
      assert.equal(exporter.status.accepted.uploads, 1);
      assert.equal(exporter.status.lastRefusal?.detail, "why");
      assert.deepEqual(files(), []);
      assert.deepEqual(log.events, ["upload_refused"]);
    });
  }

  it("heeds Retry-After, within reason", async () => {
    const { intake, exporter, pass } = await scene();
    intake.script.push({ status: 429, retryAfter: "120" }, { status: 503, retryAfter: "86400" });
    await exporter.export(windowOf(1), go());
    await pass(119_000);
    assert.equal(intake.received.length, 1);
    await pass(2000);
    assert.equal(intake.received.length, 2);
    await pass(599_000);
    assert.equal(intake.received.length, 2);
    await pass(3000);
    assert.equal(intake.accepted.length, 1);
  });

  it("waits longer and longer, never more than a minute", async () => {
    const { intake, exporter, pass } = await scene();
    intake.always = { status: 503 };
    await exporter.export(windowOf(1), go());
    await pass(60_000);
    // 0.5, 1, 2, 4, 8, 16, 30 seconds.
    assert.equal(intake.received.length, 7);
    await pass(300_000);
    assert.equal(intake.received.length, 17);
  });

  it("that accepts and never answers: tries end, and what waits is on the disk long before", async () => {
    const { intake, exporter, pass, clock } = await scene({ memoryMs: 1000, tryMs: 5000 });
    intake.script.push("hang");
    await exporter.export(windowOf(1), go());
    await exporter.export(windowOf(2), go());
    await until(() => intake.hanging === 1);
    await pass(999);
    assert.equal(exporter.status.spool.uploads, 0);
    await pass(1);
    await until(() => exporter.status.spool.uploads === 2);
    await pass(4000);
    await until(() => exporter.status.retries.get("timeout")?.uploads === 1 && clock.sleeping === 1);
    await pass(1000);
    assert.deepEqual(
      intake.accepted.map(({ path: at }) => at),
      ["/in?minute=1", "/in?minute=2"],
    );
    assert.equal(intake.hanging, 0);
  });

  it("that cuts connections, early or late, gets all in the end", async () => {
    const { intake, exporter, pass } = await scene();
    intake.script.push("reset-early", "reset", "reset-early");
    await exporter.export(windowOf(1, 3), go());
    await pass(60_000);
    assert.equal(intake.accepted.length, 3);
    assert.equal(exporter.status.retries.get("network")?.uploads, 3);
  });

  it("whose destination neither answers nor heeds the signal, or throws, is tried again", async () => {
    let tries = 0;
    const { exporter, pass, clock } = await scene(
      { tryMs: 5000, memoryMs: 10_000 },
      {
        send: () => {
          tries++;
          if (tries === 1) return new Promise(() => undefined);
          return tries === 2 ? Promise.reject(new Error("a bug")) : Promise.resolve({ kind: "accepted" });
        },
      },
    );
    await exporter.export(windowOf(1), go());
    await until(() => clock.sleeping === 2);
    await clock.pass(5000, () => clock.sleeping === 2 || exporter.status.retries.size > 0);
    await pass(10_000);
    assert.deepEqual([...exporter.status.retries.keys()], ["timeout", "send-failed"]);
    assert.equal(exporter.status.accepted.uploads, 1);
  });

  it("is not held up for ever by one upload: it is given up when others are accepted", async () => {
    const { exporter, pass, intake } = await scene(
      {},
      {
        send(upload, signal) {
          if (upload.path !== "/in?minute=2") return plainDestination(() => intake.address).send(upload, signal);
          return Promise.resolve({ kind: "retry", reason: "http-500", detail: "out of cheese" });
        },
      },
    );
    for (const minute of [1, 2, 3, 4, 5, 6, 7]) await exporter.export(windowOf(minute), go());
    await pass(120_000);
    assert.deepEqual(
      intake.accepted.map(({ path: at }) => at),
      [1, 3, 4, 5, 6, 7].map((minute) => `/in?minute=${minute}`),
    );
    assert.deepEqual([...exporter.status.dropped.keys()], ["never-accepted"]);
    assert.equal(exporter.status.spool.uploads + exporter.status.memory.uploads, 0);
  });

  it("loses nothing for an intake that answers 503 to all for long: none is given up", async () => {
    const { intake, exporter, pass } = await scene();
    intake.always = { status: 503 };
    for (const minute of [1, 2, 3, 4, 5]) await exporter.export(windowOf(minute), go());
    await pass(1_800_000);
    intake.always = { status: 200 };
    await pass(61_000);
    assert.deepEqual(
      intake.accepted.map(({ path: at }) => at),
      [1, 2, 3, 4, 5].map((minute) => `/in?minute=${minute}`),
    );
    assert.equal(exporter.status.dropped.size, 0);
  });

  it("gives up what is too old, by a clock that does not jump", async () => {
    const { intake, exporter, pass, clock } = await scene({ maxAgeMs: 600_000 });
    intake.always = { status: 503 };
    await exporter.export(windowOf(1), go());
    clock.stepWall(3_600_000);
    await pass(300_000);
    assert.equal(exporter.status.spool.uploads, 1);
    await exporter.export(windowOf(2), go());
    clock.stepWall(-7_200_000);
    await pass(299_000);
    assert.equal(exporter.status.dropped.size, 0);
    await pass(100_000);
    assert.equal(exporter.status.dropped.get("too-old")?.uploads, 1);
    assert.equal(exporter.status.spool.uploads, 1);
  });

  it("holds memory's bytes and no more without a spool, the oldest leaving first", async () => {
    const { intake, exporter, pass } = await scene({ spoolDirectory: undefined, memoryBytes: 1000 });
    intake.always = { status: 503 };
    for (let minute = 1; minute <= 30; minute++) {
      await exporter.export(windowOf(minute), go());
      assert.ok(exporter.status.memory.bytes <= 1000);
    }
    assert.equal(exporter.status.dropped.get("queue-full")?.uploads, 20);
    intake.always = { status: 202 };
    await pass(120_000);
    assert.equal(exporter.status.accepted.uploads, 10);
    assert.equal(exporter.status.accepted.uploads + 20, exporter.status.queued.uploads);
  });

  it("counts what cannot be taken: too large, malformed, not encoded", async () => {
    const { exporter } = await scene(
      { spoolBytes: 5000 },
      {
        async *encode() {
          await Promise.resolve();
          yield uploadOf(1, 6000);
          yield { ...uploadOf(2), path: "//elsewhere" };
          yield uploadOf(3);
          throw new Error("no more");
        },
      },
    );
    assert.deepEqual(await exporter.export(windowOf(1, 5), go()), {
      ...{ exported: 0, bytes: 0, queued: 1 },
      failed: { "too-large": 1, malformed: 1, "encoding-failed": 2 },
    });
    assert.deepEqual(await exporter.export(windowOf(1, 2), AbortSignal.abort()), {
      ...{ exported: 0, bytes: 0, queued: 0 },
      failed: { aborted: 2 },
    });
  });

  it("ends within its time, with what was not sent on the disk; the next agent sends it under its own id", async () => {
    const { intake, exporter, clock, spoolDirectory, files } = await scene();
    intake.script.push("hang");
    await exporter.export(windowOf(1, 3), go());
    await until(() => intake.hanging === 1);
    const closing = exporter.close();
    await until(() => files().length === 3);
    await clock.pass(500, () => true);
    await closing;
    assert.equal((await exporter.export(windowOf(2), go())).failed["stopped"], 1);
    assert.equal(exporter.status.dropped.size, 0);
    assert.equal(files().length, 3);
    const next = await scene({ spoolDirectory });
    await until(() => next.intake.accepted.length === 3 && next.exporter.status.spool.uploads === 0);
    assert.equal(next.intake.accepted[0].id, intake.received[0].id);
    await until(() => files().length === 0);
  });

  it("ends at once when all is sent, and sends the last window first", async () => {
    const { intake, exporter, spoolDirectory } = await scene();
    await exporter.export(windowOf(1, 3), go());
    await exporter.close();
    assert.equal(intake.accepted.length, 3);
    assert.deepEqual(readdirSync(spoolDirectory), []);
  });

  it("without a spool counts what the end cost", async () => {
    const { intake, exporter, clock } = await scene({ spoolDirectory: undefined });
    intake.script.push("hang");
    await exporter.export(windowOf(1, 3), go());
    await until(() => intake.hanging === 1);
    const closing = exporter.close();
    await until(() => clock.sleeping === 3);
    await clock.pass(500, () => true);
    await closing;
    assert.equal(exporter.status.dropped.get("stopped")?.profiles, 3);
  });
});
