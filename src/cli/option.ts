import { type GivenValue, onOff, type ValueKind } from "./values.js";

/**
 * One row of an option table: a flag, its environment variable, its default, its help and how it is read. Everything
 * that is said about an option anywhere (help, messages, docs/options.md) comes from here.
 */
export interface Option<T> {
  readonly flag: `--${string}`;
  /** The variable that gives the value where the flag does not. */
  readonly environment: `HOSTFLAME_${string}`;
  /** Variables of older agents that give it where neither flag nor variable does; the first one set stands. */
  readonly aliases: readonly string[];
  /** Variables of older agents that give it several together: "A with B", for the help. */
  readonly together: readonly string[];
  /** What it is called in a configuration file: the flag without dashes, and for a list of maps its plural. */
  readonly keys: readonly string[];
  /** How many words follow the flag. Of "many", each may hold several values between commas; of "each", a value a line. */
  readonly takes: "none" | "one" | "many" | "each";
  readonly placeholder: string;
  readonly accepts: string;
  /** A text as it may be printed: without what is secret in it. */
  readonly show: (text: string) => string;
  /** The default as a person would type it; "" when there is none. */
  readonly defaultText: string;
  readonly help: string;
  readonly initial: T;
  /** The value that was given, in the order given; at least one. */
  readonly read: (given: readonly GivenValue[]) => Reading<T>;
  /** A value as a configuration file would give it; a list's items one by one. */
  format(value: T): FormattedValue;
}

/** null: there is none. */
export type FormattedValue = string | number | boolean | null | readonly (string | number)[];

/** The value; or everything that was refused and, of an option that gathers values, what was not. */
export type Reading<T> = { readonly value: T } | { readonly refused: readonly Refusal[]; readonly rest?: T };

export interface Refusal {
  /** As it may be printed: quoted, without what is secret; "a list" or "a map" of a file. */
  readonly shown: string;
  /** Completes "NAME …" where more can be said than what is accepted. */
  readonly why: string | undefined;
}

/** What each option of a table yields. */
export type OptionValues<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends Option<infer T> ? T : never;
};

interface OptionText {
  readonly flag: `--${string}`;
  readonly help: string;
  readonly aliases?: readonly string[];
  readonly together?: readonly string[];
}

/** An option with a value and a default. Given twice, the last one stands. */
export function value<T>(kind: ValueKind<T>, text: OptionText & { readonly defaultText: string }): Option<T> {
  const initial = kind.parse(text.defaultText);
  if (initial === undefined) throw new Error(`${text.flag}: its own default ${text.defaultText} is refused`);
  return { ...common(kind, text), ...one(kind), defaultText: text.defaultText, initial };
}

/** An option with a value and no default. Given twice, the last one stands. */
export function optionalValue<T>(kind: ValueKind<T>, text: OptionText): Option<T | undefined> {
  const { format, ...reading } = one(kind);
  return {
    ...common(kind, text),
    ...reading,
    defaultText: "",
    initial: undefined,
    format: (value) => (value === undefined ? null : format(value)),
  };
}

/** An option that gathers values: from repetition, from several words, from commas. */
export function list<T>(kind: ValueKind<T>, text: OptionText): Option<readonly T[]> {
  return { ...common(kind, text), ...gather(kind, ","), takes: "many", defaultText: "", initial: [] };
}

/** An option that gathers values from repetition, from several words and between spaces: as a variable that others read too has them. */
export function spaced<T>(kind: ValueKind<T>, text: OptionText): Option<readonly T[]> {
  return { ...common(kind, text), ...gather(kind, " "), takes: "many", defaultText: "", initial: [] };
}

/** An option that gathers values which have spaces and commas in them: from repetition, from lines. */
export function repeated<T>(kind: ValueKind<T>, text: OptionText & { readonly plural: string }): Option<readonly T[]> {
  const row = common(kind, text);
  const keys = [text.plural, ...row.keys];
  return { ...row, ...gather(kind, "\n"), keys, takes: "each", defaultText: "", initial: [] };
}

/** An option without a value: off until it is given. */
export function toggle(text: OptionText): Option<boolean> {
  return { ...common(onOff, text), ...one(onOff), takes: "none", defaultText: "", initial: false, format: Boolean };
}

type Common = "flag" | "environment" | "aliases" | "together" | "keys" | "placeholder" | "accepts" | "help" | "show";

function common<T>(
  kind: ValueKind<T>,
  { flag, help, aliases = [], together = [] }: OptionText,
): Pick<Option<T>, Common> {
  const key = flag.slice(2);
  const environment = `HOSTFLAME_${key.toUpperCase().replaceAll("-", "_")}` as const;
  const { placeholder, accepts, show = (text: string) => text } = kind;
  return { flag, environment, aliases, together, keys: [key], placeholder, accepts, help, show };
}

/** All values have to be right, and the last one stands. */
function one<T>(kind: ValueKind<T>): Pick<Option<T>, "takes" | "read" | "format"> {
  return {
    takes: "one",
    read: (given) => {
      const { values, refused } = readAll(kind, given);
      return refused.length > 0 ? { refused } : { value: values[values.length - 1] };
    },
    format: (value) => formatOne(kind, value),
  };
}

function gather<T>(kind: ValueKind<T>, separator: string): Pick<Option<readonly T[]>, "read" | "format"> {
  return {
    read: (given) => {
      const items: readonly GivenValue[] = given.flatMap((each) => (isList(each) ? each : [each]));
      const single: readonly GivenValue[] = items.flatMap((each) => partsOf(each, separator));
      const { values, refused } = readAll(kind, single);
      return refused.length > 0 ? { refused, rest: values } : { value: values };
    },
    format: (values) => values.map((value) => formatOne(kind, value)),
  };
}

function partsOf(given: GivenValue, separator: string): readonly GivenValue[] {
  if (typeof given !== "string") return [given];
  if (separator === " ") return given.split(/\s+/).filter((part) => part !== "");
  const parts = given.split(separator);
  // A block of lines ends with one, and people set its parts apart with empty ones.
  return separator === "\n" ? parts.filter((part) => part.trim() !== "") : parts;
}

function readAll<T>(kind: ValueKind<T>, given: readonly GivenValue[]): { values: T[]; refused: Refusal[] } {
  const values: T[] = [];
  const refused: Refusal[] = [];
  for (const each of given) {
    const parsed = typeof each === "string" ? kind.parse(each) : kind.parseStructure?.(each);
    if (parsed === undefined) refused.push({ shown: shownOf(kind, each), why: kind.explain?.(each) });
    else values.push(parsed);
  }
  return { values, refused };
}

/** Longer values are no use in a sentence. */
const MAX_SHOWN = 200;

function shownOf<T>(kind: ValueKind<T>, given: GivenValue): string {
  if (typeof given !== "string") return isList(given) ? "a list" : "a map";
  return JSON.stringify((kind.show?.(given) ?? given).slice(0, MAX_SHOWN));
}

function isList(given: GivenValue): given is readonly GivenValue[] {
  return Array.isArray(given);
}

function formatOne<T>(kind: ValueKind<T>, value: T): string | number {
  if (kind.format !== undefined) return kind.format(value);
  return typeof value === "number" ? value : String(value);
}
