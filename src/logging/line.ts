import type { LogFields, LogLevel } from "../model/log.js";
import { printable } from "../util/printable.js";
import { isSecretName, maskText, SHOWN_SECRET } from "./mask.js";

export interface LogLine {
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: LogFields;
}

/** Longer than any sentence of ours; a name that came out of a container may be longer. */
const MAX_TEXT = 1000;
/** As much is looked at for secrets, so that none is cut in two before it is seen. */
const MAX_LOOKED_AT = 4000;

/** `{"time":"2026-11-21T12:00:00.000Z","level":"info","event":"window_written",…}` and a newline. */
export function jsonLine({ timeMs, level, event, fields }: LogLine): string {
  const own = { time: new Date(timeMs).toISOString(), level, event };
  // First and, whatever fields are called, as they are.
  return `${JSON.stringify({ ...own, ...fields, ...own }, plain)}\n`;
}

/** `12:00:00 info  window_written profiles=12`, for a terminal; what could move its cursor is made visible. */
export function terminalLine({ timeMs, level, event, fields }: LogLine, color: boolean): string {
  const time = new Date(timeMs).toISOString().slice(11, 19);
  const word = level.padEnd(5);
  const painted = color ? `\u001b[${COLORS[level]}m${word}\u001b[0m` : word;
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${textOf(plain(key, value))}`)
    .join("");
  return `${time} ${painted} ${event}${rest}\n`;
}

const COLORS: Readonly<Record<LogLevel, number>> = { debug: 90, info: 36, warn: 33, error: 31 };

function textOf(value: unknown): string {
  return typeof value === "string" ? printable(value) : (JSON.stringify(value, plain) ?? "");
}

/** What JSON has no form of, what is too long, and what nobody is to read. */
function plain(key: string, value: unknown): unknown {
  if (value !== undefined && value !== null && value !== "" && isSecretName(key)) return SHOWN_SECRET;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string") return shortText(value);
  if (value instanceof Error) return shortText(value.message);
  if (value instanceof Map) return Object.fromEntries(value);
  return value;
}

function shortText(text: string): string {
  const masked = maskText(text.slice(0, MAX_LOOKED_AT));
  return masked.length > MAX_TEXT ? `${masked.slice(0, MAX_TEXT)}…` : masked;
}
