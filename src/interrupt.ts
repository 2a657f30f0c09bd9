import { EXIT } from "./model/exit-codes.js";

/**
 * One wish may come as several signals: timeout(1) signals its child and then its group, npm passes on the Ctrl-C that the
 * terminal has sent to both.
 */
export const SAME_WISH_MS = 500;

/** The first SIGINT or SIGTERM asks for an orderly end, the second ends the program. */
export class Interrupt {
  private controller = new AbortController();
  private wishedMs = -Infinity;

  constructor() {
    process.on("SIGINT", this.onSignal);
    process.on("SIGTERM", this.onSignal);
  }

  get asked(): boolean {
    return this.controller.signal.aborted;
  }

  /** Aborts at the first signal. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** What comes next has an orderly end of its own: the next signal asks for that one. */
  renew(): void {
    this.controller = new AbortController();
  }

  /** Resolves after so many milliseconds, or at the first signal. */
  after(ms: number): Promise<void> {
    const { signal } = this;
    return new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done);
    });
  }

  dispose(): void {
    process.off("SIGINT", this.onSignal);
    process.off("SIGTERM", this.onSignal);
  }

  private readonly onSignal = (): void => {
    const nowMs = performance.now();
    if (nowMs - this.wishedMs < SAME_WISH_MS) return;
    this.wishedMs = nowMs;
    if (this.asked) {
      process.exit(EXIT.interrupted);
    }
    this.controller.abort();
  };
}
