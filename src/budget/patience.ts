/** A rung that has to be shed again within so many of the longest waits was taken back too early: little too much shows late. */
const RELAPSE_WAITS = 1.5;

/**
 * How long all must be well before a rung is taken back: twice as long each time that it was a mistake, and half as long
 * each time that it was not.
 */
export class Patience {
  /** Milliseconds. */
  waitMs: number;
  private recoveredAtMs: number | undefined;

  constructor(
    private readonly shortestMs: number,
    private readonly longestMs: number,
  ) {
    this.waitMs = shortestMs;
  }

  /** A rung has to be shed. */
  shed(nowMs: number): void {
    if (this.recoveredAtMs === undefined) return;
    const relapsed = nowMs - this.recoveredAtMs < this.longestMs * RELAPSE_WAITS;
    this.waitMs = relapsed ? Math.min(this.longestMs, this.waitMs * 2) : Math.max(this.shortestMs, this.waitMs / 2);
    this.recoveredAtMs = undefined;
  }

  /** A rung is taken back. Gives the moment of it to what {@link shed} compares with. */
  recovered(nowMs: number): void {
    // Two in a row, and the first did no harm.
    if (this.recoveredAtMs !== undefined) this.waitMs = Math.max(this.shortestMs, this.waitMs / 2);
    this.recoveredAtMs = nowMs;
  }
}
