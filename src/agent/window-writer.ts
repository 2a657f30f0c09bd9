import type { WindowEnd, WindowSpan } from "./window-loop.js";

/** What the writer needs to know of a window. */
export interface SampledWindow {
  /** Samples in it. */
  readonly total: number;
  /** Of memory. */
  readonly bytes: number;
}

export interface WindowWriterModules<Window extends SampledWindow> {
  /** Names, labels, exports one window; may reject. */
  readonly write: (window: Window, span: WindowSpan, signal: AbortSignal) => Promise<void>;
  readonly onFailure: (error: unknown, span: WindowSpan, samples: number) => void;
  /** A window was written, or failed; so many still wait. */
  readonly onDone: (waiting: number) => void;
  /** A window was given up because there is no room for it beside those after it. */
  readonly onDropped: (span: WindowSpan, samples: number) => void;
}

/** The rate may change several times while one window is written; a minute of changes each few seconds has room. */
const MAX_WAITING = 16;

/**
 * Writes windows one after another while the next is sampled: one being written, one waiting, or several that are small
 * because the rate changed. What fails costs its own window, and is told and counted.
 */
export class WindowWriter<Window extends SampledWindow> {
  private readonly waiting: { readonly window: Window; readonly span: WindowSpan }[] = [];
  private running: Promise<void> | undefined;
  private readonly controller = new AbortController();

  /** Windows taken, by why they ended. */
  readonly ended: Record<WindowEnd, number> = { clock: 0, memory: 0, rate: 0, schedule: 0, stop: 0 };
  written = 0;
  failed = 0;
  dropped = 0;
  /** Samples of windows that failed or were dropped. */
  samplesFailed = 0;
  samplesDropped = 0;
  /** How long the last one took from its end to its last export. */
  lastWriteMs = 0;

  /** maxBytes: of all that wait, but that one always may. */
  constructor(
    private readonly modules: WindowWriterModules<Window>,
    private readonly maxBytes: number,
  ) {}

  get canTake(): boolean {
    return this.waiting.length === 0;
  }

  take(window: Window, span: WindowSpan): void {
    this.ended[span.end]++;
    // The last one of all drops none: no further window follows that memory would be needed for.
    this.waiting.push({ window, span });
    if (span.end !== "stop") this.dropWhatIsTooMuch();
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
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
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
      this.modules.onDone(this.waiting.length);
    }
    this.running = undefined;
  }

  private dropWhatIsTooMuch(): void {
    let bytes = this.waiting.reduce((sum, { window }) => sum + window.bytes, 0);
    while (this.waiting.length > 1 && (bytes > this.maxBytes || this.waiting.length > MAX_WAITING)) {
      bytes -= this.waiting[0].window.bytes;
      this.dropOldest();
    }
  }

  /** The older one: the newer is nearer to what a person looks for now. */
  private dropOldest(): void {
    const oldest = this.waiting.shift();
    if (oldest === undefined) return;
    this.dropped++;
    this.samplesDropped += oldest.window.total;
    this.modules.onDropped(oldest.span, oldest.window.total);
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
