/** What is held of one process. */
export interface MetProcess {
  /** The window that it was met in last. */
  lastWindow: number;
}

export interface MetProcessesLimits {
  /** Beyond so many, the one put in first is let go. */
  readonly maxProcesses: number;
  /** Windows that a process is kept for without being met: one may be named two windows late. */
  readonly keptWindows: number;
}

/** What is held of processes that were met lately, by pid; each is let go once. */
export class MetProcesses<Held extends MetProcess> {
  readonly #held = new Map<number, Held>();
  readonly #limits: MetProcessesLimits;
  readonly #letGo: (held: Held) => void;
  #window = 0;

  constructor(limits: MetProcessesLimits, letGo: (held: Held) => void) {
    this.#limits = limits;
    this.#letGo = letGo;
  }

  /** The window under way, counted from the first. */
  get window(): number {
    return this.#window;
  }

  get size(): number {
    return this.#held.size;
  }

  get(pid: number): Held | undefined {
    return this.#held.get(pid);
  }

  /** In the order in which they were put in. */
  values(): Iterable<Held> {
    return this.#held.values();
  }

  /** In place of what was held under that pid, if anything. */
  put(pid: number, held: Held): void {
    this.letGo(pid);
    this.#held.set(pid, held);
    if (this.#held.size <= this.#limits.maxProcesses) return;
    const [oldest] = this.#held.keys();
    this.letGo(oldest);
  }

  letGo(pid: number): void {
    const held = this.#held.get(pid);
    if (held === undefined) return;
    this.#held.delete(pid);
    this.#letGo(held);
  }

  /** A window was written, or given up; `waiting`: how many still are to be. */
  windowWritten(waiting: number): void {
    this.#window++;
    for (const [pid, { lastWindow }] of this.#held) {
      if (lastWindow + this.#limits.keptWindows + waiting < this.#window) this.letGo(pid);
    }
  }

  close(): void {
    for (const pid of this.#held.keys()) this.letGo(pid);
  }
}
