import type { Option, OptionValues } from "./option.js";
import { suggest } from "./suggest.js";

/** What was typed cannot be meant; the message is one sentence for the terminal. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Flags that every command knows, and that end the reading. */
const HELP_FLAGS = ["--help", "-h"];

/**
 * Reads a command's words against its table. A flag stands over its environment variable, which stands over those of
 * older agents, which stand over the default; an empty variable counts as unset, as manifests often leave it.
 *
 * @returns the frozen values, or "help" when help was asked for
 * @throws {UsageError} on the first thing that is wrong
 */
export function readArguments<Table extends { readonly [Name in keyof Table]: Option<unknown> }>(
  table: Table,
  words: readonly string[],
  environment: Environment,
): OptionValues<Table> | "help" {
  if (words.some((word) => HELP_FLAGS.includes(word))) return "help";
  const given = collectTexts(Object.values<Option<unknown>>(table), words);
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries<Option<unknown>>(table)) {
    const texts = given.get(option.flag);
    const variable = [option.environment, ...option.aliases].find((each) => (environment[each] ?? "") !== "");
    if (texts !== undefined) values[name] = read(option, texts, option.flag);
    else if (variable !== undefined) values[name] = read(option, [environment[variable] ?? ""], variable);
    else values[name] = option.initial;
  }
  return Object.freeze(values) as OptionValues<Table>;
}

/** The texts that were given to each flag, in order; only flags that occur. */
function collectTexts(options: readonly Option<unknown>[], words: readonly string[]): Map<string, string[]> {
  const byFlag = new Map(options.map((option) => [option.flag as string, option]));
  const given = new Map<string, string[]>();
  for (let index = 0; index < words.length; index++) {
    const word = words[index];
    const equals = word.startsWith("--") ? word.indexOf("=") : -1;
    const flag = equals < 0 ? word : word.slice(0, equals);
    const option = byFlag.get(flag);
    if (option === undefined) throw new UsageError(unknownWord(word, flag, [...byFlag.keys(), ...HELP_FLAGS]));
    const texts: string[] = [];
    if (equals >= 0) {
      texts.push(word.slice(equals + 1));
    } else if (option.takes === "none") {
      texts.push("true");
    } else {
      const most = option.takes === "many" ? words.length : 1;
      while (texts.length < most && index + 1 < words.length && !words[index + 1].startsWith("--")) {
        texts.push(words[++index]);
      }
      if (texts.length === 0) throw new UsageError(`${flag} needs a value: it accepts ${option.accepts}.`);
    }
    given.set(flag, [...(given.get(flag) ?? []), ...texts]);
  }
  return given;
}

function read(option: Option<unknown>, texts: readonly string[], source: string): unknown {
  const reading = option.read(texts);
  if ("value" in reading) return reading.value;
  if (reading.why !== undefined) throw new UsageError(`${source} ${reading.why}.`);
  const shown = JSON.stringify(option.show(reading.refused));
  throw new UsageError(`${source} does not accept ${shown}: it accepts ${option.accepts}.`);
}

function unknownWord(word: string, flag: string, flags: readonly string[]): string {
  if (!word.startsWith("-")) {
    return `${JSON.stringify(word)} belongs to no flag; values follow theirs, as in --duration 5s.`;
  }
  const meant = suggest(flag, flags);
  return meant === undefined
    ? `There is no flag ${flag}; --help lists those there are.`
    : `There is no flag ${flag}; did you mean ${meant}?`;
}
