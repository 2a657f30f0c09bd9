import { rowsByTwo, type MetricRegistry } from "./registry.js";

export interface InterpretersSource {
  /** Files of interpreters found so far, "NAME VERSION". */
  readonly found: Iterable<readonly [nameAndVersion: string, files: number]>;
  /** Files whose frames stay native ones, "NAME PROBLEM". */
  readonly problems: Iterable<readonly [nameAndProblem: string, files: number]>;
}

/** How processes were looked through for the runtime of compiled code that keeps no frame pointers. */
export interface RuntimeSearchSource {
  readonly counts: { readonly looked: number; readonly found: number };
}

/** Runtimes whose own functions are shown: which of their files were met. */
export function registerInterpreters(
  registry: MetricRegistry,
  source: InterpretersSource,
  search: RuntimeSearchSource,
): void {
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
  registry.counter(
    {
      name: "hostflame_interpreter_searches_total",
      help: "Processes whose mappings were searched for the runtime of their compiled code, as their stacks ended in it, by result",
      labels: ["result"],
    },
    () => [
      [{ result: "found" }, search.counts.found],
      [{ result: "none" }, search.counts.looked - search.counts.found],
    ],
  );
}
