import { isIP } from "node:net";
import { isAbsolute } from "node:path";
import { shownUrl } from "../exporters/options/address.js";
import { parseSelector } from "../labels/selector.js";
import { parseTags } from "../labels/tags.js";
import type { ListenAddress } from "../model/agent-options.js";
import { parseCron } from "../schedule/cron.js";
import { MAX_RUN_MS, MIN_RUN_MS } from "../schedule/schedule.js";
import { printable } from "../util/printable.js";
import { duration, type GivenValue, type Structure, type ValueKind } from "./values.js";

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
  format: (value) => {
    if (value === "off") return value;
    return `${value.host.includes(":") ? `[${value.host}]` : value.host}:${value.port}`;
  },
};

/** Whether only this machine can reach such a host. */
export function isLoopback(host: string): boolean {
  return host.toLowerCase() === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

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
  show: shownUrl,
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

const folder = absolutePath("a folder", "FOLDER");

/** A folder; or none, where nothing is to be written. */
export const folderOrOff: ValueKind<string> = {
  ...folder,
  accepts: `${folder.accepts}, or off`,
  parse: (text) => (text === "off" ? text : folder.parse(text)),
};

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

/** The operator's tags. Datadog's variable may also have spaces between them; a file may give a list, or a map. */
export const tagList: ValueKind<string> = checked(
  { accepts: "tags such as team:payments,region:eu", placeholder: "KEY:VALUE,…" },
  parseTags,
  (text) => (/^[^\s,:]+:[^\s,]*(\s+[^\s,:]+:[^\s,]*)+$/.test(text.trim()) ? text.trim().split(/\s+/).join(",") : text),
  tagText,
);

/** Undefined where a tag is no text, or has a comma, which would part it. */
function tagText(structure: Structure): string | undefined {
  const entries: readonly unknown[] =
    structure instanceof Map
      ? [...(structure as ReadonlyMap<string, GivenValue>)].map(([key, value]) =>
          typeof value === "string" ? `${key}:${value}` : value,
        )
      : (structure as readonly GivenValue[]);
  const texts = entries.filter((entry) => typeof entry === "string" && !entry.includes(","));
  return texts.length === entries.length ? texts.join(",") : undefined;
}

/** Which pods, by their labels. */
export const podSelector: ValueKind<string> = checked(
  { accepts: "a label selector as kubectl takes it, such as app=shop,tier in (web,api)", placeholder: "SELECTOR" },
  parseSelector,
);

/** When sampling begins. */
export const cronExpression: ValueKind<string> = {
  accepts: "a cron expression of five fields, such as */10 * * * * or 0 9-17 * * mon-fri, or @hourly",
  placeholder: "CRON",
  parse: (text) => (typeof parseCron(text) === "string" ? undefined : text.trim()),
  explain: (text) => {
    if (typeof text !== "string") return "is a list or a map, and no text";
    const problem = parseCron(text);
    return `does not accept "${printable(text).slice(0, 80)}": ${typeof problem === "string" ? problem : "it is wrong"}`;
  },
};

const RUN = duration(MIN_RUN_MS, MAX_RUN_MS);

/** How long it lasts. A number alone is one of seconds, as the older agents' variable has it. */
export const runDuration: ValueKind<number> = {
  ...RUN,
  accepts: `${RUN.accepts}, or a number of seconds`,
  parse: (text) => RUN.parse(/^\d{1,6}$/.test(text) ? `${text}s` : text),
};

/** A text that another room reads; it is kept as text, for whoever prints the options. */
function checked(
  words: Pick<ValueKind<string>, "accepts" | "placeholder">,
  read: (text: string) => unknown,
  normal: (text: string) => string = (text) => text,
  textOf: (structure: Structure) => string | undefined = () => undefined,
): ValueKind<string> {
  const accepts = `accepts ${words.accepts}`;
  const problemOf = (text: string): string | undefined => {
    try {
      read(normal(text));
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  const parse = (text: string): string | undefined => (problemOf(text) === undefined ? normal(text) : undefined);
  return {
    ...words,
    parse,
    parseStructure: (structure) => {
      const text = textOf(structure);
      return text === undefined ? undefined : parse(text);
    },
    explain: (given) => {
      const text = typeof given === "string" ? given : textOf(given);
      return (text === undefined ? undefined : problemOf(text)) ?? accepts;
    },
  };
}
