import type { Clock } from "../util/clock.js";

/**
 * What may be used in the long run, and how much of it at once: it accrues evenly. The last use may go past what is left; the next one
 * then waits.
 */
export class Allowance {
  #left: number;
  #atMs: number;

  constructor(
    private readonly most: number,
    private readonly perHour: number,
    private readonly clock: Clock,
  ) {
    this.#left = most;
    this.#atMs = clock.monotonicMs();
  }

  /** How long until something may be used, milliseconds; 0 for now. */
  get waitMs(): number {
    this.#accrue();
    return this.#left > 0 ? 0 : Math.ceil(((1 - this.#left) / this.perHour) * 3_600_000);
  }

  use(amount: number): void {
    this.#accrue();
    this.#left -= amount;
  }

  #accrue(): void {
    const now = this.clock.monotonicMs();
    this.#left = Math.min(this.most, this.#left + ((now - this.#atMs) / 3_600_000) * this.perHour);
    this.#atMs = now;
  }
}
