import { Patience } from "./patience.js";

/** Shares of the limit. */
const SHED_AT = 0.9;
/** So near that there is no time to see what a rung did. */
const URGENT_AT = 0.96;
const RECOVER_BELOW = 0.8;
/** What a rung does shows by then: the worker is gone, garbage is collected, tables are let go. */
const SETTLE_MS = 3000;
const SHORTEST_WAIT_MS = 10_000;
const LONGEST_WAIT_MS = 600_000;

/** Below it a look a second is enough. */
export const NEAR_SHARE = 0.75;

/** Which level of shedding the memory's use asks for. */
export class MemoryPolicy {
  private readonly patience = new Patience(SHORTEST_WAIT_MS, LONGEST_WAIT_MS);
  private changedAtMs = -Infinity;
  private wellSinceMs: number | undefined;

  /** `share`: of the limit, now. Gives the next level, from 0 to `top`; at most one away from `level`. */
  next(level: number, top: number, share: number, nowMs: number): number {
    if (share >= RECOVER_BELOW) this.wellSinceMs = undefined;
    else this.wellSinceMs ??= nowMs;
    const settled = nowMs - this.changedAtMs >= SETTLE_MS;
    if (level < top && share >= SHED_AT && (settled || share >= URGENT_AT)) {
      this.patience.shed(nowMs);
      return this.changed(level + 1, nowMs);
    }
    if (level > 0 && this.wellSinceMs !== undefined && nowMs - this.wellSinceMs >= this.patience.waitMs) {
      this.patience.recovered(nowMs);
      return this.changed(level - 1, nowMs);
    }
    return Math.min(level, top);
  }

  private changed(level: number, nowMs: number): number {
    this.changedAtMs = nowMs;
    this.wellSinceMs = undefined;
    return level;
  }
}
