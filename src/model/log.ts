export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFields = Readonly<Record<string, unknown>>;

/** A line for each thing that happened: its name, and fields rather than prose. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /**
   * What may happen again and again: once a minute for each (event, reason); the next line says how often it was left out.
   */
  repeated(level: LogLevel, event: string, reason: string, fields?: LogFields): void;
}
