import type { Option, OptionValues } from "./option.js";
import type { GivenValue } from "./values.js";

/** Who may say what an option is, whoever stands over the others first. */
export const RANKS = ["flag", "variable", "older", "file", "default"] as const;

/** Where a value came from. */
export interface Source {
  /** "older": a variable of an older agent's. */
  readonly rank: (typeof RANKS)[number];
  /** "--node", "HOSTFLAME_NODE", "DD_ENV", "/etc/hostflame.yaml:3"; "" of a default. */
  readonly name: string;
}

export interface Given {
  readonly source: Source;
  readonly values: readonly GivenValue[];
}

/** What one kind of source says of an option, if anything. */
export type Layer = (option: Option<unknown>) => Given | undefined;

export type Table<Rows> = { readonly [Name in keyof Rows]: Option<unknown> };

export interface LayeredValues<Rows> {
  /** Of options that were refused: what was not, or the default. */
  readonly values: OptionValues<Rows>;
  readonly sources: { readonly [Name in keyof Rows]: Source };
  /** A sentence for each value that was refused. */
  readonly problems: readonly string[];
}

const DEFAULT: Source = { rank: "default", name: "" };

/** Reads each option from the first layer that says something of it. */
export function readLayers<Rows extends Table<Rows>>(table: Rows, layers: readonly Layer[]): LayeredValues<Rows> {
  const problems: string[] = [];
  const rows = Object.entries<Option<unknown>>(table).map(([name, option]) => {
    const given = firstOf(layers, option);
    if (given === undefined) return { name, value: option.initial, source: DEFAULT };
    const reading = option.read(given.values);
    if ("value" in reading) return { name, value: reading.value, source: given.source };
    const subject = subjectOf(given.source, option);
    for (const { shown, why } of reading.refused) {
      problems.push(`${subject} ${why ?? `does not accept ${shown}: it accepts ${option.accepts}`}.`);
    }
    return { name, value: reading.rest ?? option.initial, source: given.source };
  });
  return {
    // Each value comes from its own row's read or initial.
    values: Object.fromEntries(rows.map(({ name, value }) => [name, value])) as OptionValues<Rows>,
    sources: Object.fromEntries(rows.map(({ name, source }) => [name, source])) as LayeredValues<Rows>["sources"],
    problems,
  };
}

/** What begins a sentence about a value: "--node", "DD_ENV", "/etc/hostflame.yaml:3: node". */
export function subjectOf(source: Source, { flag, keys }: Option<unknown>): string {
  if (source.rank === "file") return `${source.name}: ${keys[0]}`;
  return source.name === "" ? flag : source.name;
}

/** What the flags say. */
export function flagLayer(texts: ReadonlyMap<string, readonly string[]>): Layer {
  return ({ flag }) => {
    const values = texts.get(flag);
    return values === undefined ? undefined : { source: { rank: "flag", name: flag }, values };
  };
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What our own variables say; an empty one counts as unset, as manifests often leave it. */
export function variableLayer(environment: Environment): Layer {
  return (option) => variable(environment, option.environment, "variable");
}

/** What the variables of older agents say, each of which gives one option: the first one that is set. */
export function olderVariableLayer(environment: Environment): Layer {
  return ({ aliases }) => {
    const name = aliases.find((alias) => (environment[alias] ?? "") !== "");
    return name === undefined ? undefined : variable(environment, name, "older");
  };
}

function variable(environment: Environment, name: string, rank: Source["rank"]): Given | undefined {
  const text = environment[name] ?? "";
  return text === "" ? undefined : { source: { rank, name }, values: [text] };
}

function firstOf(layers: readonly Layer[], option: Option<unknown>): Given | undefined {
  for (const layer of layers) {
    const given = layer(option);
    if (given !== undefined) return given;
  }
  return undefined;
}
