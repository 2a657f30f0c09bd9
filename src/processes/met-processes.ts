import type { ProcessKey } from "../model/process-key.js";
import { sampleLayout } from "../native/abi.generated.js";

/** What is held of one process. */
export interface MetProcess {
  readonly key: ProcessKey;
  /** The window that it was met in last. */
  lastWindow: number;
}

export interface MetProcessesLimits {
  /** Beyond so many, the one put in first is let go. */
  readonly maxProcesses: number;
  /** Windows that a process is kept for without being met: one may be named two windows late. */
  readonly keptWindows: number;
}

/** Its start time in halves, as a sample has it. */
interface Row<Held> {
  readonly held: Held;
  readonly startLow: number;
  readonly startHigh: number;
}

const PID = sampleLayout.pid >> 2;
const START = sampleLayout.startTimeNs >> 2;

/** What is held of processes that were met lately, by pid; each is let go once. */
export class MetProcesses<Held extends MetProcess> {
  readonly #rows = new Map<number, Row<Held>>();
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
    return this.#rows.size;
  }

  /** Of the process that has this number now, whichever it is. */
  get(pid: number): Held | undefined {
    return this.#rows.get(pid)?.held;
  }

  /** Of this process, and of no other that had its number. */
  find({ pid, startTimeNs }: ProcessKey): Held | undefined {
    const held = this.get(pid);
    return held?.key.startTimeNs === startTimeNs ? held : undefined;
  }

  /** Of the process that the struct abi_sample at words[header] was taken of: it is met in this window, too. */
  meet(words: Uint32Array, header: number): Held | undefined {
    const row = this.#rows.get(words[header + PID]);
    if (row?.startLow !== words[header + START] || row.startHigh !== words[header + START + 1]) return undefined;
    row.held.lastWindow = this.#window;
    return row.held;
  }

  /** In the order in which they were put in. */
  *values(): Iterable<Held> {
    for (const { held } of this.#rows.values()) yield held;
  }

  /** Met in this window, in place of what was held under its pid, if anything. */
  put(held: Held): void {
    const { pid, startTimeNs } = held.key;
    this.letGo(pid);
    held.lastWindow = this.#window;
    this.#rows.set(pid, {
      held,
      startLow: Number(startTimeNs & 0xffff_ffffn),
      startHigh: Number(startTimeNs >> 32n),
    });
    if (this.#rows.size <= this.#limits.maxProcesses) return;
    const [oldest] = this.#rows.keys();
    this.letGo(oldest);
  }

  letGo(pid: number): void {
    const row = this.#rows.get(pid);
    if (row === undefined) return;
    this.#rows.delete(pid);
    this.#letGo(row.held);
  }

  /** A window was written, or given up; `waiting`: how many still are to be. */
  windowWritten(waiting: number): void {
    this.#window++;
    for (const [pid, { held }] of this.#rows) {
      if (held.lastWindow + this.#limits.keptWindows + waiting < this.#window) this.letGo(pid);
    }
  }

  close(): void {
    for (const pid of this.#rows.keys()) this.letGo(pid);
  }
}
