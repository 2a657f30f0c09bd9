import { Patience } from "./patience.js";

/** What is not used is saved up, and what is used too much is owed, up to so many seconds of the limit. */
const ALLOWANCE_SECONDS = 25;
/** How long use is looked at before more is shed: what a rung did shows by then. */
const SETTLE_MS = 5000;
/** A start's own work (code to compile, the first files to convert) says nothing of what the load takes. */
const START_MS = 15_000;
/** Use of longer ago says nothing of the load now. */
const RECENT_MS = 8000;
const SHORTEST_WAIT_MS = 10_000;
const LONGEST_WAIT_MS = 600_000;
/** Shares of the limit. Half the rate takes half of what sampling takes: below this, twice the rate may fit. */
const RECOVER_BELOW = 0.6;
/** Where most of the use is not sampling's, that would be never: after the longest wait it is tried all the same. */
const TRY_BELOW = 0.95;

interface Look {
  readonly ms: number;
  /** CPU time since the start, seconds. */
  readonly usedSeconds: number;
}

/** Which level of shedding the CPU's use asks for. */
export class CpuPolicy {
  private readonly patience = new Patience(SHORTEST_WAIT_MS, LONGEST_WAIT_MS);
  /** Seconds of CPU time; negative when too much was used. */
  private allowance: number;
  private last: Look | undefined;
  private judgesFromMs: number | undefined;
  /** Since the level changed, and not older than {@link RECENT_MS}. */
  private recent: Look[] = [];
  private readonly calm = new Spell();
  private readonly nearlyCalm = new Spell();

  /** `firstRate`: the first level that halves the rate; from there on one look may ask for several. */
  constructor(
    private readonly limitCores: number,
    private readonly firstRate: number,
  ) {
    this.allowance = limitCores * ALLOWANCE_SECONDS;
  }

  /** Cores taken lately; 0 before anything is known. */
  useCores = 0;

  /** `usedSeconds`: CPU time since the start. Gives the next level, from 0 to `top`. */
  next(level: number, top: number, usedSeconds: number, nowMs: number): number {
    const look = { ms: nowMs, usedSeconds };
    this.judgesFromMs ??= nowMs + START_MS;
    if (nowMs >= this.judgesFromMs) this.earn(look);
    this.recent.push(look);
    while (this.recent.length > 2 && nowMs - this.recent[1].ms >= RECENT_MS) this.recent.shift();
    const useCores = coresBetween(this.recent[0], look);
    if (this.recent.length > 1) this.useCores = useCores;
    const share = useCores / this.limitCores;
    const seenMs = nowMs - this.recent[0].ms;
    if (level < top && this.allowance < 0 && seenMs >= SETTLE_MS && share > 1) {
      const next = Math.min(top, level + this.rungsFor(level, share));
      this.patience.shed(level, next, nowMs);
      return this.changed(next, look);
    }
    const isCalm = this.calm.stayedBelow(this.limitCores * RECOVER_BELOW, this.patience.waitMs(level), look);
    const isNearlyCalm = this.nearlyCalm.stayedBelow(this.limitCores * TRY_BELOW, LONGEST_WAIT_MS, look);
    if (level > 0 && this.allowance > 0 && (isCalm || isNearlyCalm)) {
      this.patience.recovered(level, nowMs);
      return this.changed(level - 1, look);
    }
    return Math.min(level, top);
  }

  /** Four times the limit wants a quarter of the rate. */
  private rungsFor(level: number, share: number): number {
    return level + 1 < this.firstRate ? 1 : Math.max(1, Math.floor(Math.log2(share)));
  }

  private earn(look: Look): void {
    const { last, limitCores } = this;
    this.last = look;
    if (last === undefined) return;
    const most = limitCores * ALLOWANCE_SECONDS;
    const earned = ((look.ms - last.ms) / 1000) * limitCores - (look.usedSeconds - last.usedSeconds);
    this.allowance = Math.max(-most, Math.min(most, this.allowance + earned));
  }

  private changed(level: number, look: Look): number {
    this.recent = [look];
    this.calm.begin(look);
    this.nearlyCalm.begin(look);
    return level;
  }
}

/** A time that is judged by its mean: what is done once a window, in a burst, does not end it. */
class Spell {
  private from: Look | undefined;

  begin(look: Look): void {
    this.from = look;
  }

  /** Whether the use was below so many cores through the last so many milliseconds, asked when they are over. */
  stayedBelow(cores: number, lengthMs: number, now: Look): boolean {
    this.from ??= now;
    if (now.ms - this.from.ms < lengthMs) return false;
    const stayed = coresBetween(this.from, now) < cores;
    this.from = now;
    return stayed;
  }
}

function coresBetween(from: Look | undefined, to: Look | undefined): number {
  if (from === undefined || to === undefined || to.ms <= from.ms) return 0;
  return (to.usedSeconds - from.usedSeconds) / ((to.ms - from.ms) / 1000);
}
