import type { GivenValue, Structure, ValueKind } from "./values.js";

/** An exporter as somebody wrote it; nothing of it is checked but its form. */
export interface WrittenExporter {
  readonly kind: string | undefined;
  readonly url: string | undefined;
  /** By name; secrets among them. */
  readonly options: Readonly<Record<string, string>>;
}

const MAX_TEXT = 16 * 1024;
const MAX_OPTIONS = 32;
const URL_LIKE = /^[a-z][a-z0-9+.-]*:\/\//i;
const NAMED = /^([A-Za-z][A-Za-z0-9-]{0,40})=(.*)$/s;

const FORM = "write URL NAME=VALUE …, with quotes around a value that has spaces";

/** "URL kind=pyroscope tenant=a password-file=/run/secrets/a"; or a map of the same names. */
export const writtenExporter: ValueKind<WrittenExporter> = {
  accepts:
    'a URL and options such as "http://pyroscope:4040 tenant=a user=b password-file=/run/secrets/c", which docs/exporters.md lists',
  placeholder: '"URL NAME=VALUE …"',
  parse: (text) => valueOf(readText(text)),
  parseStructure: (structure) => valueOf(readStructure(structure)),
  explain: (given) => {
    const read = typeof given === "string" ? readText(given) : readStructure(given);
    return "problem" in read ? read.problem : "is right";
  },
  // Which of its values are secret is not known yet.
  show: () => "***",
};

type Read = { readonly value: WrittenExporter } | { readonly problem: string };

function valueOf(read: Read): WrittenExporter | undefined {
  return "value" in read ? read.value : undefined;
}

/** What is wrong is told by its place: it may be a secret. */
function readText(text: string): Read {
  if (text.length > MAX_TEXT) return { problem: `has an exporter of more than ${MAX_TEXT} characters` };
  const words = splitWords(text);
  if (words === undefined) return { problem: `has a quote that is not closed; ${FORM}` };
  const pairs: (readonly [string, string])[] = [];
  for (const [index, word] of words.entries()) {
    const [, name, value] = NAMED.exec(word) ?? [];
    if (name !== undefined) pairs.push([name, value]);
    else if (URL_LIKE.test(word)) pairs.push(["url", word]);
    else return { problem: `has, as word ${index + 1}, neither a URL nor NAME=VALUE; ${FORM}` };
  }
  return fromPairs(pairs);
}

function readStructure(structure: Structure): Read {
  if (!(structure instanceof Map)) {
    return { problem: "has a list where an exporter stands; write a map of url, kind, …" };
  }
  const pairs: (readonly [string, string])[] = [];
  for (const [name, given] of structure as ReadonlyMap<string, GivenValue>) {
    const text = typeof given === "string" ? given : textOfHeaders(name, given);
    if (text === undefined) return { problem: `has a list or a map in ${quoted(name)}; write one value` };
    pairs.push([name, text]);
  }
  return fromPairs(pairs);
}

function fromPairs(pairs: readonly (readonly [string, string])[]): Read {
  const options = new Map<string, string>();
  for (const [name, text] of pairs) {
    if (options.has(name)) return { problem: `has ${quoted(name)} twice in one exporter; ${FORM}` };
    // An empty value is unset, as an empty variable is.
    if (text !== "") options.set(name, text);
  }
  if (options.size > MAX_OPTIONS) return { problem: `has an exporter with more than ${MAX_OPTIONS} options` };
  const [kind, url] = [options.get("kind"), options.get("url")];
  if (kind === undefined && url === undefined) return { problem: "has an exporter with neither a URL nor a kind" };
  options.delete("kind");
  options.delete("url");
  return { value: { kind, url, options: Object.fromEntries(options) } };
}

/** A file may give headers by name; the text has them as OTEL_EXPORTER_OTLP_HEADERS does. */
function textOfHeaders(name: string, given: Structure): string | undefined {
  if (name !== "headers" || !(given instanceof Map)) return undefined;
  const entries = [...(given as ReadonlyMap<string, GivenValue>)];
  const texts = entries.map(([header, value]) =>
    typeof value === "string" ? `${header}=${escaped(value)}` : undefined,
  );
  return texts.includes(undefined) ? undefined : texts.join(",");
}

/** Half a surrogate pair has no UTF-8; no header takes what it becomes. */
function escaped(text: string): string {
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\ufffd"));
}

/** At spaces that stand in no quotes; within double quotes a backslash takes the next character as it is. */
function splitWords(text: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (quote !== "") {
      if (character === quote) quote = "";
      else if (character === "\\" && quote === '"' && index + 1 < text.length) word = (word ?? "") + text[++index];
      else word = (word ?? "") + character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= "";
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + character;
    }
  }
  if (word !== undefined) words.push(word);
  return quote === "" ? words : undefined;
}

function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 40));
}
