import { EXIT } from "../model/exit-codes.js";
import { type ConfigurationInput, readAgentConfiguration } from "./agent-configuration.js";
import { readArguments } from "./arguments.js";
import { configOptions } from "./options.js";
import type { Output } from "./output.js";
import { configurationJson, configurationTable } from "./show-configuration.js";

/** `hostflame config`: what `hostflame agent` would go by with the same words in the same environment. */
export async function config(input: ConfigurationInput, stdout: Output, stderr: Output): Promise<number> {
  const isOwn = (word: string): boolean => word === "--json" || word.startsWith("--json=");
  const own = readArguments(configOptions, input.words.filter(isOwn), input.environment);
  const configuration = await readAgentConfiguration({ ...input, words: input.words.filter((word) => !isOwn(word)) });
  if (own !== "help" && own.json) {
    stdout.write(configurationJson(configuration));
  } else {
    stdout.write(configurationTable(configuration));
    for (const warning of configuration.warnings) stderr.write(`hostflame: ${warning}\n`);
  }
  return EXIT.ok;
}
