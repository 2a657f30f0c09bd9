/** A rung that has to be shed again within so many of the longest waits was taken back too early: little too much shows late. */
const RELAPSE_WAITS = 1.5;

/** What was learned of one rung. */
interface Lesson {
  waitMs: number;
  /** When it was taken back, while it is not known whether that was right. */
  recoveredAtMs: number | undefined;
  /** It was shed in haste, and so taken back after half the wait. */
  wasHasty: boolean;
}

/**
 * How long all must be well before a rung is taken back: twice as long each time that it was a mistake, and half as long
 * each time that it was not. Each rung has its own: one above another, shed and taken back with each wave of the load,
 * says nothing of whether that other can be spared. What was shed in haste, perhaps needlessly, is tried sooner, and
 * proves nothing.
 */
export class Patience {
  /** By level. */
  private readonly lessons = new Map<number, Lesson>();
  /** Rungs that were shed right after another, before it was seen what that one did. */
  private hasty = 0;

  constructor(
    private readonly shortestMs: number,
    private readonly longestMs: number,
  ) {}

  /** Milliseconds until the rung that led to this level may be taken back. */
  waitMs(level: number): number {
    const { waitMs } = this.lessonOf(level);
    return this.hasty > 0 ? waitMs / 2 : waitMs;
  }

  /** Rungs have to be shed, from the level after `before` up to `level`; in haste, right after another. */
  shed(before: number, level: number, nowMs: number, inHaste = false): void {
    this.hasty = inHaste ? this.hasty + 1 : 0;
    for (let reached = before + 1; reached <= level; reached++) {
      const lesson = this.lessonOf(reached);
      if (lesson.recoveredAtMs === undefined) continue;
      if (nowMs - lesson.recoveredAtMs < this.longestMs * RELAPSE_WAITS) this.wasMistake(lesson);
      else this.wasRight(lesson);
    }
  }

  /** The rung that led to this level is taken back. */
  recovered(level: number, nowMs: number): void {
    // Two in a row, and the first did no harm.
    const above = this.lessonOf(level + 1);
    if (above.recoveredAtMs !== undefined && !above.wasHasty) this.wasRight(above);
    const lesson = this.lessonOf(level);
    lesson.recoveredAtMs = nowMs;
    lesson.wasHasty = this.hasty > 0;
    if (lesson.wasHasty) this.hasty--;
  }

  private wasMistake(lesson: Lesson): void {
    lesson.waitMs = Math.min(this.longestMs, lesson.waitMs * 2);
    lesson.recoveredAtMs = undefined;
  }

  private wasRight(lesson: Lesson): void {
    lesson.waitMs = Math.max(this.shortestMs, lesson.waitMs / 2);
    lesson.recoveredAtMs = undefined;
  }

  private lessonOf(level: number): Lesson {
    const known = this.lessons.get(level);
    if (known !== undefined) return known;
    const lesson: Lesson = { waitMs: this.shortestMs, recoveredAtMs: undefined, wasHasty: false };
    this.lessons.set(level, lesson);
    return lesson;
  }
}
