import type { Clock } from "../util/clock.js";

const MAX_SETTLED = 8192;

/** Build IDs that need not be asked for until a time; the oldest are forgotten when there are very many. */
export class Settled {
  readonly #untilMs = new Map<string, number>();

  constructor(private readonly clock: Clock) {}

  has(buildId: string): boolean {
    const untilMs = this.#untilMs.get(buildId);
    if (untilMs === undefined) return false;
    if (this.clock.monotonicMs() < untilMs) return true;
    this.#untilMs.delete(buildId);
    return false;
  }

  add(buildId: string, ms: number): void {
    this.#untilMs.delete(buildId);
    if (this.#untilMs.size >= MAX_SETTLED) {
      const [oldest = ""] = this.#untilMs.keys();
      this.#untilMs.delete(oldest);
    }
    this.#untilMs.set(buildId, this.clock.monotonicMs() + ms);
  }
}
