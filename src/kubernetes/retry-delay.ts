const FIRST_MS = 1000;
const MAX_MS = 30_000;

/**
 * How long to wait before the next try: at least a second, at most 30, anywhere between 1 s and a limit that doubles, so that the
 * agents of a thousand nodes do not return together. What the API server itself asks for is the least.
 */
export class RetryDelay {
  readonly #random: () => number;
  #limitMs = FIRST_MS;

  /** `random`: uniform in [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  next(retryAfterMs = 0): number {
    this.#limitMs = Math.min(this.#limitMs * 2, MAX_MS);
    const delayMs = FIRST_MS + this.#random() * (this.#limitMs - FIRST_MS);
    // Asked to wait a second, all would be back in that second.
    return retryAfterMs === 0 ? delayMs : retryAfterMs + this.#random() * FIRST_MS;
  }

  reset(): void {
    this.#limitMs = FIRST_MS;
  }
}
