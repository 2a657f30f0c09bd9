import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseSchedule, type Schedule } from "#src/schedule/schedule.js";
import { inZone } from "../../support/time-zone.js";

const MINUTE_MS = 60_000;

function scheduleOf(text: string, durationMs: number): Schedule {
  const schedule = parseSchedule(text, durationMs);
  if (typeof schedule === "string") throw new Error(schedule);
  return schedule;
}

/** "closed until 12:10:00" */
function at(schedule: Schedule, time: string): string {
  const { open, changeMs } = schedule.at(Date.parse(`2026-11-21T${time}Z`));
  return `${open ? "open" : "closed"} until ${new Date(changeMs).toISOString().slice(11, 19)}`;
}

describe("runs of a schedule", () => {
  it("begin when the expression says, and last as long as they shall", () => {
    inZone("UTC", () => {
      const schedule = scheduleOf("*/10 * * * *", MINUTE_MS);
      assert.equal(at(schedule, "12:05:00"), "closed until 12:10:00");
      assert.equal(at(schedule, "12:09:59.999"), "closed until 12:10:00");
      assert.equal(at(schedule, "12:10:00"), "open until 12:11:00");
      assert.equal(at(schedule, "12:10:30"), "open until 12:11:00");
      assert.equal(at(schedule, "12:11:00"), "closed until 12:20:00");
      assert.equal(schedule.overlaps(Date.parse("2026-11-21T12:05:00Z")), false);
    });
  });

  it("are judged by the wall clock alone: after an hour's step either way, too", () => {
    inZone("UTC", () => {
      const schedule = scheduleOf("0 12 * * *", 10 * MINUTE_MS);
      assert.equal(at(schedule, "12:05:00"), "open until 12:10:00");
      assert.equal(at(schedule, "13:05:00"), "closed until 12:00:00");
      assert.equal(at(schedule, "11:05:00"), "closed until 12:00:00");
      assert.equal(at(schedule, "12:05:00"), "open until 12:10:00");
    });
  });

  it("that overlap or touch are one, and it is said", () => {
    inZone("UTC", () => {
      const touching = scheduleOf("0-4 * * * *", MINUTE_MS);
      assert.equal(at(touching, "12:02:30"), "open until 12:05:00");
      assert.equal(touching.overlaps(0), false);
      const overlapping = scheduleOf("0,5 * * * *", 6 * MINUTE_MS);
      assert.equal(at(overlapping, "12:02:30"), "open until 12:11:00");
      assert.equal(overlapping.overlaps(0), true);
    });
  });

  it("may be of a day, and end in another", () => {
    inZone("UTC", () => {
      const schedule = scheduleOf("50 23 * * *", 20 * MINUTE_MS);
      assert.equal(at(schedule, "00:05:00"), "open until 00:10:00");
      assert.equal(at(schedule, "23:55:00"), "open until 00:10:00");
    });
  });

  it("without a pause are looked at again within two days", () => {
    inZone("UTC", () => {
      const schedule = scheduleOf("* * * * *", 24 * 60 * MINUTE_MS);
      const now = Date.parse("2026-11-21T12:00:30Z");
      const { open, changeMs } = schedule.at(now);
      assert.equal(open, true);
      assert.ok(changeMs - now > 24 * 60 * MINUTE_MS && changeMs - now <= 72.1 * 60 * MINUTE_MS);
      assert.equal(schedule.at(changeMs).open, true);
      assert.equal(schedule.overlaps(now), true);
    });
  });

  it("in an hour that comes twice are as long as any", () => {
    inZone("Europe/Berlin", () => {
      const schedule = scheduleOf("45 2 * * *", 30 * MINUTE_MS);
      const first = Date.parse("2027-10-31T02:45+02:00");
      assert.deepEqual(schedule.at(first - 1).changeMs, first);
      assert.deepEqual(schedule.at(first).changeMs, first + 30 * MINUTE_MS);
      assert.equal(schedule.at(Date.parse("2027-10-31T02:46+01:00")).open, false);
    });
  });

  it("were on between two moments, or not", () => {
    inZone("UTC", () => {
      const schedule = scheduleOf("*/10 * * * *", MINUTE_MS);
      const ms = (time: string) => Date.parse(`2026-11-21T${time}Z`);
      assert.equal(schedule.anyBetween(ms("12:01:00"), ms("12:09:59")), false);
      assert.equal(schedule.anyBetween(ms("12:01:00"), ms("12:10:00")), true);
      assert.equal(schedule.anyBetween(ms("12:10:30"), ms("12:10:30")), true);
      assert.equal(schedule.anyBetween(ms("12:01:00"), ms("12:01:00")), false);
    });
  });

  it("are what a look at each second finds, whatever the expression, the duration and the zone", () => {
    const minutes = fc.oneof(fc.constantFrom("*", "0", "*/7", "59", "10-20", "5,35"));
    const hours = fc.constantFrom("*", "2", "0", "1-3", "23", "*/5");
    const zone = fc.constantFrom("UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia");
    // Around the changes of 2027, and anywhere else.
    const begin = fc.oneof(
      fc.integer({ min: Date.UTC(2027, 2, 27), max: Date.UTC(2027, 2, 29) }),
      fc.integer({ min: Date.UTC(2027, 9, 30), max: Date.UTC(2027, 10, 1) }),
      fc.integer({ min: Date.UTC(2027, 0, 1), max: Date.UTC(2027, 11, 31) }),
    );
    const duration = fc.integer({ min: 1, max: 7200 }).map((seconds) => seconds * 1000);
    fc.assert(
      fc.property(minutes, hours, zone, begin, duration, (minute, hour, name, from, durationMs) => {
        inZone(name, () => {
          const schedule = scheduleOf(`${minute} ${hour} * * *`, durationMs);
          const fresh = scheduleOf(`${minute} ${hour} * * *`, durationMs);
          const starts = new Set<number>();
          // By steps that no day is shorter than: one whose clocks are set on has 23 hours.
          for (let hours = -48; hours <= 48; hours += 12) {
            for (const start of schedule.cron.startsOfDay(from + hours * 60 * MINUTE_MS)) starts.add(start);
          }
          let state = schedule.at(from);
          for (let ms = from; ms < from + 4 * 60 * MINUTE_MS; ms += 61_001) {
            const open = [...starts].some((start) => start <= ms && ms < start + durationMs);
            if (ms >= state.changeMs) state = schedule.at(ms);
            assert.equal(state.open, open, new Date(ms).toISOString());
            assert.equal(fresh.at(ms).open, open);
          }
        });
      }),
      { numRuns: 60 },
    );
  });
});
