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
 * Calls into one worker thread, answered in order. The worker is started by the first call, and started anew after it
 * died: what it reads is hostile, and one bad file must not end the rest. One that has had nothing to do for a while is
 * let go, with its memory.
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

export type CallHandlers<Calls extends CallTable<Calls>> = {
  readonly [Name in keyof Calls]: (
    input: Calls[Name]["input"],
  ) => Answer<Calls[Name]["output"]> | Promise<Answer<Calls[Name]["output"]>>;
};

/** The worker's side: answers each call with its handler. A handler that throws fails its call only. */
export function answerCalls<Calls extends CallTable<Calls>>(port: MessagePort, handlers: CallHandlers<Calls>): void {
  port.on("message", (request: Request) => {
    void answer(request);
  });
  async function answer({ id, name, input }: Request): Promise<void> {
    const startMs = performance.now();
    const taken = () => (performance.now() - startMs) / 1000;
    try {
      const handler = handlers[name as keyof Calls];
      const { output, transfer } = await handler(input);
      port.postMessage({ id, seconds: taken(), output } satisfies Reply, transfer);
    } catch (error) {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      port.postMessage({ id, seconds: taken(), error: message } satisfies Reply);
    }
  }
}
