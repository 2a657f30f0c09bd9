import { isIP } from "node:net";
import { isAbsolute } from "node:path";
import { parseSelector } from "../labels/selector.js";
import { parseTags } from "../labels/tags.js";
import type { ListenAddress } from "../model/agent-options.js";
import type { ValueKind } from "./values.js";

/** One of a few words. */
export function oneOf<const Word extends string>(words: readonly Word[], placeholder: string): ValueKind<Word> {
  const listed = `${words.slice(0, -1).join(", ")} or ${words.at(-1) ?? ""}`;
  return { accepts: listed, placeholder, parse: (text) => words.find((word) => word === text) };
}

/** A word that stands for a value, or a value. */
export function orWord<const Word extends string, T>(words: readonly Word[], kind: ValueKind<T>): ValueKind<Word | T> {
  return {
    ...kind,
    accepts: `${kind.accepts}, ${words.slice(0, -1).join(", ")}${words.length > 1 ? " or " : ""}${words.at(-1) ?? ""}`,
    parse: (text) => words.find((word) => word === text) ?? kind.parse(text),
  };
}

/** A share of one core: "5%", "0.05" and Kubernetes' "50m" are the same. */
export function cores(minimum: number, maximum: number): ValueKind<number> {
  return {
    accepts: `a share of one core such as 5%, 0.05 or 50m, from ${minimum * 100}% to ${maximum * 100}%`,
    placeholder: "CORES",
    parse: (text) => {
      const [, amount, unit] = /^(\d{1,6}(?:\.\d{1,6})?)(%|m|)$/.exec(text) ?? [];
      const value = Number(amount) / (unit === "%" ? 100 : unit === "m" ? 1000 : 1);
      return value >= minimum && value <= maximum ? value : undefined;
    },
  };
}

const MAX_TEXT = 200;

/** A short text that becomes a label: one line, no control characters. */
export function labelText(placeholder: string, accepts: string): ValueKind<string> {
  return {
    accepts: `${accepts}, at most ${MAX_TEXT} characters on one line`,
    placeholder,

    parse: (text) =>
      text.trim() === "" || text.length > MAX_TEXT || /[\0-\x1f\x7f]/.test(text) ? undefined : text.trim(),
  };
}

/** "0.0.0.0:9177", "[::]:9177", "localhost:0", "off". */
export const listenAddress: ValueKind<ListenAddress | "off"> = {
  accepts: "ADDRESS:PORT such as 0.0.0.0:9177 or [::1]:9177, or off",
  placeholder: "ADDRESS:PORT",
  parse: (text) => {
    if (text === "off") return "off";
    const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
    const host = bracketed ?? plain ?? "";
    const port = Number(digits);
    const known = bracketed === undefined ? isIP(host) === 4 || /^[a-zA-Z0-9][\w.-]*$/.test(host) : isIP(host) === 6;
    return known && port <= 65_535 ? { host, port } : undefined;
  },
};

/** Where an intake listens: over TCP or on a socket of this machine. Never with a password in it. */
export const intakeUrl: ValueKind<string> = {
  accepts:
    "a URL such as http://10.0.0.1:8126, https://intake.example, or unix:///var/run/apm.socket, without user and password",
  placeholder: "URL",
  parse: (text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.username !== "" || url.password !== "") return undefined;
    if (url.protocol === "unix:") return url.host === "" && url.pathname.length > 1 ? text : undefined;
    return ["http:", "https:"].includes(url.protocol) && url.host !== "" ? text : undefined;
  },
  show: (text) => text.replace(/\/\/[^/]*@/, "//***@"),
};

/** An absolute path; a folder or a socket. */
export function absolutePath(what: string, placeholder: string): ValueKind<string> {
  return {
    accepts: `the absolute path of ${what}`,
    placeholder,
    parse: (text) => {
      const path = text.replace(/^unix:\/\//, "");
      return isAbsolute(path) && !path.includes("\0") ? path : undefined;
    },
  };
}

/** A namespace as Kubernetes names them (RFC 1123 label). */
export const namespace: ValueKind<string> = {
  accepts: "the name of a namespace",
  placeholder: "NAME",
  parse: (text) => (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text) ? text : undefined),
};

/** The key of a label or annotation: an optional DNS prefix, and a name (Kubernetes' qualified name). */
export const metadataKey: ValueKind<string> = {
  accepts: "the key of a label or annotation, such as app.kubernetes.io/name",
  placeholder: "KEY",
  parse: (text) =>
    /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?$/.test(text)
      ? text
      : undefined,
};

/** The operator's tags. Datadog's variable may also have spaces between them. */
export const tagList: ValueKind<string> = checked(
  { accepts: "tags such as team:payments,region:eu", placeholder: "KEY:VALUE,…" },
  parseTags,
  (text) => (/^[^\s,:]+:[^\s,]*(\s+[^\s,:]+:[^\s,]*)+$/.test(text.trim()) ? text.trim().split(/\s+/).join(",") : text),
);

/** Which pods, by their labels. */
export const podSelector: ValueKind<string> = checked(
  { accepts: "a label selector as kubectl takes it, such as app=shop,tier in (web,api)", placeholder: "SELECTOR" },
  parseSelector,
);

/** A text that another room reads; it is kept as text, for whoever prints the options. */
function checked(
  words: Pick<ValueKind<string>, "accepts" | "placeholder">,
  read: (text: string) => unknown,
  normal: (text: string) => string = (text) => text,
): ValueKind<string> {
  const problemOf = (text: string): string | undefined => {
    try {
      read(normal(text));
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  return {
    ...words,
    parse: (text) => (problemOf(text) === undefined ? normal(text) : undefined),
    explain: (text) => problemOf(text) ?? `accepts ${words.accepts}`,
  };
}
