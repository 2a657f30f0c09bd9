import type { ProcessKey } from "../../model/process-key.js";
import type { Budget } from "../../processes/budget.js";
import type { ByteLru } from "../../util/lru.js";
import { offBeatMs } from "../off-beat.js";
import { ProcessMemory, type MemoryProblem } from "../process-memory.js";
import type { FrameCode } from "./code-reader.js";
import { Isolate, type KnownScript } from "./isolate.js";
import type { Worker } from "./turns.js";

/** Workers that one process has; isolates beyond so many make room for each other. */
const MAX_ISOLATES = 64;

/** Code that waits to be read. */
export interface WaitingCode extends FrameCode {
  /** What it is known by. */
  readonly key: string;
}

export interface V8ProcessFacts {
  readonly key: ProcessKey;
  /** Why nothing is read of it. */
  readonly refusal: "redacted" | "own" | undefined;
  /** What may be read of it. */
  readonly reading: Budget;
}

/** One process that runs V8: its memory, held open, and what is to be read of it. */
export class V8Process implements Worker {
  readonly waiting = new Map<string, WaitingCode>();
  private readonly isolates = new Map<number, Isolate>();
  private memory: Promise<ProcessMemory | MemoryProblem> | undefined;
  private readonly idleListeners: (() => void)[] = [];
  private readers = 0;
  private isClosed = false;
  lastWindow = 0;

  constructor(
    /** Of all programs that were ever met: its codes' keys begin with it. */
    public serial: number,
    private readonly its: V8ProcessFacts,
    private readonly scripts: ByteLru<string, KnownScript>,
    private readonly read: (its: V8Process) => Promise<void>,
  ) {}

  get key(): ProcessKey {
    return this.its.key;
  }

  get refusal(): "redacted" | "own" | undefined {
    return this.its.refusal;
  }

  get reading(): Budget {
    return this.its.reading;
  }

  get hasWork(): boolean {
    return this.waiting.size > 0;
  }

  get waitMs(): number {
    return offBeatMs(this.key);
  }

  async work(): Promise<void> {
    this.readers++;
    await this.read(this);
    this.readers--;
    if (this.isClosed) this.closeMemory();
    if (!this.hasWork) this.tellIdle();
  }

  /** Opened once; it stays open until it is closed. */
  open(): Promise<ProcessMemory | MemoryProblem> {
    return (this.memory ??= ProcessMemory.open(this.key));
  }

  /** Another program runs in it by now: it is met as if for the first time. */
  startAnew(serial: number): void {
    if (this.isClosed) return;
    this.closeMemory();
    this.isolates.clear();
    this.serial = serial;
  }

  /** The isolate that lives on a thread. */
  isolate(tid: number): Isolate {
    let isolate = this.isolates.get(tid);
    if (isolate === undefined) {
      if (this.isolates.size >= MAX_ISOLATES) this.isolates.clear();
      isolate = new Isolate(`${this.serial} ${tid}`, this.scripts);
      this.isolates.set(tid, isolate);
    }
    return isolate;
  }

  /** When nothing waits any more, or the time is over. */
  async idle(patienceMs: number): Promise<void> {
    if (this.waiting.size === 0 && this.readers === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      this.idleListeners.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  close(): void {
    this.isClosed = true;
    this.waiting.clear();
    if (this.readers > 0) return;
    this.closeMemory();
    this.tellIdle();
  }

  private tellIdle(): void {
    for (const listener of this.idleListeners.splice(0)) listener();
  }

  private closeMemory(): void {
    void this.memory?.then((memory) => (typeof memory === "string" ? undefined : memory.close()));
    this.memory = undefined;
  }
}
