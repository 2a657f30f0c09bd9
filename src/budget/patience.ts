/** A rung that has to be shed again within so many of the longest waits was taken back too early: little too much shows late. */
const RELAPSE_WAITS = 1.5;

/**
 * How long all must be well before a rung is taken back: twice as long each time that it was a mistake, and half as long
 * each time that it was not. What was shed in haste, perhaps needlessly, is tried sooner, and proves nothing of the others.
 */
export class Patience {
  private learnedMs: number;
  private recoveredAtMs: number | undefined;
  /** Rungs that were shed right after another, before it was seen what that one did. */
  private hasty = 0;
  private tookBackHasty = false;

  constructor(
    private readonly shortestMs: number,
    private readonly longestMs: number,
  ) {
    this.learnedMs = shortestMs;
  }

  /** Milliseconds. */
  get waitMs(): number {
    return this.hasty > 0 ? this.learnedMs / 2 : this.learnedMs;
  }

  /** A rung has to be shed; in haste, right after another. */
  shed(nowMs: number, inHaste = false): void {
    this.hasty = inHaste ? this.hasty + 1 : 0;
    if (this.recoveredAtMs === undefined) return;
    const relapsed = nowMs - this.recoveredAtMs < this.longestMs * RELAPSE_WAITS;
    this.learnedMs = relapsed
      ? Math.min(this.longestMs, this.learnedMs * 2)
      : Math.max(this.shortestMs, this.learnedMs / 2);
    this.recoveredAtMs = undefined;
  }

  /** A rung is taken back. Gives the moment of it to what {@link shed} compares with. */
  recovered(nowMs: number): void {
    // Two in a row, and the first did no harm.
    const wasRight = this.recoveredAtMs !== undefined && !this.tookBackHasty;
    if (wasRight) this.learnedMs = Math.max(this.shortestMs, this.learnedMs / 2);
    this.tookBackHasty = this.hasty > 0;
    if (this.tookBackHasty) this.hasty--;
    this.recoveredAtMs = nowMs;
  }
}
