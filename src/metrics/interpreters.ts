import { rowsByTwo, type MetricRegistry } from "./registry.js";

export interface InterpretersSource {
  /** Files of interpreters found so far, "NAME VERSION". */
  readonly found: Iterable<readonly [nameAndVersion: string, files: number]>;
  /** Files whose frames stay native ones, "NAME PROBLEM". */
  readonly problems: Iterable<readonly [nameAndProblem: string, files: number]>;
}

/** Runtimes whose own functions are shown: which of their files were met. */
export function registerInterpreters(registry: MetricRegistry, source: InterpretersSource): void {
  registry.counter(
    {
      name: "hostflame_interpreter_files_total",
      help: "Files of interpreters met, whose functions are shown in place of the interpreter's",
      labels: ["language", "version"],
    },
    () => rowsByTwo(["language", "version"], source.found),
  );
  registry.counter(
    {
      name: "hostflame_interpreter_problems_total",
      help: "Files of interpreters whose functions cannot be shown, by reason; /readyz says which versions are unknown",
      labels: ["language", "problem"],
    },
    () => rowsByTwo(["language", "problem"], source.problems),
  );
}
