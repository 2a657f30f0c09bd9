import type { LogFields, LogLevel } from "../model/log.js";
import { printable } from "../util/printable.js";

export interface LogLine {
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: LogFields;
}

/** Longer than any sentence of ours; a name that came out of a container may be longer. */
const MAX_TEXT = 1000;

/** `{"time":"2026-11-21T12:00:00.000Z","level":"info","event":"window_written",…}` and a newline. */
export function jsonLine({ timeMs, level, event, fields }: LogLine): string {
  return `${JSON.stringify({ time: new Date(timeMs).toISOString(), level, event, ...fields }, plain)}\n`;
}

/** `12:00:00 info  window_written profiles=12`, for a terminal; what could move its cursor is made visible. */
export function terminalLine({ timeMs, level, event, fields }: LogLine, color: boolean): string {
  const time = new Date(timeMs).toISOString().slice(11, 19);
  const word = level.padEnd(5);
  const painted = color ? `\u001b[${COLORS[level]}m${word}\u001b[0m` : word;
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${textOf(value)}`)
    .join("");
  return `${time} ${painted} ${event}${rest}\n`;
}

const COLORS: Readonly<Record<LogLevel, number>> = { debug: 90, info: 36, warn: 33, error: 31 };

function textOf(value: unknown): string {
  return typeof value === "string" ? printable(value.slice(0, MAX_TEXT)) : (JSON.stringify(value, plain) ?? "");
}

/** What JSON has no form of, and what is too long. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string" && value.length > MAX_TEXT) return `${value.slice(0, MAX_TEXT)}…`;
  if (value instanceof Error) return value.message;
  if (value instanceof Map) return Object.fromEntries(value);
  return value;
}
