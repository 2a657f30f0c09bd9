/** Something that has work, and does some of it when it is its turn. */
export interface Worker {
  /** Whether there is any left. */
  readonly hasWork: boolean;
  /** A fair piece of it. Never rejects. */
  work(): Promise<void>;
  /** How long its work may wait while nobody else's is done; milliseconds. */
  readonly waitMs: number;
}

/** Gives each of those that have work its turn, one after the other, so many at once: who has much does not keep the others waiting. */
export class Turns<Its extends Worker> {
  /** Who waits for a turn, in order. */
  private readonly waiting = new Set<Its>();
  private readonly working = new Set<Its>();

  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly atOnce: number) {}

  /** It has work. */
  want(its: Its): void {
    if (this.working.has(its) || this.waiting.has(its)) return;
    this.waiting.add(its);
    const { waitMs } = its;
    if (waitMs <= 0 || this.working.size > 0) this.next();
    else {
      this.timer ??= setTimeout(() => {
        this.next();
      }, waitMs);
    }
  }

  private next(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    while (this.working.size < this.atOnce) {
      const [its] = this.waiting;
      if ((its as Its | undefined) === undefined) return;
      this.waiting.delete(its);
      this.working.add(its);
      void its.work().then(() => {
        this.working.delete(its);
        if (its.hasWork) this.waiting.add(its);
        this.next();
      });
    }
  }
}
