import { readAgentConfiguration } from "#src/cli/agent-configuration.js";
import type { AgentOptions } from "#src/model/agent-options.js";

const { options: defaults } = await readAgentConfiguration({ words: [], environment: {} });

/** What the agent has where nothing is said, and these. */
export function optionsWith(its: Partial<AgentOptions> = {}): AgentOptions {
  return { ...defaults, ...its };
}
