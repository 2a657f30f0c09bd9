import type { Executable, ExecutableContent } from "../executables/executable.js";
import type { TableStore } from "../unwind/table-store.js";
import type { InterpreterFinding } from "../interpreters/interpreter.js";
import type { InterpreterTable } from "../interpreters/interpreter-table.js";
import type { ConversionProblem, ConversionResult } from "../unwind/table.js";
import { WorkerDied } from "../util/worker-calls.js";

/** What there is to know of a file before its stacks can be walked. */
export interface ConvertedFile extends ConversionResult {
  /** Undefined for what is no interpreter's file. */
  readonly interpreter: InterpreterFinding | undefined;
}

/** Makes rows of an executable's contents, and looks whether it is an interpreter's, on some worker. */
export type Convert = (content: ExecutableContent) => Promise<ConvertedFile>;

/** What waits for a file waits no longer than about a window for the one before it. */
const MAX_REST_MS = 30_000;
/** A file so many times smaller than the one in work goes first. What all of them need of memory is a third more, at most. */
const OVERTAKES = 4n;

/**
 * Sees to it that each sampled executable gets its rows, once; the smallest file first, and one that is much smaller before the one in
 * work: the samples of twenty small programs should not wait for a compiler's hundred megabytes, and its own samples are kept meanwhile.
 */
export class Conversions {
  private readonly queue: Executable[] = [];
  /** The largest first. Each has overtaken the one before. */
  private readonly inWork: Executable[] = [];
  private readonly lanes = new Set<Promise<void>>();
  /** In work beside another: when the worker dies, either may be why. Each is converted again, then alone. */
  private readonly crowded = new Set<Executable>();
  private readonly alone = new Set<Executable>();
  /** How often a file had no, or not all, rows; by reason. */
  readonly problems = new Map<ConversionProblem, number>();
  converted = 0;
  /** After each file the converter rests, so many times as long as the file took; 0: not at all. */
  restFactor = 0;
  private readonly resting = new Set<() => void>();

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
    if (this.resting.size > 0) return;
    const next = this.takeNext();
    if (next === undefined) return;
    const lane = this.run(next).finally(() => this.lanes.delete(lane));
    this.lanes.add(lane);
  }

  get busy(): boolean {
    return this.lanes.size > 0;
  }

  /** Resolves when nothing is left to convert. */
  async idle(): Promise<void> {
    while (this.lanes.size > 0) await Promise.all(this.lanes);
  }

  /** Ends a rest, and rests no more. */
  hurry(): void {
    this.restFactor = 0;
    for (const wake of this.resting) wake();
  }

  private async run(first: Executable): Promise<void> {
    for (let executable: Executable | undefined = first; executable !== undefined; executable = this.takeNext()) {
      const start = performance.now();
      const result = await this.convertSafely(executable);
      const tookMs = performance.now() - start;
      this.inWork.splice(this.inWork.indexOf(executable), 1);
      if (result === undefined) {
        this.queue.push(executable);
        continue;
      }
      this.crowded.delete(executable);
      this.alone.delete(executable);
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
  }

  private async rest(ms: number): Promise<void> {
    const timeout = Math.min(ms, MAX_REST_MS);
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.resting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timeout).unref();
      this.resting.add(wake);
    });
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

  /** Takes the smallest file of those that wait into work, unless it has to wait for what is in work. */
  private takeNext(): Executable | undefined {
    let smallest = 0;
    for (const [at, { key }] of this.queue.entries()) {
      if (key.size < this.queue[smallest].key.size) {
        smallest = at;
      }
    }
    const last = this.inWork.at(-1);
    if (this.queue.length === 0 || (last !== undefined && !this.mayOvertake(this.queue[smallest], last))) {
      return undefined;
    }
    const [next] = this.queue.splice(smallest, 1);
    if (last !== undefined) this.crowded.add(last).add(next);
    this.inWork.push(next);
    return next;
  }

  private mayOvertake(next: Executable, last: Executable): boolean {
    const isAlone = this.alone.has(next) || this.alone.has(last);
    return this.restFactor === 0 && !isAlone && next.key.size * OVERTAKES <= last.key.size;
  }

  /**
   * A file that ends the worker has no rows: it is not tried again, and the next one finds a new worker. Undefined where it may be
   * another's fault.
   */
  private async convertSafely(executable: Executable): Promise<ConvertedFile | undefined> {
    try {
      return await this.convert(executable.content);
    } catch (error) {
      if (error instanceof WorkerDied && this.crowded.delete(executable)) {
        this.alone.add(executable);
        return undefined;
      }
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
