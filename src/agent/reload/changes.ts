import { isDeepStrictEqual } from "node:util";
import type { AgentOptions } from "../../model/agent-options.js";

export type OptionName = keyof AgentOptions;

/** What changes while the agent runs. What is not listed needs a restart, and is said to. */
export const RELOADABLE: readonly OptionName[] = [
  ...(["tags", "service", "env", "serviceVersion", "podLabels", "podAnnotations", "profiles"] as const),
  ...(["frequencyHz", "mode", "host", "includeNamespaces", "excludeNamespaces", "podSelector"] as const),
  ...(["redactNamespaces", "redactKeyFile", "demangling"] as const),
  ...(["windowMs", "exporters", "outputDir", "outputBytes", "spoolBytes"] as const),
  "logLevel",
];

/** How one configuration differs from another. */
export interface OptionChanges {
  readonly changed: readonly OptionName[];
  /** Differ as well, and stay as they were. */
  readonly needRestart: readonly OptionName[];
  /** What holds from now on. */
  readonly options: AgentOptions;
}

export function changesOf(present: AgentOptions, next: AgentOptions): OptionChanges {
  const names = Object.keys({ ...present, ...next }) as OptionName[];
  const different = names.filter((name) => !isDeepStrictEqual(present[name], next[name]));
  const changed = different.filter((name) => RELOADABLE.includes(name));
  const values = Object.fromEntries(changed.map((name) => [name, next[name]]));
  return {
    changed,
    needRestart: different.filter((name) => !RELOADABLE.includes(name)),
    options: Object.freeze({ ...present, ...values }),
  };
}
