/** After the first failure, at most this. */
const FIRST_MS = 1000;
/** A window's length: an intake that is back is found within the minute. */
const MAX_MS = 60_000;
/** What a receiver may ask for at most: one that asks for a day would cost what the spool cannot hold. */
const MAX_ASKED_MS = 10 * 60_000;

/**
 * How long to wait between tries: anywhere from nothing to a limit that doubles (full jitter), so that the agents of a thousand nodes
 * do not come back together. What the receiver asks for is the least, within reason, and the jitter comes on top of it.
 */
export class FullJitter {
  readonly #random: () => number;
  #limitMs = FIRST_MS;

  /** `random`: uniform in [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** @param askedMs Retry-After; not a number or negative: nothing was asked. */
  next(askedMs = 0): number {
    const jitterMs = this.#random() * this.#limitMs;
    this.#limitMs = Math.min(this.#limitMs * 2, MAX_MS);
    return (askedMs > 0 ? Math.min(askedMs, MAX_ASKED_MS) : 0) + jitterMs;
  }

  reset(): void {
    this.#limitMs = FIRST_MS;
  }
}
