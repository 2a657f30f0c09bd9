import type { Log, LogFields, LogLevel } from "#src/model/log.js";

/** A line that was said. */
export interface NotedLine {
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: LogFields;
}

/** A log that is read by a test. */
export function notedLog(): Log & { readonly lines: readonly NotedLine[] } {
  const lines: NotedLine[] = [];
  const at =
    (level: LogLevel) =>
    (event: string, fields: LogFields = {}): void => {
      lines.push({ level, event, fields });
    };
  return {
    ...{ lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
    repeated: (level, event, reason, fields = {}) => {
      at(level)(event, { reason, ...fields });
    },
  };
}
