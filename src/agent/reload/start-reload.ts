import { registerReloads } from "../../metrics/reloads.js";
import type { MetricRegistry } from "../../metrics/registry.js";
import type { AgentOptions } from "../../model/agent-options.js";
import { systemClock } from "../../util/clock.js";
import type { AgentHealth } from "../health.js";
import { prepareOptions, type ChangeableParts } from "./apply.js";
import type { OptionName } from "./changes.js";
import type { Hangup } from "./hangup.js";
import { Reload, type ReadOptions } from "./reload.js";
import type { WatchedFiles } from "./watched-files.js";

/** Where the agent's options come from, and who says when they are to be read again. */
export interface OptionsSource {
  /** Reads all of it again, as at the start. Rejects with an Error: a sentence for each wrong value, a line each. */
  readonly read: () => Promise<ReadOptions>;
  /** The option's flag. */
  readonly nameOf: (option: OptionName) => string;
  readonly hangup: Hangup;
  readonly files: WatchedFiles;
}

export interface StartReloadModules extends ChangeableParts {
  readonly source: OptionsSource;
  readonly health: AgentHealth;
  readonly metrics: MetricRegistry;
}

/** From now on the configuration is read again when somebody asks, or a file of it changes. */
export function startReload(options: AgentOptions, { source, health, metrics, ...parts }: StartReloadModules): Reload {
  const reload = new Reload(options, {
    read: () => source.read(),
    prepare: (next) => prepareOptions(next, parts),
    nameOf: (option) => source.nameOf(option),
    log: parts.log,
    clock: systemClock,
  });
  health.add("configuration", () => reload.health);
  registerReloads(metrics, {
    results: () => Object.entries(reload.counts),
    lastSuccessSeconds: () => reload.lastSuccessMs / 1000,
  });
  source.files.watch(() => {
    reload.ask("file");
  });
  source.hangup.onAsked(() => {
    reload.ask("signal");
  });
  return reload;
}
