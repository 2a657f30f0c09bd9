import type { WindowEnd, WindowSpan } from "./window-loop.js";

/** What the writer needs to know of a window. */
export interface SampledWindow {
  /** Samples in it. */
  readonly total: number;
}

export interface WindowWriterModules<Window extends SampledWindow> {
  /** Names, labels, exports one window; may reject. */
  readonly write: (window: Window, span: WindowSpan, signal: AbortSignal) => Promise<void>;
  readonly onFailure: (error: unknown, span: WindowSpan, samples: number) => void;
  /** A window was given up because the one before it was still waiting. */
  readonly onDropped: (span: WindowSpan, samples: number) => void;
}

/**
 * Writes windows one after another while the next is sampled: one being written, one waiting, no more. What fails costs
 * its own window, and is told and counted.
 */
export class WindowWriter<Window extends SampledWindow> {
  private waiting: { readonly window: Window; readonly span: WindowSpan } | undefined;
  private running: Promise<void> | undefined;
  private readonly controller = new AbortController();

  /** Windows taken, by why they ended. */
  readonly ended: Record<WindowEnd, number> = { clock: 0, memory: 0, stop: 0 };
  written = 0;
  failed = 0;
  dropped = 0;
  /** Samples of windows that failed or were dropped. */
  samplesFailed = 0;
  samplesDropped = 0;
  /** How long the last one took from its end to its last export. */
  lastWriteMs = 0;

  constructor(private readonly modules: WindowWriterModules<Window>) {}

  get canTake(): boolean {
    return this.waiting === undefined;
  }

  take(window: Window, span: WindowSpan): void {
    this.ended[span.end]++;
    if (this.waiting !== undefined) {
      // The older one: the newer is nearer to what a person looks for now.
      this.dropped++;
      this.samplesDropped += this.waiting.window.total;
      this.modules.onDropped(this.waiting.span, this.waiting.window.total);
    }
    this.waiting = { window, span };
    this.running ??= this.run();
  }

  /** Waits for what is under way, for at most so long; what is not done by then is aborted, and counted as failed. */
  async finish(timeoutMs: number): Promise<void> {
    const timer = setTimeout(() => {
      this.controller.abort(new Error("the agent stops, and there was no time left"));
    }, timeoutMs);
    await this.running;
    clearTimeout(timer);
  }

  private async run(): Promise<void> {
    for (let next = this.waiting; next !== undefined; next = this.waiting) {
      this.waiting = undefined;
      const { window, span } = next;
      const start = performance.now();
      try {
        await abortable(this.modules.write(window, span, this.controller.signal), this.controller.signal);
        this.written++;
      } catch (error) {
        this.failed++;
        this.samplesFailed += window.total;
        this.modules.onFailure(error, span, window.total);
      }
      this.lastWriteMs = performance.now() - start;
    }
    this.running = undefined;
  }
}

/** Whoever does not heed the signal is not waited for. */
async function abortable(task: Promise<void>, signal: AbortSignal): Promise<void> {
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => {
      reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    };
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
  });
  try {
    await Promise.race([task, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
