import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Cron as Croner } from "croner";
import fc from "fast-check";
import { parseCron } from "#src/schedule/cron.js";
import { CRON_FIELDS } from "#src/schedule/cron-field.js";
import { Schedule } from "#src/schedule/schedule.js";
import { inZone } from "../../support/time-zone.js";

function scheduleOf(text: string): Schedule {
  const cron = parseCron(text);
  if (typeof cron === "string") throw new Error(cron);
  return new Schedule(cron, 1000);
}

/** The next times after a moment, by the local clock of a zone, as ISO 8601 with the zone's offset. */
function next(text: string, from: string, count: number, zone = "UTC"): string[] {
  return inZone(zone, () => {
    const schedule = scheduleOf(text);
    const times: string[] = [];
    let ms = Date.parse(from);
    while (times.length < count) {
      const { open, changeMs } = schedule.at(ms);
      if (!open && changeMs === Infinity) break;
      if (!open) times.push(local(changeMs));
      ms = changeMs;
    }
    return times;
  });
}

function local(ms: number): string {
  const minutes = -new Date(ms).getTimezoneOffset();
  const shifted = new Date(ms + minutes * 60_000).toISOString().slice(0, 16);
  const sign = minutes < 0 ? "-" : "+";
  return `${shifted}${sign}${String(Math.floor(Math.abs(minutes) / 60)).padStart(2, "0")}`;
}

describe("a cron expression", () => {
  for (const [text, from, times] of [
    ["*/20 * * * *", "2026-11-21T12:05Z", ["2026-11-21T12:20+00", "2026-11-21T12:40+00", "2026-11-21T13:00+00"]],
    ["5 4 * * *", "2026-11-21T12:05Z", ["2026-11-22T04:05+00", "2026-11-23T04:05+00"]],
    [
      "0 9-17/4 * * mon-fri",
      "2026-11-21T00:00Z",
      ["2026-11-23T09:00+00", "2026-11-23T13:00+00", "2026-11-23T17:00+00"],
    ],
    ["0 0 1,15 * *", "2026-11-21T00:00Z", ["2026-12-01T00:00+00", "2026-12-15T00:00+00"]],
    [
      "0 0 13 * 5",
      "2026-11-21T00:00Z",
      ["2026-11-27T00:00+00", "2026-12-04T00:00+00", "2026-12-11T00:00+00", "2026-12-13T00:00+00"],
    ],
    ["0 0 29 2 *", "2026-11-21T00:00Z", ["2028-02-29T00:00+00", "2032-02-29T00:00+00"]],
    ["0 0 29 2 *", "2096-11-21T00:00Z", ["2104-02-29T00:00+00"]],
    ["50/4 1 * * *", "2026-11-21T00:00Z", ["2026-11-21T01:50+00", "2026-11-21T01:54+00", "2026-11-21T01:58+00"]],
    ["0 0 * * 7", "2026-11-21T00:00Z", ["2026-11-22T00:00+00", "2026-11-29T00:00+00"]],
    ["0 0 * * 5-7", "2026-11-21T00:00Z", ["2026-11-22T00:00+00", "2026-11-27T00:00+00"]],
    ["@Hourly", "2026-11-21T00:30Z", ["2026-11-21T01:00+00", "2026-11-21T02:00+00"]],
    ["@weekly", "2026-11-21T00:30Z", ["2026-11-22T00:00+00"]],
    ["  0  0 1 JAN,Jul ?  ", "2026-11-21T00:30Z", ["2027-01-01T00:00+00", "2027-07-01T00:00+00"]],
  ] as const) {
    it(`${text} after ${from}`, () => {
      assert.deepEqual(next(text, from, times.length), times);
    });
  }

  for (const [text, problem] of [
    ["", "it has not the five fields minute, hour, day of the month, month and day of the week"],
    ["* * * *", "it has not the five fields minute, hour, day of the month, month and day of the week"],
    ["* * * * * *", "it has not the five fields minute, hour, day of the month, month and day of the week"],
    ["60 * * * *", 'the minute "60" is none: it is from 0 to 59'],
    ["* 24 * * *", 'the hour "24" is none: it is from 0 to 23'],
    ["* * 0 * *", 'the day of the month "0" is none: it is from 1 to 31'],
    ["* * * foo *", 'the month "foo" is none: it is from 1 to 12'],
    ["* * * * 8", 'the day of the week "8" is none: it is from 0 to 6'],
    ["*/0 * * * *", 'the minute "*/0" is none: a step of 0 never ends'],
    ["30-10 * * * *", 'the minute "30-10" is none: the range goes backwards'],
    ["1,,2 * * * *", 'the minute "" is none: it takes numbers, ranges such as 0-59, and steps such as */2'],
    ["* * L * *", 'the day of the month "L" is none: it is from 1 to 31'],
    ["0 0 30 2 *", "none of its months has such a day"],
    ["0 0 31 4,6,9,11 *", "none of its months has such a day"],
    ["@reboot", "it is none of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly"],
    ["@toString", "it is none of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly"],
    ["* ".repeat(200), "it is longer than 200 characters"],
  ] as const) {
    it(`${JSON.stringify(text.slice(0, 30))} is refused`, () => {
      assert.equal(parseCron(text), problem);
    });
  }

  it("may be any text at all", () => {
    const char = fc.constantFrom(...Array.from("0123456789*/,-? @abcmonjanL#\t\n\0é"));
    const words = fc.array(fc.string({ unit: char, maxLength: 12 }), { maxLength: 7 }).map((parts) => parts.join(" "));
    fc.assert(
      fc.property(fc.oneof(words, fc.string({ maxLength: 300 })), (text) => {
        const cron = parseCron(text);
        if (typeof cron === "string") assert.match(cron, /^[^\n]{1,400}$/s);
        else assert.ok(cron.startsOfDay(Date.UTC(2026, 10, 21)).length <= 1440);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a change of clocks", () => {
  // In 2027 on March 28, 02:00 becomes 03:00, and on October 31, 03:00 becomes 02:00.
  const SPRING = "2027-03-27T12:00Z";
  const AUTUMN = "2027-10-30T12:00Z";

  it("that skips a time begins at its moment, once, and then as ever", () => {
    assert.deepEqual(next("30 2 * * *", SPRING, 2, "Europe/Berlin"), ["2027-03-28T03:00+02", "2027-03-29T02:30+02"]);
    assert.deepEqual(next("*/20 2 * * *", SPRING, 2, "Europe/Berlin"), ["2027-03-28T03:00+02", "2027-03-29T02:00+02"]);
    assert.deepEqual(next("0 2,3 * * *", SPRING, 2, "Europe/Berlin"), ["2027-03-28T03:00+02", "2027-03-29T02:00+02"]);
  });

  it("that brings a time twice counts it once", () => {
    assert.deepEqual(next("30 2 * * *", AUTUMN, 2, "Europe/Berlin"), ["2027-10-31T02:30+02", "2027-11-01T02:30+01"]);
  });

  it("is nothing to what comes every hour", () => {
    assert.deepEqual(next("30 * * * *", "2027-03-28T00:00Z", 3, "Europe/Berlin"), [
      "2027-03-28T01:30+01",
      "2027-03-28T03:30+02",
      "2027-03-28T04:30+02",
    ]);
    assert.deepEqual(next("30 * * * *", "2027-10-30T23:00Z", 4, "Europe/Berlin"), [
      "2027-10-31T01:30+02",
      "2027-10-31T02:30+02",
      "2027-10-31T02:30+01",
      "2027-10-31T03:30+01",
    ]);
  });

  it("may be at midnight, by half an hour, or a whole day", () => {
    // São Paulo, 2018-11-04: 00:00 became 01:00.
    assert.deepEqual(next("15 0 * * *", "2018-11-03T12:00Z", 2, "America/Sao_Paulo"), [
      "2018-11-04T01:00-02",
      "2018-11-05T00:15-02",
    ]);
    // Lord Howe, 2027-10-03: 02:00 became 02:30.
    assert.equal(next("10 2 * * *", "2027-10-02T12:00Z", 1, "Australia/Lord_Howe")[0], "2027-10-03T02:30+11");
    // Samoa had no 2011-12-30.
    assert.deepEqual(next("0 6 * * *", "2011-12-29T12:00Z", 3, "Pacific/Apia"), [
      "2011-12-29T06:00-10",
      "2011-12-31T00:00+14",
      "2011-12-31T06:00+14",
    ]);
  });
});

describe("the next time", () => {
  const field = (first: number, last: number): fc.Arbitrary<string> => {
    const number = fc.integer({ min: first, max: last });
    const range = fc.tuple(number, number).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
    const step = fc.integer({ min: 1, max: last });
    const part = fc.oneof(
      number.map(String),
      range,
      fc.tuple(range, step).map(([a, b]) => `${a}/${b}`),
    );
    const list = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(","));
    return fc.oneof(
      { weight: 2, arbitrary: fc.constant("*") },
      list,
      step.map((by) => `*/${by}`),
    );
  };
  const expression = fc
    .tuple(...CRON_FIELDS.map(({ first, last }) => field(first, last)))
    .map((fields) => fields.join(" "))
    // What days a stepped star restricts is a matter of taste.
    .filter((text) => !/^\S+ \S+ (\*\/\S+ \S+ [^*]|[^*]\S* \S+ \*\/|\*\/\S+ \S+ \*\/)/.test(text));
  const moment = fc.integer({ min: Date.UTC(2020, 0, 1) / 60_000, max: Date.UTC(2035, 0, 1) / 60_000 });

  it("is croner's, in a zone whose clocks are never set", () => {
    fc.assert(
      fc.property(expression, moment, (text, minute) => {
        const from = minute * 60_000;
        if (typeof parseCron(text) === "string") return; // it never comes
        const theirs = new Croner(text, { timezone: "Asia/Kolkata" }).nextRun(new Date(from))?.getTime();
        const [ours] = inZone("Asia/Kolkata", () => [scheduleOf(text).at(from + 1000).changeMs]);
        assert.equal(ours, theirs ?? Infinity);
      }),
      { numRuns: 500 },
    );
  });

  it("is croner's in a zone with summer time, where no hour is meant in particular", () => {
    const hourly = expression.map((text) => text.replace(/^(\S+) \S+/, "$1 *"));
    fc.assert(
      fc.property(hourly, moment, (text, minute) => {
        const from = minute * 60_000;
        if (typeof parseCron(text) === "string") return;
        const theirs = new Croner(text, { timezone: "Europe/Berlin" }).nextRun(new Date(from))?.getTime();
        const ours = inZone("Europe/Berlin", () => scheduleOf(text).at(from + 1000).changeMs);
        assert.equal(ours, theirs ?? Infinity);
      }),
      { numRuns: 500 },
    );
  });

  it("is found at once, whatever it is", () => {
    const start = performance.now();
    inZone("America/New_York", () => scheduleOf("0 0 29 2 *").at(Date.UTC(2096, 2, 1)));
    const ms = performance.now() - start;
    assert.ok(ms < 500, `${ms} ms`);
  });
});
