import type { Capture } from "../capture/capture.js";
import type { Window } from "../capture/window.js";
import type { Ownership } from "../labels/ownership.js";
import type { AccountingCheck } from "./accounting.js";
import type { WindowLoopModules } from "./window-loop.js";

/** Who has to know of a rate, and of rests. */
export interface SamplingParts {
  readonly capture: Capture;
  readonly ownership: Ownership;
  readonly check: AccountingCheck;
}

/** What the loop of windows does to what samples. */
export function samplingOf({
  capture,
  ownership,
  check,
}: SamplingParts): Pick<WindowLoopModules<Window>, "setFrequency" | "rotate" | "settled" | "onRest" | "onLongRest"> {
  return {
    setFrequency: (frequencyHz) => {
      capture.setFrequency(frequencyHz);
      if (frequencyHz > 0) ownership.setFrequency(frequencyHz);
    },
    rotate: (ended) => capture.rotate(ended),
    settled: () => capture.settled,
    onRest: (resting) => {
      check.rest(resting);
    },
    onLongRest: () => {
      capture.letGo();
    },
  };
}
