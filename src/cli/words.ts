import type { Option } from "./option.js";
import { suggest } from "./suggest.js";

/** Flags that every command knows, and that end the reading. */
const HELP_FLAGS = ["--help", "-h"];

export function asksForHelp(words: readonly string[]): boolean {
  return words.some((word) => HELP_FLAGS.includes(word));
}

export interface GivenFlags {
  /** The texts that were given to each flag, in order; only flags that occur. */
  readonly texts: ReadonlyMap<string, readonly string[]>;
  /** A sentence for each word that means nothing. */
  readonly problems: readonly string[];
}

/** Sorts a command's words by flags. A word that may be a secret in the wrong place is not repeated. */
export function collectFlags(options: readonly Option<unknown>[], words: readonly string[]): GivenFlags {
  const byFlag = new Map(options.map((option) => [option.flag as string, option]));
  const given = new Map<string, string[]>();
  const problems: string[] = [];
  let index = 0;
  const following = (most: number): string[] => {
    const start = index;
    while (index < words.length && index - start < most && !words[index].startsWith("--")) index++;
    return words.slice(start, index);
  };
  while (index < words.length) {
    const word = words[index++];
    const equals = word.startsWith("--") ? word.indexOf("=") : -1;
    const flag = equals < 0 ? word : word.slice(0, equals);
    const option = byFlag.get(flag);
    if (option === undefined) {
      problems.push(unknownWord(flag, [...byFlag.keys(), ...HELP_FLAGS]));
      // What follows an unknown flag is its value, and says nothing of its own.
      if (word.startsWith("--")) following(words.length);
      continue;
    }
    const texts =
      equals >= 0
        ? [word.slice(equals + 1)]
        : option.takes === "none"
          ? ["true"]
          : following(option.takes === "many" ? words.length : 1);
    if (texts.length === 0) problems.push(`${flag} needs a value: it accepts ${option.accepts}.`);
    else given.set(flag, [...(given.get(flag) ?? []), ...texts]);
  }
  return { texts: given, problems };
}

function unknownWord(word: string, flags: readonly string[]): string {
  if (!word.startsWith("-")) {
    const name = /^([^=]{1,40})=/.exec(word)?.[1];
    return name === undefined
      ? `${JSON.stringify(word)} belongs to no flag; values follow theirs, as in --duration 5s.`
      : `${JSON.stringify(`${name}=…`)} belongs to no flag; quote what belongs together, as in --exporter "URL kind=parca".`;
  }
  const meant = suggest(word, flags);
  return meant === undefined
    ? `There is no flag ${word}; --help lists those there are.`
    : `There is no flag ${word}; did you mean ${meant}?`;
}
