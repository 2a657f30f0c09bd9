import type { Window } from "../capture/window.js";
import { outcome as outcomes } from "../native/abi.generated.js";

/** What all windows so far add up to. */
export class SampleTotals {
  samples = 0;
  private readonly byOutcome = new Float64Array(outcomes.count);

  add(window: Window): void {
    this.samples += window.total;
    for (const [outcome, count] of window.outcomes.entries()) {
      this.byOutcome[outcome] += count;
    }
  }

  /** "stack-unreadable" and how many; each that there is. */
  *outcomes(): Iterable<readonly [string, number]> {
    for (const [name, value] of Object.entries(outcomes)) {
      if (value < outcomes.count) {
        yield [name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`), this.byOutcome[value]];
      }
    }
  }
}
