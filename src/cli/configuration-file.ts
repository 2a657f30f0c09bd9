import { open } from "node:fs/promises";
import type * as Yaml from "yaml";
import { errnoOf } from "../util/errno.js";
import type { Option } from "./option.js";
import type { Layer } from "./sources.js";
import { suggest } from "./suggest.js";
import type { GivenValue } from "./values.js";

const MAX_BYTES = 64 * 1024;
/** Nodes of the whole file, those that aliases repeat counted each time. */
const MAX_NODES = 10_000;
/** What an alias takes of them: a hundred aliases are more than anybody needs. */
const ALIAS_NODES = 100;

/** What a configuration file says. */
export interface ConfigurationFile {
  readonly layer: Layer;
  /** A sentence for each thing in it that is no option, or no YAML. */
  readonly problems: readonly string[];
}

/** Reads a configuration file's text, and no more of it than one may have. Rejects with the system's error. */
export async function readConfigurationText(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (let read = 1; read > 0 && length < bytes.length; length += read) {
      read = (await file.read(bytes, length, bytes.length - length)).bytesRead;
    }
    return bytes.toString("utf8", 0, length);
  } finally {
    await file.close();
  }
}

/**
 * A YAML file whose keys are the flags' names without dashes. Everything in it is text until an option reads it, so that `off` is no
 * boolean and 1.10 no number. What is wrong is told by line; a value is never repeated, for it may be a secret.
 */
export async function readConfigurationFile(
  path: string,
  options: readonly Option<unknown>[],
  readText: (path: string) => Promise<string>,
): Promise<ConfigurationFile> {
  let text: string;
  try {
    text = await readText(path);
  } catch (error) {
    const why = errnoOf(error) === "" ? String(error) : errnoOf(error);
    return nothingIn([`The configuration file ${path} cannot be read (${why}); mount it, or correct its path.`]);
  }
  if (Buffer.byteLength(text) > MAX_BYTES) {
    return nothingIn([`The configuration file ${path} has more than ${MAX_BYTES / 1024} KiB; it is some other file.`]);
  }
  // Some nine MiB of memory, which are not taken where no file is named.
  const yaml = await import("yaml");
  const lines = new yaml.LineCounter();
  let document: Yaml.Document;
  try {
    document = yaml.parseDocument(text, { schema: "failsafe", prettyErrors: false, lineCounter: lines });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return nothingIn([`${path} is nested too deeply; its options are lists and maps of texts.`]);
  }
  const wrong = [...document.errors, ...document.warnings];
  if (wrong.length > 0) {
    return nothingIn(
      wrong.map(
        ({ pos, code }) => `${path}:${lines.linePos(pos[0]).line}: ${YAML_WORDS[code] ?? `this is no YAML (${code})`}.`,
      ),
    );
  }
  return entriesOf(new YamlReader(yaml, document), { path, lines, options });
}

const YAML_WORDS: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: "this key stands there already; give it once",
  MULTIPLE_DOCS: "a second document begins here; the file holds one",
  TAB_AS_INDENT: "a tab indents this line, and YAML takes spaces only",
  BAD_INDENT: "this line is not indented as those around it are",
};

function nothingIn(problems: readonly string[]): ConfigurationFile {
  return { layer: () => undefined, problems };
}

interface FileContext {
  readonly path: string;
  readonly lines: Yaml.LineCounter;
  readonly options: readonly Option<unknown>[];
}

function entriesOf(reader: YamlReader, { path, lines, options }: FileContext): ConfigurationFile {
  const root = reader.root();
  if (root === undefined) return nothingIn([]);
  if (root === "no-map") return nothingIn([`${path} holds no map of options; write lines such as "frequency: 19".`]);
  const keys = options.flatMap((option) => (option.flag === "--config" ? [] : option.keys));
  const found = new Map<string, { readonly line: number; readonly value: GivenValue }>();
  const problems: string[] = [];
  for (const [keyNode, key, valueNode] of root) {
    const line = lines.linePos(keyNode.range?.[0] ?? 0).line;
    const option = options.find((each) => each.keys.includes(key ?? ""));
    if (key === undefined || option === undefined || option.flag === "--config") {
      problems.push(`${path}:${line}: ${unknownKey(key, keys)}`);
      continue;
    }
    const [name] = option.keys;
    if (found.has(name)) {
      problems.push(`${path}:${line}: ${option.keys.join(" and ")} are one option; give it once.`);
      continue;
    }
    const value = reader.valueOf(valueNode);
    if ("problem" in value) problems.push(`${path}:${line}: ${key} ${value.problem}.`);
    // An empty value is unset, as an empty variable is.
    else if (value.given !== "") found.set(name, { line, value: value.given });
  }
  return {
    problems,
    layer: ({ keys: [name] }) => {
      const entry = found.get(name);
      if (entry === undefined) return undefined;
      return { source: { rank: "file", name: `${path}:${entry.line}` }, values: [entry.value] };
    },
  };
}

function unknownKey(key: string | undefined, known: readonly string[]): string {
  if (key === "config") return "a configuration file names no other one; leave config out.";
  if (key === undefined) return "a key is no text; keys are the flags' names without dashes.";
  const meant = suggest(key, known);
  const shown = JSON.stringify(key.slice(0, 60));
  return meant === undefined
    ? `there is no option ${shown}; keys are the flags' names without dashes, as docs/options.md lists them.`
    : `there is no option ${shown}; did you mean ${meant}?`;
}

/** A document's nodes as values, within a budget: a few aliases of aliases would be millions. */
class YamlReader {
  private nodes = 0;

  constructor(
    private readonly yaml: typeof Yaml,
    private readonly document: Yaml.Document,
  ) {}

  /** The root's entries; undefined where the document is empty. */
  root(): readonly (readonly [Yaml.Node, string | undefined, unknown])[] | "no-map" | undefined {
    const { contents } = this.document;
    if (contents === null || (this.yaml.isScalar(contents) && this.isUnset(contents))) return undefined;
    if (!this.yaml.isMap(contents)) return "no-map";
    return contents.items.map(({ key, value }) => [key as Yaml.Node, this.keyText(key), value] as const);
  }

  valueOf(node: unknown): { readonly given: GivenValue } | { readonly problem: string } {
    try {
      return { given: this.convert(node) };
    } catch (error) {
      if (error instanceof Unreadable) return { problem: error.message };
      throw error;
    }
  }

  private convert(node: unknown): GivenValue {
    if (++this.nodes > MAX_NODES) throw new Unreadable(`holds more than ${MAX_NODES} values, or itself; give fewer`);
    const { isAlias, isMap, isScalar, isSeq } = this.yaml;
    if (isAlias(node)) {
      // What it stands for is looked for in the whole document.
      this.nodes += ALIAS_NODES;
      const target = node.resolve(this.document);
      if (target === undefined) {
        throw new Unreadable("has an alias that stands for nothing; name what it repeats with &");
      }
      return this.convert(target);
    }
    if (isSeq(node)) return node.items.map((item) => this.convert(item));
    if (isMap(node)) {
      return new Map(
        node.items.map(({ key, value }) => {
          const text = this.keyText(key);
          if (text === undefined) throw new Unreadable("has a key that is no text; write names");
          return [text, this.convert(value)] as const;
        }),
      );
    }
    return isScalar(node) && !this.isUnset(node) ? String(node.value) : "";
  }

  private keyText(key: unknown): string | undefined {
    return this.yaml.isScalar(key) ? String(key.value) : undefined;
  }

  /** Nothing, or one of YAML's words for it without quotes. */
  private isUnset({ type, value }: { readonly type?: string; readonly value: unknown }): boolean {
    return value === null || (type === "PLAIN" && typeof value === "string" && /^(|~|null|Null|NULL)$/.test(value));
  }
}

/** The message completes "KEY …". */
class Unreadable extends Error {
  override readonly name = "Unreadable";
}
