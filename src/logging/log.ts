import { LOG_LEVELS, type Log, type LogFields, type LogLevel } from "../model/log.js";
import type { LogLine } from "./line.js";

export interface LogOptions {
  readonly level: LogLevel;
  /** Takes one line. */
  readonly write: (line: LogLine) => void;
  readonly nowMs: () => number;
}

/** How long a repeated event of one reason is held back after it was logged. */
const REPEAT_MS = 60_000;
/** Reasons are few and bounded; should they not be, the oldest is forgotten, and may then be said again. */
const MAX_REASONS = 256;

interface Repeat {
  saidMs: number;
  heldBack: number;
}

/** A log whose least level can be changed while it is written to. */
export interface AdjustableLog extends Log {
  setLevel(level: LogLevel): void;
}

export function createLog({ level: least, write, nowMs }: LogOptions): AdjustableLog {
  const repeats = new Map<string, Repeat>();
  let leastRank = LOG_LEVELS.indexOf(least);

  const say = (level: LogLevel, event: string, fields: LogFields): void => {
    if (LOG_LEVELS.indexOf(level) >= leastRank) write({ timeMs: nowMs(), level, event, fields });
  };
  const at =
    (level: LogLevel) =>
    (event: string, fields: LogFields = {}): void => {
      say(level, event, fields);
    };

  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    setLevel(next) {
      leastRank = LOG_LEVELS.indexOf(next);
    },
    repeated(level, event, reason, fields = {}) {
      const key = `${event}\0${reason}`;
      const known = repeats.get(key);
      const now = nowMs();
      // A clock that was set back must not silence a reason for as long as it was set back.
      if (known !== undefined && now - known.saidMs < REPEAT_MS && now >= known.saidMs) {
        known.heldBack++;
        return;
      }
      repeats.delete(key);
      if (repeats.size >= MAX_REASONS) {
        const [oldest = ""] = repeats.keys();
        repeats.delete(oldest);
      }
      repeats.set(key, { saidMs: now, heldBack: 0 });
      const heldBack = known?.heldBack ?? 0;
      say(level, event, { reason, ...fields, ...(heldBack === 0 ? {} : { heldBack }) });
    },
  };
}
