import type { SleepingClock } from "#src/util/clock.js";

/** A clock that stands still until it is moved; a sleep is noted, moves it, and is over at once. */
export class ManualClock implements SleepingClock {
  readonly sleeps: number[] = [];
  #ms = 0;

  wallMs(): number {
    return Date.UTC(2026, 10, 21, 12) + this.#ms;
  }

  monotonicMs(): number {
    return this.#ms;
  }

  async sleep(ms: number): Promise<void> {
    this.sleeps.push(ms);
    this.advance(ms);
    await new Promise(setImmediate);
  }

  advance(ms: number): void {
    this.#ms += ms;
  }
}
