/** One of an expression's five. */
export interface CronFieldKind {
  /** "the minute": completes "… of the expression". */
  readonly name: string;
  readonly first: number;
  /** The last that `*` means. */
  readonly last: number;
  /** The last that may be written, where that is more: 7 is Sunday too. */
  readonly lastWritten?: number;
  /** Words for numbers, from the first on. */
  readonly words?: readonly string[];
}

export const CRON_FIELDS: readonly CronFieldKind[] = [
  { name: "minute", first: 0, last: 59 },
  { name: "hour", first: 0, last: 23 },
  { name: "day of the month", first: 1, last: 31 },
  {
    name: "month",
    first: 1,
    last: 12,
    words: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
  },
  {
    name: "day of the week",
    first: 0,
    last: 6,
    lastWritten: 7,
    words: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
  },
];

/** The numbers of a field. */
export interface CronField {
  /** By number: 1 where it is meant. */
  readonly holds: Uint8Array;
  /** All numbers are meant because of a star. */
  readonly any: boolean;
}

/** Reads one field; a sentence where it is wrong. */
export function parseCronField(text: string, kind: CronFieldKind): CronField | string {
  const holds = new Uint8Array(kind.last + 1);
  let any = false;
  for (const part of text.split(",")) {
    const range = parsePart(part, kind);
    if (typeof range === "string") return range;
    any ||= range.star && range.step === 1;
    for (let number = range.from; number <= range.to; number += range.step) {
      holds[number > kind.last ? kind.first : number] = 1;
    }
  }
  return { holds, any };
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly star: boolean;
}

function parsePart(part: string, kind: CronFieldKind): Range | string {
  const { name, first, last } = kind;
  const wrong = `the ${name} "${part}" is none`;
  const match = /^(?:([*?])|([\da-z]{1,3})(?:-([\da-z]{1,3}))?)(?:\/(\d{1,2}))?$/i.exec(part);
  if (match === null) return `${wrong}: it takes numbers, ranges such as ${first}-${last}, and steps such as */2`;
  const [, star, low, high, stepText] = match;
  const step = stepText === undefined ? 1 : Number(stepText);
  if (step === 0) return `${wrong}: a step of 0 never ends`;
  if (star !== undefined) return { from: first, to: last, step, star: true };
  const from = numberOf(low, kind);
  // With a step and no end, on to the last one.
  const to = high === undefined ? (stepText === undefined ? from : last) : numberOf(high, kind);
  if (from === undefined || to === undefined) return `${wrong}: it is from ${first} to ${last}`;
  if (from > to) return `${wrong}: the range goes backwards`;
  return { from, to, step, star: false };
}

function numberOf(text: string, { first, last, lastWritten = last, words = [] }: CronFieldKind): number | undefined {
  const word = words.indexOf(text.toLowerCase());
  if (word >= 0) return first + word;
  const number = /^\d{1,2}$/.test(text) ? Number(text) : -1;
  return number >= first && number <= lastWritten ? number : undefined;
}
