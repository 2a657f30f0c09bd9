/** How often the loop is looked at. */
const LOOK_MS = 1000;
const LOOKS = 60;

/**
 * How late the event loop is: a timer that measures by how much it was late itself, once a second, for a wake-up a second.
 * perf_hooks' histogram would wake the loop twenty times as often.
 */
export class LoopDelay {
  private readonly lateMs = new Float64Array(LOOKS);
  private next = 0;
  private expectedMs = 0;
  private timer: NodeJS.Timeout | undefined;

  start(): void {
    this.expectedMs = performance.now() + LOOK_MS;
    this.timer = setInterval(() => {
      const now = performance.now();
      this.lateMs[this.next] = Math.max(0, now - this.expectedMs);
      this.next = (this.next + 1) % LOOKS;
      this.expectedMs = now + LOOK_MS;
    }, LOOK_MS).unref();
  }

  /** The worst of the last minute, milliseconds. */
  get worstMs(): number {
    return Math.max(...this.lateMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
