import type { AgentOptions } from "../../model/agent-options.js";
import type { Log, LogLevel } from "../../model/log.js";
import type { Delivery } from "../deliver.js";
import type { WantedExporter } from "../exporter-slot.js";
import type { Labelling } from "../labelling.js";
import type { SamplingRate } from "../sampling-rate.js";
import { settingsOf, type AgentSettings } from "../settings.js";
import type { Sources } from "../sources.js";

/** The settings that hold now. A window has those of its end. */
export interface PresentSettings {
  settings: AgentSettings;
}

/** What can be told of other options while it works. */
export interface ChangeableParts {
  readonly present: PresentSettings;
  readonly rate: Pick<SamplingRate, "setWanted">;
  readonly loop: { setLength(lengthMs: number): void };
  readonly labelling: Pick<Labelling, "setSelection">;
  readonly sources: Pick<Sources, "pods">;
  readonly delivery: Pick<Delivery, "setExporters">;
  /** Every exporter that options want, none of them open yet. */
  readonly wantedOf: (options: AgentOptions) => Promise<readonly WantedExporter[]>;
  readonly setLogLevel: (level: LogLevel) => void;
  readonly log: Log;
}

/**
 * Makes ready what the options want; the function given back brings it to every part.
 *
 * @throws {Error} one sentence that names what is wrong; nothing was changed
 */
export async function prepareOptions(options: AgentOptions, parts: ChangeableParts): Promise<() => void> {
  const { present, rate, loop, labelling, sources, delivery, setLogLevel } = parts;
  const settings = settingsOf(options, present.settings);
  const exporters = await parts.wantedOf(options);
  return () => {
    setLogLevel(options.logLevel);
    // First, for another rate ends the present window, all of whose samples were taken under the settings before.
    rate.setWanted(options.frequencyHz);
    loop.setLength(options.windowMs);
    labelling.setSelection(settings.selection);
    sources.pods?.keepAnnotations(options.podAnnotations);
    present.settings = settings;
    delivery.setExporters(exporters);
  };
}
