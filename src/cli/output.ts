/** Where a command writes; a terminal, a file, or a string in a test. */
export interface Output {
  write(text: string): unknown;
  /** Whether colours are understood and wanted. */
  readonly color: boolean;
  /** Whether a line can be written over. */
  readonly terminal: boolean;
  /** Of the terminal, when it is one. */
  readonly columns: number;
}

interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Colours only where a terminal shows them and NO_COLOR (no-color.org) is not set. */
export function outputOf(stream: Stream, environment: Readonly<Record<string, string | undefined>>): Output {
  const terminal = stream.isTTY === true && environment["TERM"] !== "dumb";
  return {
    write: (text) => stream.write(text),
    color: terminal && (environment["NO_COLOR"] ?? "") === "",
    terminal,
    get columns() {
      return stream.columns ?? 80;
    },
  };
}
