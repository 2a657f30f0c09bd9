import { Backoff } from "../util/backoff.js";
import type { Clock } from "../util/clock.js";
import type { DebuginfodServer } from "./servers.js";

/** A server that does not answer costs a time-out each time: it is left alone for longer and longer. */
const BACKOFF = { leastMs: 2000, firstMs: 10_000, mostMs: 600_000, mostAskedMs: 3_600_000 };

/** A server, and whether it is to be asked now. */
export class RestingServer {
  readonly #backoff: Backoff;
  #untilMs = -Infinity;

  constructor(
    readonly server: DebuginfodServer,
    private readonly clock: Clock,
    random: () => number,
  ) {
    this.#backoff = new Backoff(BACKOFF, random);
  }

  /** For how long it is left alone yet; 0 where it may be asked. */
  get restMs(): number {
    return Math.max(0, this.#untilMs - this.clock.monotonicMs());
  }

  /** @param askedMs how long it wants to be left alone, if it said so */
  rest(askedMs?: number): void {
    // Two requests that fail at once are one failure.
    if (this.restMs === 0) this.#untilMs = this.clock.monotonicMs() + this.#backoff.next(askedMs);
  }

  isWell(): void {
    this.#backoff.reset();
  }
}
