import { agentOptions } from "#src/cli/agent-options.js";
import { readArguments } from "#src/cli/arguments.js";
import type { AgentOptions } from "#src/model/agent-options.js";

/** What the agent has where nothing is said, and these. */
export function optionsWith(its: Partial<AgentOptions> = {}): AgentOptions {
  return { ...(readArguments(agentOptions, [], {}) as AgentOptions), ...its };
}
