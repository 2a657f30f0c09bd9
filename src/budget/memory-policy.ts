import { Patience } from "./patience.js";

/** Of the limit; less where it is small, for what comes between two looks does not shrink with it. */
const SHED_AT = 0.9;
const HEADROOM_BYTES = 12 << 20;
/** Above the share where shedding begins: so near that there is no time to see what a rung did. */
const URGENT_ABOVE = 0.06;
/** Below it. */
const RECOVER_BELOW = 0.1;
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
  /** Share of the limit where shedding begins. */
  private readonly shedAt: number;

  constructor(limitBytes: number) {
    this.shedAt = Math.min(SHED_AT, 1 - HEADROOM_BYTES / limitBytes);
  }

  /** `share`: of the limit, now. Gives the next level, from 0 to `top`; at most one away from `level`. */
  next(level: number, top: number, share: number, nowMs: number): number {
    if (share >= this.shedAt - RECOVER_BELOW) this.wellSinceMs = undefined;
    else this.wellSinceMs ??= nowMs;
    const settled = nowMs - this.changedAtMs >= SETTLE_MS;
    if (level < top && share >= this.shedAt && (settled || share >= this.shedAt + URGENT_ABOVE)) {
      this.patience.shed(level, level + 1, nowMs, !settled);
      return this.changed(level + 1, nowMs);
    }
    if (level > 0 && this.wellSinceMs !== undefined && nowMs - this.wellSinceMs >= this.patience.waitMs(level)) {
      this.patience.recovered(level, nowMs);
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
