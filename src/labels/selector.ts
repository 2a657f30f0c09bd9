import { printable } from "../util/printable.js";

/**
 * A Kubernetes label selector (kubernetes.io/docs/concepts/overview/working-with-objects/labels): requirements, all of
 * which must hold. Equality: `key=value`, `key==value`, `key!=value`; set-based: `key in (a,b)`, `key notin (a,b)`,
 * `key`, `!key`. As there, `!=` and `notin` hold of what has no such label.
 */
export type Selector = readonly Requirement[];

interface Requirement {
  readonly key: string;
  readonly operator: "in" | "not-in" | "exists" | "not-exists";
  readonly values: readonly string[];
}

const MAX_LENGTH = 4096;
const NAME = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const FORMS = "accepted are key=value, key!=value, key in (a,b), key notin (a,b), key and !key, with commas between";
/** A word, or a sign of one or two characters; white space parts words. */
const TOKEN = /\s*(==|!=|[=!(),]|[^\s=!(),]+)/y;

/** @throws {Error} one sentence without the option's name, which the caller knows. */
export function parseSelector(text: string): Selector {
  if (text.length > MAX_LENGTH) throw new Error(`is longer than ${MAX_LENGTH} characters; ${FORMS}`);
  const tokens = tokensOf(text.trim());
  const requirements: Requirement[] = [];
  if (tokens.length === 0) return requirements;
  let at = 0;
  const take = (): string => tokens[at++] ?? "";
  const refuse = (what: string): never => {
    throw new Error(`is no label selector: ${what}; ${FORMS}`);
  };
  const checkedKey = (key: string): string => (isKey(key) ? key : refuse(`${quoted(key)} is no label's name`));
  const checkedValue = (value: string): string =>
    value === "" || NAME.test(value) ? value : refuse(`${quoted(value)} is no label's value`);
  const isWord = (token: string | undefined): boolean => token !== undefined && !/^[=!(),]/.test(token);

  const takeSet = (): readonly string[] => {
    if (take() !== "(") refuse(`a "(" is missing`);
    const values: string[] = [];
    for (;;) {
      // As in Kubernetes an empty place is the empty value: (a,) and () hold of key="".
      values.push(checkedValue(isWord(tokens[at]) ? take() : ""));
      const next = take();
      if (next === ")") return values;
      if (next !== ",") refuse(`a ")" is missing`);
    }
  };
  const takeRequirement = (): Requirement => {
    if (tokens[at] === "!") {
      at++;
      return { key: checkedKey(take()), operator: "not-exists", values: [] };
    }
    const key = checkedKey(take());
    const operator = tokens[at];
    if (operator === undefined || operator === ",") return { key, operator: "exists", values: [] };
    at++;
    switch (operator) {
      case "=":
      case "==":
        return { key, operator: "in", values: [checkedValue(isWord(tokens[at]) ? take() : "")] };
      case "!=":
        return { key, operator: "not-in", values: [checkedValue(isWord(tokens[at]) ? take() : "")] };
      case "in":
        return { key, operator: "in", values: takeSet() };
      case "notin":
        return { key, operator: "not-in", values: takeSet() };
      default:
        return refuse(`${quoted(operator)} is no operator`);
    }
  };

  for (;;) {
    requirements.push(takeRequirement());
    if (at >= tokens.length) return requirements;
    if (take() !== ",") refuse(`${quoted(tokens[at - 1])} stands where a comma should`);
  }
}

export function matchesSelector(selector: Selector, labels: Readonly<Record<string, string>>): boolean {
  return selector.every(({ key, operator, values }) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    switch (operator) {
      case "in":
        return value !== undefined && values.includes(value);
      case "not-in":
        return value === undefined || !values.includes(value);
      case "exists":
        return value !== undefined;
      case "not-exists":
        return value === undefined;
    }
  });
}

function tokensOf(text: string): readonly string[] {
  return [...text.matchAll(new RegExp(TOKEN, "g"))].map(([, token]) => token);
}

function isKey(key: string): boolean {
  const slash = key.indexOf("/");
  return NAME.test(key.slice(slash + 1)) && (slash < 0 || PREFIX.test(key.slice(0, slash)));
}

function quoted(text: string): string {
  return text === "" ? "the empty text" : `"${printable(text).slice(0, 80)}"`;
}
