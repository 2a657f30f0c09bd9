import type { OptionName } from "../agent/reload/changes.js";
import { Hangup } from "../agent/reload/hangup.js";
import { WatchedFiles } from "../agent/reload/watched-files.js";
import { type AgentConfiguration, readAgentConfiguration, type ConfigurationInput } from "./agent-configuration.js";
import { agentOptions } from "./agent-options.js";
import { readConfigurationText } from "./configuration-file.js";

/**
 * Where the agent's configuration comes from, at the start and again. To be made before anything else: from then on SIGHUP does not
 * end the program.
 */
export class AgentSource {
  readonly hangup = new Hangup();
  readonly files = new WatchedFiles();

  constructor(private readonly input: Pick<ConfigurationInput, "words" | "environment">) {}

  /** All of it, as it is now. Throws UsageError as {@link readAgentConfiguration} does. */
  read(): Promise<AgentConfiguration> {
    return readAgentConfiguration({
      ...this.input,
      readFile: (path) => this.files.read(path, readConfigurationText),
    });
  }

  /** The option's flag. */
  nameOf(option: OptionName): string {
    return option === "exporters" ? agentOptions.exporter.flag : agentOptions[option].flag;
  }
}
