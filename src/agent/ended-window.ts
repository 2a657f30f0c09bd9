import type { Window } from "../capture/window.js";
import type { AgentSettings } from "./settings.js";
import type { SampledWindow } from "./window-writer.js";

/** A window that is to be written, and what the operator wanted when it ended: that holds of all of it. */
export interface EndedWindow extends SampledWindow {
  readonly window: Window;
  readonly settings: AgentSettings;
}
