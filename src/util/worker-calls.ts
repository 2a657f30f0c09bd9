import { Worker, type MessagePort, type Transferable, type WorkerOptions } from "node:worker_threads";

/** Names of the calls a worker answers, with what goes in and what comes out. */
export type CallTable<Calls> = {
  readonly [Name in keyof Calls]: { readonly input: unknown; readonly output: unknown };
};

interface Request {
  readonly id: number;
  readonly name: string;
  readonly input: unknown;
}

type Reply = { readonly id: number; readonly seconds: number } & (
  { readonly output: unknown } | { readonly error: string }
);

/** The worker ended without an answer: it ran out of the memory it was allowed, or has a bug. */
export class WorkerDied extends Error {
  override readonly name = "WorkerDied";
}

/**
 * Calls into one worker thread, answered in order but for those that pause. The worker is started by the first call, and
 * started anew after it died: what it reads is hostile, and one bad file must not end the rest. One that has had nothing to
 * do for a while is let go, with its memory.
 */
export class WorkerCalls<Calls extends CallTable<Calls>> {
  private current: Running | undefined;
  private nextId = 0;
  private idleTimer: NodeJS.Timeout | undefined;
  /** How often the worker died with calls unanswered. */
  deaths = 0;
  private readonly busy = new Map<keyof Calls & string, number>();
  /** Called when a worker that had nothing to do is gone, with its memory. */
  onRest: (() => void) | undefined;

  constructor(
    private readonly url: URL,
    private readonly options: WorkerOptions,
    /** The worker goes after so many milliseconds without a call; never when undefined. May change meanwhile. */
    public idleMs?: number | undefined,
  ) {}

  /** What the worker was busy with, seconds since the start of the first one; each call that was answered. */
  get busySeconds(): ReadonlyMap<keyof Calls & string, number> {
    return this.busy;
  }

  /** Calls that are not answered yet. */
  get waitingCalls(): number {
    return this.current?.waiting.size ?? 0;
  }

  /** Starts the worker before the first call, so that it loads its code meanwhile. */
  start(): void {
    this.current ??= this.spawn();
  }

  call<Name extends keyof Calls & string>(
    name: Name,
    input: Calls[Name]["input"],
    transfer: readonly Transferable[] = [],
  ): Promise<Calls[Name]["output"]> {
    clearTimeout(this.idleTimer);
    const { worker, waiting } = (this.current ??= this.spawn());
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const answered = (seconds: number): void => {
        this.busy.set(name, (this.busy.get(name) ?? 0) + seconds);
      };
      waiting.set(id, { resolve, reject, answered });
      worker.postMessage({ id, name, input } satisfies Request, transfer);
    });
  }

  /**
   * Lets the worker go at once where it has nothing to do, and says whether it does: {@link onRest} follows. Otherwise it goes as
   * {@link idleMs} says.
   */
  endIdle(): boolean {
    const isIdle = this.current?.waiting.size === 0;
    if (isIdle) void this.close().then(() => this.onRest?.());
    return isIdle;
  }

  async close(): Promise<void> {
    clearTimeout(this.idleTimer);
    const { current } = this;
    this.current = undefined;
    await current?.worker.terminate();
  }

  /** Begins to wait for the next call. */
  private rest(running: Running): void {
    if (this.idleMs !== undefined && this.current === running && running.waiting.size === 0) {
      clearTimeout(this.idleTimer);
      this.idleTimer = setTimeout(() => {
        void this.close().then(() => this.onRest?.());
      }, this.idleMs).unref();
    }
  }

  private spawn(): Running {
    const worker = new Worker(this.url, this.options);
    const waiting: Running["waiting"] = new Map();
    const running: Running = { worker, waiting };
    worker.on("message", (reply: Reply) => {
      const call = waiting.get(reply.id);
      waiting.delete(reply.id);
      call?.answered(reply.seconds);
      if ("error" in reply) {
        call?.reject(new Error(reply.error));
      } else {
        call?.resolve(reply.output);
      }
      this.rest(running);
    });
    let reason = "it exited";
    worker.on("error", (error) => {
      reason = error instanceof Error ? error.message : String(error);
    });
    worker.on("exit", () => {
      if (this.current === running) {
        this.current = undefined;
        this.deaths++;
      }
      for (const { reject } of waiting.values()) {
        reject(new WorkerDied(`the worker thread ended: ${reason}`));
      }
    });
    return running;
  }
}

/** A worker and the calls that it, and no worker before or after it, owes an answer. */
interface Running {
  readonly worker: Worker;
  readonly waiting: Map<number, WaitingCall>;
}

interface WaitingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  /** Told how long the worker took for it. */
  readonly answered: (seconds: number) => void;
}

/** What one call comes to, and the buffers in it to hand over rather than copy. */
export interface Answer<Output> {
  readonly output: Output;
  readonly transfer: readonly Transferable[];
}

/**
 * Lets the calls that came in meanwhile go first, all of them, when the one that pauses has worked for a while; it goes on when they
 * are answered.
 */
export type Pause = () => Promise<void>;

export type CallHandlers<Calls extends CallTable<Calls>> = {
  readonly [Name in keyof Calls]: (
    input: Calls[Name]["input"],
    pause: Pause,
  ) => Answer<Calls[Name]["output"]> | Promise<Answer<Calls[Name]["output"]>>;
};

/** A call works for so long before its pauses are some. */
const SLICE_MS = 10;

/** The worker's side: answers each call with its handler. A handler that throws fails its call only. */
export function answerCalls<Calls extends CallTable<Calls>>(port: MessagePort, handlers: CallHandlers<Calls>): void {
  const turns = new NewestFirst();
  port.on("message", (request: Request) => {
    void answer(request);
  });
  async function answer({ id, name, input }: Request): Promise<void> {
    const turn = turns.begin();
    try {
      const handler = handlers[name as keyof Calls];
      const { output, transfer } = await handler(input, () => turns.pause(turn));
      port.postMessage({ id, seconds: turns.workedSeconds(turn), output } satisfies Reply, transfer);
    } catch (error) {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      port.postMessage({ id, seconds: turns.workedSeconds(turn), error: message } satisfies Reply);
    } finally {
      turns.end(turn);
    }
  }
}

/** A call in work. */
interface Turn {
  sinceMs: number;
  /** Before {@link sinceMs}, without pauses. */
  workedMs: number;
  /** Ends its pause. */
  goOn: (() => void) | undefined;
}

/** Whose turn it is among the calls in work: the last one's. */
class NewestFirst {
  private readonly inWork: Turn[] = [];

  begin(): Turn {
    const turn = { sinceMs: performance.now(), workedMs: 0, goOn: undefined };
    this.inWork.push(turn);
    return turn;
  }

  async pause(turn: Turn): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - turn.sinceMs < SLICE_MS) return;
    turn.workedMs += nowMs - turn.sinceMs;
    await new Promise(setImmediate); // what has come in begins, and works until it is answered or pauses
    if (this.inWork.at(-1) !== turn) {
      await new Promise<void>((resolve) => (turn.goOn = resolve));
      turn.goOn = undefined;
    }
    turn.sinceMs = performance.now();
  }

  /** So far, without its pauses. */
  workedSeconds({ workedMs, sinceMs }: Turn): number {
    return (workedMs + performance.now() - sinceMs) / 1000;
  }

  end(turn: Turn): void {
    this.inWork.splice(this.inWork.indexOf(turn), 1);
    this.inWork.at(-1)?.goOn?.();
  }
}
