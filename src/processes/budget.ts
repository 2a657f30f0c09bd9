/** So many a period, spent evenly: a token bucket whose size is one period's worth. */
export class Budget {
  readonly #capacity: number;
  readonly #periodMs: number;
  /** Negative after more was spent than there was. */
  #left: number;
  #filledAtMs: number;

  /** Times are of any clock that does not go backwards, in milliseconds. */
  constructor(capacity: number, periodMs: number, nowMs: number) {
    this.#capacity = capacity;
    this.#periodMs = periodMs;
    this.#left = capacity;
    this.#filledAtMs = nowMs;
  }

  /** How many there are now; 0 while more is owed. */
  left(nowMs: number): number {
    const filled = ((nowMs - this.#filledAtMs) * this.#capacity) / this.#periodMs;
    this.#left = Math.min(this.#capacity, this.#left + filled);
    this.#filledAtMs = nowMs;
    return Math.max(0, this.#left);
  }

  /** What it took is known only afterwards, and may be more than there was: that is owed. */
  spend(count: number): void {
    this.#left -= count;
  }

  /** Takes one if there is one. */
  take(nowMs: number): boolean {
    if (this.left(nowMs) < 1) return false;
    this.spend(1);
    return true;
  }
}

/** What may be read of files: so many bytes a second in the long run, and so many at once. */
export interface ReadAllowance {
  readonly readBytesPerSecond: number;
  readonly readBurstBytes: number;
}

/** The burst is there at once, and again when as many seconds have passed as it is worth. */
export function readBudget({ readBytesPerSecond, readBurstBytes }: ReadAllowance, nowMs: number): Budget {
  return new Budget(readBurstBytes, (readBurstBytes / readBytesPerSecond) * 1000, nowMs);
}
