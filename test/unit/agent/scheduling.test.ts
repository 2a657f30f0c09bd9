import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { openScheduling, type Scheduling } from "#src/agent/scheduling.js";
import type { Log, LogFields } from "#src/model/log.js";
import { VirtualClock } from "../../support/virtual-clock.js";

const MINUTE_MS = 60_000;
const ZONE = process.env["TZ"];

/** A schedule over a clock that stands at 12:00 until it is moved. */
class Scheduled {
  readonly clock = new VirtualClock();
  /** "12:05:00 open" */
  readonly told: string[] = [];
  readonly lines: string[] = [];
  readonly scheduling: Scheduling;
  readonly #running: Promise<void>;

  constructor(expression: string, durationMs: number) {
    const line = (event: string, fields?: LogFields): void => {
      this.lines.push(`${event} ${JSON.stringify(fields ?? {})}`);
    };
    const log: Log = {
      debug: line,
      info: line,
      warn: line,
      error: line,
      repeated: (_level, event) => {
        line(event);
      },
    };
    const rate = {
      setOpen: (open: boolean) => {
        const time = new Date(this.clock.wallMs()).toISOString().slice(11, 19);
        this.told.push(`${time} ${open ? "open" : "closed"}`);
      },
    };
    this.scheduling = openScheduling(expression, durationMs, { clock: this.clock, rate, log });
    this.#running = this.scheduling.run();
  }

  pass(ms: number): Promise<void> {
    return this.clock.pass(ms, () => this.clock.sleeping === 1);
  }

  async stop(): Promise<void> {
    this.scheduling.close();
    await this.#running;
  }
}

describe("an agent's schedule", () => {
  beforeEach(() => {
    process.env["TZ"] = "UTC";
  });
  afterEach(() => {
    if (ZONE === undefined) delete process.env["TZ"];
    else process.env["TZ"] = ZONE;
  });

  it("opens and closes sampling to the second", async () => {
    const one = new Scheduled("*/10 * * * *", MINUTE_MS);
    await one.pass(25 * MINUTE_MS);
    await one.stop();
    assert.deepEqual(one.told, [
      "12:00:00 open",
      "12:01:00 closed",
      "12:10:00 open",
      "12:11:00 closed",
      "12:20:00 open",
      "12:21:00 closed",
    ]);
  });

  it("says when it changes, and when sampling ends", async () => {
    const one = new Scheduled("5 * * * *", 2 * MINUTE_MS);
    assert.equal(one.scheduling.until, "until 2026-11-21T12:05:00.000Z");
    assert.equal(one.scheduling.closesInMs(), Infinity);
    await one.pass(6 * MINUTE_MS);
    assert.equal(one.scheduling.nextChange?.toISOString(), "2026-11-21T12:07:00.000Z");
    assert.equal(one.scheduling.closesInMs(), MINUTE_MS);
    await one.stop();
    assert.deepEqual(one.lines, [
      'scheduled {"schedule":"5 * * * *","durationMs":120000,"timeZone":"UTC"}',
      'schedule_resting {"until":"2026-11-21T12:05:00.000Z"}',
      'schedule_open {"until":"2026-11-21T12:07:00.000Z"}',
    ]);
  });

  for (const [hours, name] of [
    [1, "on"],
    [-1, "back"],
  ] as const) {
    it(`goes by the clock when that is set an hour ${name}, within ten seconds`, async () => {
      const one = new Scheduled("0 12 * * *", 10 * MINUTE_MS);
      await one.pass(2 * MINUTE_MS);
      one.clock.stepWall(hours * 60 * MINUTE_MS);
      await one.pass(10_000);
      assert.equal(one.told.length, 2);
      assert.match(one.told[1], /closed$/);
      one.clock.stepWall(-hours * 60 * MINUTE_MS);
      await one.pass(10_000);
      assert.equal(one.told.length, 3);
      assert.match(one.told[2], /open$/);
      await one.stop();
    });
  }

  it("says once that runs overlap", async () => {
    const one = new Scheduled("*/5 * * * *", 6 * MINUTE_MS);
    await one.pass(60 * MINUTE_MS);
    await one.stop();
    assert.deepEqual(one.told, ["12:00:00 open"]);
    assert.equal(one.lines.filter((line) => line.startsWith("schedule_overlaps")).length, 1);
    const other = new Scheduled("*/5 * * * *", 5 * MINUTE_MS);
    await other.stop();
    assert.equal(other.lines.filter((line) => line.startsWith("schedule_overlaps")).length, 0);
  });
});
