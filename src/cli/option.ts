import { onOff, type ValueKind } from "./values.js";

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
  /** How many words follow the flag. Of "many", each may hold several values between commas. */
  readonly takes: "none" | "one" | "many";
  readonly placeholder: string;
  readonly accepts: string;
  /** A text as it may be printed: without what is secret in it. */
  readonly show: (text: string) => string;
  /** The default as a person would type it; "" when there is none. */
  readonly defaultText: string;
  readonly help: string;
  readonly initial: T;
  /** The value that these texts (at least one, in the order given) make. */
  readonly read: (texts: readonly string[]) => Reading<T>;
}

/** A value, or the first text that was refused; `why` completes "NAME …" where more can be said than what is accepted. */
export type Reading<T> = { readonly value: T } | { readonly refused: string; readonly why: string | undefined };

/** What each option of a table yields. */
export type OptionValues<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends Option<infer T> ? T : never;
};

interface OptionText {
  readonly flag: `--${string}`;
  readonly help: string;
  readonly aliases?: readonly string[];
}

/** An option with a value and a default. Given twice, the last one stands. */
export function value<T>(kind: ValueKind<T>, text: OptionText & { readonly defaultText: string }): Option<T> {
  const initial = kind.parse(text.defaultText);
  if (initial === undefined) throw new Error(`${text.flag}: its own default ${text.defaultText} is refused`);
  return { ...common(kind, text), takes: "one", defaultText: text.defaultText, initial, read: last(kind) };
}

/** An option with a value and no default. Given twice, the last one stands. */
export function optionalValue<T>(kind: ValueKind<T>, text: OptionText): Option<T | undefined> {
  return { ...common(kind, text), takes: "one", defaultText: "", initial: undefined, read: last(kind) };
}

/** An option that gathers values: from repetition, from several words, from commas. */
export function list<T>(kind: ValueKind<T>, text: OptionText): Option<readonly T[]> {
  const read = (texts: readonly string[]): Reading<readonly T[]> => {
    const values: T[] = [];
    for (const text of texts.flatMap((words) => words.split(","))) {
      const parsed = kind.parse(text);
      if (parsed === undefined) return refusal(kind, text);
      values.push(parsed);
    }
    return { value: values };
  };
  return { ...common(kind, text), takes: "many", defaultText: "", initial: [], read };
}

/** An option without a value: off until it is given. */
export function toggle(text: OptionText): Option<boolean> {
  return { ...common(onOff, text), takes: "none", defaultText: "", initial: false, read: last(onOff) };
}

function common<T>(
  kind: ValueKind<T>,
  { flag, help, aliases = [] }: OptionText,
): Pick<Option<T>, "flag" | "environment" | "aliases" | "placeholder" | "accepts" | "help" | "show"> {
  const environment = `HOSTFLAME_${flag.slice(2).toUpperCase().replaceAll("-", "_")}` as const;
  const { placeholder, accepts, show = (text: string) => text } = kind;
  return { flag, environment, aliases, placeholder, accepts, help, show };
}

/** All texts have to be right, and the last one stands. */
function last<T>(kind: ValueKind<T>): (texts: readonly string[]) => Reading<T> {
  return (texts) => {
    let reading: Reading<T> = { refused: "", why: undefined };
    for (const text of texts) {
      const parsed = kind.parse(text);
      if (parsed === undefined) return refusal(kind, text);
      reading = { value: parsed };
    }
    return reading;
  };
}

function refusal<T>(kind: ValueKind<T>, text: string): { readonly refused: string; readonly why: string | undefined } {
  return { refused: text, why: kind.explain?.(text) };
}
