/** So many a period, spent evenly: a token bucket whose size is one period's worth. */
export class Budget {
  readonly #capacity: number;
  readonly #periodMs: number;
  #left: number;
  #filledAtMs: number;

  /** Times are of any clock that does not go backwards, in milliseconds. */
  constructor(capacity: number, periodMs: number, nowMs: number) {
    this.#capacity = capacity;
    this.#periodMs = periodMs;
    this.#left = capacity;
    this.#filledAtMs = nowMs;
  }

  /** Takes one if there is one. */
  take(nowMs: number): boolean {
    const filled = ((nowMs - this.#filledAtMs) * this.#capacity) / this.#periodMs;
    this.#left = Math.min(this.#capacity, this.#left + filled);
    this.#filledAtMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
