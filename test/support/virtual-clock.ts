import type { SleepingClock } from "#src/util/clock.js";
import { until } from "./until.js";

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

/** A clock that stands still until it is moved, for many sleepers at once; its wall clock can be stepped alone. */
export class VirtualClock implements SleepingClock {
  readonly #sleepers = new Set<Sleeper>();
  #ms = 1000;
  #wallMs = Date.UTC(2026, 10, 21, 12);

  wallMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#ms;
  }

  get sleeping(): number {
    return this.#sleepers.size;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#sleepers.delete(sleeper);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const sleeper = { dueMs: this.#ms + ms, wake };
      this.#sleepers.add(sleeper);
      signal.addEventListener("abort", wake);
    });
  }

  /** Somebody sets the clock. */
  stepWall(ms: number): void {
    this.#wallMs += ms;
  }

  /** Lets so much time pass, stopping at each sleeper that is due, and each time until all is quiet: files and sockets are real. */
  async pass(ms: number, quiet: () => boolean): Promise<void> {
    const endMs = this.#ms + ms;
    for (;;) {
      await until(quiet);
      const dueMs = Math.min(...[...this.#sleepers].map((sleeper) => sleeper.dueMs));
      if (dueMs > endMs) break;
      this.#moveTo(dueMs);
    }
    this.#moveTo(endMs);
  }

  #moveTo(ms: number): void {
    const passedMs = Math.max(0, ms - this.#ms);
    this.#wallMs += passedMs;
    this.#ms += passedMs;
    for (const { dueMs, wake } of [...this.#sleepers]) if (dueMs <= this.#ms) wake();
  }
}
