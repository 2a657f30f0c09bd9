/** Ends what is waited for too long: one step of it, or all together. */
export class Watch {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #total: NodeJS.Timeout;
  #step: NodeJS.Timeout | undefined;
  #timedOut = false;
  /** What does not come, for people: "answer". */
  awaited = "end";

  constructor(outer: AbortSignal, totalMs: number) {
    this.#outer = outer;
    this.#total = setTimeout(() => {
      this.awaited = "end";
      this.#expire();
    }, totalMs);
    outer.addEventListener("abort", this.#onAbort);
    if (outer.aborted) this.#onAbort();
  }

  /** Aborts when the time is over, and when the outer signal does. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get timedOut(): boolean {
    return this.#timedOut;
  }

  /** The step after the last one begins, and may take so long. */
  allow(ms: number, awaited = "bytes"): void {
    clearTimeout(this.#step);
    this.awaited = awaited;
    this.#step = setTimeout(() => {
      this.#expire();
    }, ms);
  }

  /** The step goes on: its time begins anew. */
  progress(): void {
    this.#step?.refresh();
  }

  close(): void {
    clearTimeout(this.#total);
    clearTimeout(this.#step);
    this.#outer.removeEventListener("abort", this.#onAbort);
  }

  #expire(): void {
    this.#timedOut = true;
    this.#controller.abort();
  }

  readonly #onAbort = (): void => {
    this.#controller.abort();
  };
}
