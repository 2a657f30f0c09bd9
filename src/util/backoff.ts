export interface BackoffOptions {
  /** No wait is shorter. */
  readonly leastMs: number;
  /** The longest that the first wait may be; it doubles from wait to wait. */
  readonly firstMs: number;
  /** No wait that nobody asked for is longer. */
  readonly mostMs: number;
  /** Of what the other side asks for, no more is granted. */
  readonly mostAskedMs: number;
}

/**
 * How long to wait between tries: anywhere from the least to a limit that doubles, so that the agents of a thousand nodes do not come
 * back together. What the other side asks for is the least, and the jitter comes on top of it: asked to wait a second, all would be
 * back in that second.
 */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: () => number;
  #limitMs: number;

  /** `random`: uniform in [0, 1). */
  constructor(options: BackoffOptions, random: () => number) {
    this.#options = options;
    this.#random = random;
    this.#limitMs = options.firstMs;
  }

  /** @param askedMs what the other side asks for; not a number or negative: nothing was asked. */
  next(askedMs = 0): number {
    const { leastMs, mostMs, mostAskedMs } = this.#options;
    const base = askedMs > 0 ? Math.min(askedMs, mostAskedMs) : leastMs;
    const waitMs = base + this.#random() * Math.max(0, this.#limitMs - leastMs);
    this.#limitMs = Math.min(this.#limitMs * 2, mostMs);
    return waitMs;
  }

  /** The other side is well: the next wait is the first again. */
  reset(): void {
    this.#limitMs = this.#options.firstMs;
  }
}
