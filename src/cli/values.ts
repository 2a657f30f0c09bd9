/** A list or a map of a configuration file; its leaves are texts, whatever YAML would take them for. */
export type Structure = readonly GivenValue[] | ReadonlyMap<string, GivenValue>;

/** What somebody gave to an option: a text, or what only a file can give. */
export type GivenValue = string | Structure;

/** How the text of one option value is read. Pure; a refused text is undefined, and `accepts` says what is not refused. */
export interface ValueKind<T> {
  /** Completes the sentence "… accepts". */
  readonly accepts: string;
  /** What stands for the value in the help: "TIME". */
  readonly placeholder: string;
  readonly parse: (text: string) => T | undefined;
  /** Reads a list or a map of a file; without it, only texts are read. */
  readonly parseStructure?: (structure: Structure) => T | undefined;
  /** Completes the sentence "--flag …" about what was refused, where more can be said than what is accepted. */
  readonly explain?: (given: GivenValue) => string;
  /** A text as it may be printed, where part of it may be secret. */
  readonly show?: (text: string) => string;
  /** A value as somebody would type it; without it, its text. */
  readonly format?: (value: T) => string;
}

const MILLISECONDS: readonly (readonly [unit: string, factor: number])[] = [
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
];

/** Milliseconds of "1m30s", "2.5s", "500ms": each unit at most once, the larger first. Undefined without a unit. */
export function parseDuration(text: string): number | undefined {
  const parts = /^(?:\d+(?:\.\d+)?(?:ms|h|m|s))+$/.test(text) ? text.match(/[\d.]+[a-z]+/g) : null;
  if (parts === null) return undefined;
  let total = 0;
  let next = 0;
  for (const part of parts) {
    const [, amount, unit] = /^([\d.]+)([a-z]+)$/.exec(part) ?? [];
    const index = MILLISECONDS.findIndex(([name], position) => position >= next && name === unit);
    const entry = MILLISECONDS[index];
    if (entry === undefined) return undefined;
    total += Number(amount) * entry[1];
    next = index + 1;
  }
  return Number.isFinite(total) ? Math.round(total) : undefined;
}

/** "90s" as a person writes it: "1m30s". The inverse of {@link parseDuration} for whole milliseconds. */
export function formatDuration(milliseconds: number): string {
  let rest = milliseconds;
  let text = "";
  for (const [unit, factor] of MILLISECONDS) {
    const amount = Math.floor(rest / factor);
    if (amount > 0) text += `${amount}${unit}`;
    rest -= amount * factor;
  }
  return text === "" ? "0s" : text;
}

const BYTE_UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** Bytes of "64MiB", "512KiB", "1GiB", "4096B". Undefined without a unit, so that nobody means megabytes and gets bytes. */
export function parseBytes(text: string): number | undefined {
  const [, amount, unit] = /^(\d+)(B|KiB|MiB|GiB)$/.exec(text) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  const bytes = Number(amount) * (BYTE_UNITS[unit] ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** A size in the largest unit that leaves it whole: "64MiB". */
export function formatBytes(bytes: number): string {
  for (const unit of ["GiB", "MiB", "KiB"]) {
    const factor = BYTE_UNITS[unit] ?? 1;
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return `${bytes}B`;
}

/** A time of at least `minimumMs` and at most `maximumMs`; milliseconds. */
export function duration(minimumMs: number, maximumMs: number): ValueKind<number> {
  return {
    accepts: `a time such as 10s, 1m30s or 500ms, from ${formatDuration(minimumMs)} to ${formatDuration(maximumMs)}`,
    placeholder: "TIME",
    format: formatDuration,
    parse: (text) => within(parseDuration(text), minimumMs, maximumMs),
  };
}

/** A size in bytes between two bounds, both included. */
export function bytes(minimum: number, maximum: number): ValueKind<number> {
  return {
    accepts: `a size such as ${formatBytes(minimum)}, from ${formatBytes(minimum)} to ${formatBytes(maximum)}`,
    placeholder: "SIZE",
    format: formatBytes,
    parse: (text) => within(parseBytes(text), minimum, maximum),
  };
}

/** A size that is a power of two, as ring buffers must be. */
export function powerOfTwoBytes(minimum: number, maximum: number): ValueKind<number> {
  const size = bytes(minimum, maximum);
  return {
    ...size,
    accepts: `a power of two such as ${formatBytes(minimum)}, from ${formatBytes(minimum)} to ${formatBytes(maximum)}`,
    parse: (text) => {
      const value = size.parse(text);
      return value !== undefined && Number.isInteger(Math.log2(value)) ? value : undefined;
    },
  };
}

/** A word that stands for a value, or a value. */
export function orWord<const Word extends string, T>(words: readonly Word[], kind: ValueKind<T>): ValueKind<Word | T> {
  const { format = String } = kind;
  const isWord = (value: Word | T): value is Word => words.some((word) => word === value);
  return {
    ...kind,
    format: (value) => (isWord(value) ? value : format(value)),
    accepts: `${[kind.accepts, ...words.slice(0, -1)].join(", ")} or ${words.at(-1) ?? ""}`,
    parse: (text) => words.find((word) => word === text) ?? kind.parse(text),
  };
}

/** A whole number between two bounds, both included. */
export function integer(minimum: number, maximum: number, placeholder: string): ValueKind<number> {
  return {
    accepts: `a whole number from ${minimum} to ${maximum}`,
    placeholder,
    parse: (text) => (/^\d{1,15}$/.test(text) ? within(Number(text), minimum, maximum) : undefined),
  };
}

/** A path to write to; its folder is looked at later, when everything else is known to be right. */
export const file: ValueKind<string> = {
  accepts: "the path of a file to write",
  placeholder: "FILE",
  parse: (text) => (text === "" || text.endsWith("/") || text.includes("\0") ? undefined : text),
};

/** A path to read from. */
export const fileToRead: ValueKind<string> = { ...file, accepts: "the path of a file to read" };

/** TASK_COMM_LEN less the terminating zero (include/linux/sched.h). */
const COMM_BYTES = 15;

/** A thread's name as the kernel keeps it: a longer one is cut, so that the full name of a program matches too. */
export const comm: ValueKind<string> = {
  accepts: "the name of a thread, as ps -L -o comm shows it",
  placeholder: "NAME",
  parse: (text) => {
    if (text === "" || text.includes("\0")) return undefined;
    return Buffer.from(text).subarray(0, COMM_BYTES).toString();
  },
};

const SWITCH_WORDS: ReadonlyMap<string, boolean> = new Map([
  ["1", true],
  ["true", true],
  ["yes", true],
  ["on", true],
  ["0", false],
  ["false", false],
  ["no", false],
  ["off", false],
]);

/** On or off, as an environment variable says it. */
export const onOff: ValueKind<boolean> = {
  accepts: "true or false",
  placeholder: "",
  parse: (text) => SWITCH_WORDS.get(text.toLowerCase()),
};

function within(value: number | undefined, minimum: number, maximum: number): number | undefined {
  return value !== undefined && value >= minimum && value <= maximum ? value : undefined;
}

/** One of a few words. */
export function oneOf<const Word extends string>(words: readonly Word[], placeholder: string): ValueKind<Word> {
  const listed = `${words.slice(0, -1).join(", ")} or ${words.at(-1) ?? ""}`;
  return { accepts: listed, placeholder, parse: (text) => words.find((word) => word === text) };
}
