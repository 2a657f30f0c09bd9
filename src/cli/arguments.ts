import type { OptionValues } from "./option.js";
import { type Environment, flagLayer, olderVariableLayer, readLayers, type Table, variableLayer } from "./sources.js";
import { UsageError } from "./usage-error.js";
import { asksForHelp, collectFlags } from "./words.js";

/**
 * Reads a command's words against its table. A flag stands over its environment variable, which stands over those of
 * older agents, which stand over the default; an empty variable counts as unset, as manifests often leave it.
 *
 * @returns the frozen values, or "help" when help was asked for
 * @throws {UsageError} with everything that is wrong
 */
export function readArguments<Rows extends Table<Rows>>(
  table: Rows,
  words: readonly string[],
  environment: Environment,
): OptionValues<Rows> | "help" {
  if (asksForHelp(words)) return "help";
  const flags = collectFlags(Object.values(table), words);
  const layers = [flagLayer(flags.texts), variableLayer(environment), olderVariableLayer(environment)];
  const { values, problems } = readLayers(table, layers);
  const all = [...flags.problems, ...problems];
  if (all.length > 0) throw new UsageError(all);
  return Object.freeze(values);
}
