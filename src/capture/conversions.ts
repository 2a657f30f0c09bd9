import type { Executable, ExecutableContent } from "../executables/executable.js";
import type { TableStore } from "../unwind/table-store.js";
import type { InterpreterFinding } from "../interpreters/interpreter.js";
import type { InterpreterTable } from "../interpreters/interpreter-table.js";
import type { ConversionProblem, ConversionResult } from "../unwind/table.js";

/** What there is to know of a file before its stacks can be walked. */
export interface ConvertedFile extends ConversionResult {
  /** Undefined for what is no interpreter's file. */
  readonly interpreter: InterpreterFinding | undefined;
}

/** Makes rows of an executable's contents, and looks whether it is an interpreter's, on some worker. */
export type Convert = (content: ExecutableContent) => Promise<ConvertedFile>;

/** What waits for a file waits no longer than about a window for the one before it. */
const MAX_REST_MS = 30_000;

/**
 * Sees to it that each sampled executable gets its rows, once; one at a time, the smallest file first: the samples of
 * twenty small programs should not wait for a compiler's hundred megabytes, and its own samples are kept meanwhile.
 */
export class Conversions {
  private readonly queue: Executable[] = [];
  private running: Promise<void> | undefined;
  /** How often a file had no, or not all, rows; by reason. */
  readonly problems = new Map<ConversionProblem, number>();
  converted = 0;
  /** After each file the converter rests, so many times as long as the file took; 0: not at all. */
  restFactor = 0;
  private wake: (() => void) | undefined;

  constructor(
    private readonly tables: TableStore,
    private readonly interpreters: Pick<InterpreterTable, "take">,
    private readonly convert: Convert,
    /** Called when an executable's rows have come, or it is known that there are none. */
    private readonly onSettled: (executable: Executable) => void,
  ) {}

  /** Asks for the rows of an executable that was just opened, or whose table was evicted. */
  request(executable: Executable): void {
    executable.state = "converting";
    this.tables.announce(executable);
    this.queue.push(executable);
    this.running ??= this.run();
  }

  get busy(): boolean {
    return this.running !== undefined;
  }

  /** Resolves when nothing is left to convert. */
  async idle(): Promise<void> {
    await this.running;
  }

  /** Ends a rest, and rests no more. */
  hurry(): void {
    this.restFactor = 0;
    this.wake?.();
  }

  private async run(): Promise<void> {
    for (let executable = this.takeSmallest(); executable !== undefined; executable = this.takeSmallest()) {
      const start = performance.now();
      const result = await this.convertSafely(executable);
      const tookMs = performance.now() - start;
      for (const { problem } of result.problems) {
        this.count(problem);
      }
      this.interpreters.take(executable, result.interpreter);
      if (isMemory(executable, result)) this.tables.publishAnonymous(executable);
      else this.publish(executable, result);
      this.converted++;
      this.onSettled(executable);
      if (this.restFactor > 0) await this.rest(tookMs * this.restFactor);
    }
    this.running = undefined;
  }

  private async rest(ms: number): Promise<void> {
    const timeout = Math.min(ms, MAX_REST_MS);
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      setTimeout(resolve, timeout).unref();
    });
    this.wake = undefined;
  }

  /** Rows that contradict themselves, of whatever file brought them about, cost its stacks and no more. */
  private publish(executable: Executable, { rows }: ConversionResult): void {
    executable.retryAtMs = 0;
    if (rows !== undefined) {
      try {
        this.tables.publish(executable, rows);
        return;
      } catch {
        this.count("publish-failed");
      }
    }
    this.tables.publishNone(executable);
  }

  private count(problem: ConversionProblem): void {
    this.problems.set(problem, (this.problems.get(problem) ?? 0) + 1);
  }

  private takeSmallest(): Executable | undefined {
    let smallest = 0;
    for (const [at, { key }] of this.queue.entries()) {
      if (key.size < this.queue[smallest].key.size) {
        smallest = at;
      }
    }
    return this.queue.splice(smallest, 1)[0];
  }

  /** A file that ends the worker has no rows: it is not tried again, and the next one finds a new worker. */
  private async convertSafely(executable: Executable): Promise<ConvertedFile> {
    try {
      return await this.convert(executable.content);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      const problems = [{ problem: "worker-failed", detail }] as const;
      return { rows: undefined, interpreter: undefined, problems, fdes: 0, badFdes: 0 };
    }
  }
}

/**
 * Whether it is what a just-in-time compiler maps twice, to write and to run, or shares between processes (memfd, /dev/zero, System V
 * shared memory), and no executable, which a program may also unlink or have in a memfd.
 */
function isMemory({ isUnlinked }: Executable, { problems }: ConversionResult): boolean {
  return isUnlinked && problems.some(({ problem }) => problem === "not-elf");
}
