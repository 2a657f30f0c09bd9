import { isHeaderText, Secret } from "./secret.js";

/** One thing that an intake can be told, by its name: how it is read, and what people are told of it. */
export interface IntakeOption<T> {
  /** "push or ingest": completes "accepts …". */
  readonly accepts: string;
  readonly help: string;
  /** What it is when nobody says. */
  readonly fallback: T;
  /** Its text is never shown. */
  readonly secret: boolean;
  /** Undefined where the text is not accepted. */
  readonly parse: (text: string) => T | undefined;
}

export type OptionTable = Readonly<Record<string, IntakeOption<unknown>>>;

export type OptionValues<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends IntakeOption<infer T> ? T : never;
};

/** Option texts by name, as a command line, an environment or a file gave them. */
export type OptionTexts = Readonly<Record<string, string>>;

/** What an intake was told is wrong: one sentence for each wrong value. */
export class WrongOptions extends Error {
  override readonly name = "WrongOptions";

  constructor(readonly problems: readonly string[]) {
    super(problems.join(" "));
  }
}

/** The values, where all texts are right, and a sentence for each that is not. */
export interface ReadOptions<Table extends OptionTable> {
  readonly values: OptionValues<Table> | undefined;
  readonly problems: readonly string[];
}

/**
 * Reads what an intake was told by its table. A problem names the intake, the option, what it has (unless that is secret) and what is
 * accepted; of an option that there is not the value is not repeated, for it may be a secret under a mistyped name.
 */
export function readOptions<Table extends OptionTable>(
  who: string,
  table: Table,
  texts: OptionTexts,
): ReadOptions<Table> {
  const problems = Object.keys(texts)
    .filter((name) => !Object.hasOwn(table, name))
    .map((name) => `${who} has no option "${shown(name)}"; it has ${Object.keys(table).sort().join(", ")}.`);
  const values = Object.entries(table).map(([name, option]) => {
    if (!Object.hasOwn(texts, name)) return [name, option.fallback];
    const value = option.parse(texts[name]);
    if (value === undefined) {
      const had = option.secret ? "a value (not shown)" : `the value "${shown(texts[name])}"`;
      problems.push(`${who}'s option "${name}" has ${had}; it accepts ${option.accepts}.`);
    }
    return [name, value];
  });
  // Each value comes from its own option's parse or fallback.
  return { values: problems.length > 0 ? undefined : (Object.fromEntries(values) as OptionValues<Table>), problems };
}

export function word<const Word extends string>(words: readonly [Word, ...Word[]], help: string): IntakeOption<Word> {
  return {
    accepts: words.length === 1 ? words[0] : `${words.slice(0, -1).join(", ")} or ${words.at(-1) ?? ""}`,
    help,
    fallback: words[0],
    secret: false,
    parse: (text) => words.find((candidate) => candidate === text),
  };
}

export function flag(help: string): IntakeOption<boolean> {
  const parse = (text: string): boolean | undefined => (text === "true" ? true : text === "false" ? false : undefined);
  return { accepts: "true or false", help, fallback: false, secret: false, parse };
}

/** "30", "30s", "500ms": milliseconds. */
export function time(fallbackMs: number, minMs: number, maxMs: number, help: string): IntakeOption<number> {
  return {
    accepts: `a time of ${minMs / 1000} s to ${maxMs / 1000} s such as 30s`,
    help,
    fallback: fallbackMs,
    secret: false,
    parse: (text) => {
      const [, digits, unit] = /^(\d{1,9})(ms|s|m)?$/.exec(text) ?? [];
      if (digits === undefined) return undefined;
      const value = Number(digits) * (unit === "ms" ? 1 : unit === "m" ? 60_000 : 1000);
      return value >= minMs && value <= maxMs ? value : undefined;
    },
  };
}

/** A short text that is put in a header, a label or a name. */
export function shortText(accepts: string, pattern: RegExp, help: string): IntakeOption<string | undefined> {
  const parse = (text: string): string | undefined => (text.length <= 200 && pattern.test(text) ? text : undefined);
  return { accepts, help, fallback: undefined, secret: false, parse };
}

export function path(what: string, help: string): IntakeOption<string | undefined> {
  const parse = (text: string): string | undefined => (text.startsWith("/") && !text.includes("\0") ? text : undefined);
  return { accepts: `the absolute path of ${what}`, help, fallback: undefined, secret: false, parse };
}

/** A key or token, as text. `pattern` is what the intake's own keys look like. */
export function secretText(accepts: string, help: string, pattern = /^/): IntakeOption<Secret | undefined> {
  const parse = (text: string): Secret | undefined => {
    return isHeaderText(text) && pattern.test(text) ? Secret.of(text) : undefined;
  };
  return { accepts, help, fallback: undefined, secret: true, parse };
}

/** A key or token, as the path of the file it is in. */
export function secretFile(help: string): IntakeOption<Secret | undefined> {
  const file = path("the file it is in", help);
  const parse = (text: string): Secret | undefined => {
    const found = file.parse(text);
    return found === undefined ? undefined : Secret.inFile(found);
  };
  return { ...file, fallback: undefined, parse };
}

/** "name=value,name=value", as OTEL_EXPORTER_OTLP_HEADERS has it: values may be percent-encoded, and may be secrets. */
export function headerList(help: string): IntakeOption<ReadonlyMap<string, Secret>> {
  const parse = (text: string): ReadonlyMap<string, Secret> | undefined => {
    const headers = new Map<string, Secret>();
    for (const entry of text.split(",").filter((part) => part.trim() !== "")) {
      const [, name, value] = /^\s*([A-Za-z0-9-]+)\s*=\s*(.*?)\s*$/.exec(entry) ?? [];
      const plain = value === undefined ? undefined : decoded(value);
      if (name === undefined || plain === undefined || !isHeaderText(plain)) return undefined;
      headers.set(name.toLowerCase(), Secret.of(plain));
    }
    return headers;
  };
  return { accepts: "headers such as name=value,name=value", help, fallback: new Map(), secret: true, parse };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function shown(text: string): string {
  return text.replace(/[\0-\x1f\x7f]/g, " ").slice(0, 100);
}
