import { CRON_FIELDS, parseCronField, type CronField } from "./cron-field.js";

/** When something begins, by the wall clock of the local time zone (TZ, or the system's). Minutes are the finest. */
export interface Cron {
  /** As it was written. */
  readonly text: string;
  /** The moments it begins in a local day, milliseconds since the epoch, ascending. `dayMs`: any moment of that day. */
  startsOfDay(dayMs: number): readonly number[];
}

const MINUTE_MS = 60_000;
const MAX_TEXT = 200;
/** Of each month; February's in a leap year. */
const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** Days whose moments are remembered: yesterday, today and some days to come. */
const REMEMBERED_DAYS = 16;

const MACROS: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/** Reads an expression; where it is wrong, why, without a full stop: `the minute "60" is none: it is from 0 to 59`. */
export function parseCron(text: string): Cron | string {
  if (text.length > MAX_TEXT) return `it is longer than ${MAX_TEXT} characters`;
  const trimmed = text.trim();
  if (trimmed.startsWith("@") && !Object.hasOwn(MACROS, trimmed.toLowerCase())) {
    return `it is none of ${Object.keys(MACROS).join(", ")}`;
  }
  const words = (trimmed.startsWith("@") ? MACROS[trimmed.toLowerCase()] : trimmed).split(/\s+/);
  if (words.length !== CRON_FIELDS.length) {
    return "it has not the five fields minute, hour, day of the month, month and day of the week";
  }
  const fields: CronField[] = [];
  for (const [index, word] of words.entries()) {
    const field = parseCronField(word, CRON_FIELDS[index]);
    if (typeof field === "string") return field;
    fields.push(field);
  }
  const [minute, hour, day, month, weekday] = fields;
  const expression = { minute, hour, day, month, weekday };
  if (!everComes(expression)) return "none of its months has such a day";
  return makeCron(trimmed, expression);
}

interface Expression {
  readonly minute: CronField;
  readonly hour: CronField;
  readonly day: CronField;
  readonly month: CronField;
  readonly weekday: CronField;
}

function everComes({ day, month, weekday }: Expression): boolean {
  if (!weekday.any) return true;
  return DAYS.some((days, index) => month.holds[index + 1] === 1 && day.holds.subarray(0, days + 1).includes(1));
}

function makeCron(text: string, expression: Expression): Cron {
  /** By the moment the day begins, so that another time zone is another day. */
  const known = new Map<number, readonly number[]>();
  return {
    text,
    startsOfDay: (dayMs) => {
      const day = new Date(dayMs);
      const beginMs = new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
      const before = known.get(beginMs);
      if (before !== undefined) return before;
      const endMs = new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1).getTime();
      const starts = startsBetween(expression, beginMs, endMs);
      if (known.size >= REMEMBERED_DAYS) known.clear();
      known.set(beginMs, starts);
      return starts;
    },
  };
}

/** Of one local day, from its first moment to the next day's. */
function startsBetween(expression: Expression, beginMs: number, endMs: number): readonly number[] {
  const isEveryHour = !expression.hour.holds.includes(0);
  const changes = offsetMs(beginMs - MINUTE_MS) !== offsetMs(endMs - MINUTE_MS);
  if (!changes && !matchesDay(expression, localFields(beginMs))) return [];
  const starts: number[] = [];
  for (let ms = beginMs; ms < endMs; ms += MINUTE_MS) {
    const fields = localFields(ms);
    const isMeant = matchesDay(expression, fields) && matchesTime(expression, fields);
    if (isEveryHour || !changes) {
      if (isMeant) starts.push(ms);
    } else if ((isMeant && !isSecondTime(ms)) || skippedBefore(expression, ms)) {
      starts.push(ms);
    }
  }
  return starts;
}

/** Local time as if it were UTC's, so that fields of a time that does not exist can be had too. */
function localFields(ms: number): Date {
  return new Date(ms + offsetMs(ms));
}

function offsetMs(ms: number): number {
  return -new Date(ms).getTimezoneOffset() * MINUTE_MS;
}

/** Days of the month and of the week: either where both are restricted. */
function matchesDay({ day, month, weekday }: Expression, fields: Date): boolean {
  if (month.holds[fields.getUTCMonth() + 1] === 0) return false;
  const isDay = day.holds[fields.getUTCDate()] === 1;
  const isWeekday = weekday.holds[fields.getUTCDay()] === 1;
  return day.any || weekday.any ? isDay && isWeekday : isDay || isWeekday;
}

function matchesTime({ minute, hour }: Expression, fields: Date): boolean {
  return minute.holds[fields.getUTCMinutes()] === 1 && hour.holds[fields.getUTCHours()] === 1;
}

/** Clocks were set back, and this local time has been there before: JavaScript takes the first of the two. */
function isSecondTime(ms: number): boolean {
  const date = new Date(ms);
  const first = new Date(date.getFullYear(), date.getMonth(), date.getDate(), date.getHours(), date.getMinutes());
  return first.getTime() < ms;
}

/** Clocks were set on at this moment, over a time that is meant. */
function skippedBefore(expression: Expression, ms: number): boolean {
  const skippedMs = offsetMs(ms) - offsetMs(ms - MINUTE_MS);
  const local = ms + offsetMs(ms);
  for (let back = MINUTE_MS; back <= skippedMs; back += MINUTE_MS) {
    const fields = new Date(local - back);
    if (matchesDay(expression, fields) && matchesTime(expression, fields)) return true;
  }
  return false;
}
