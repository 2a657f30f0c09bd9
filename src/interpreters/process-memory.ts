import { type FileHandle, open } from "node:fs/promises";
import type { ProcessKey } from "../model/process-key.js";
import type { Addon } from "../native/addon.js";
import { loadNative } from "../native/load.js";
import { failureOf, ProcFiles, type ReadFailure } from "../processes/proc-files.js";
import { isSameStart } from "../processes/stat.js";
import { PAGE_BYTES } from "./memory-pages.js";

/** Why nothing could be read of a process. */
export type MemoryProblem =
  | ReadFailure
  /** Its number is another process's by now. */
  | "pid-reused"
  /** Reads of others that never end hold every thread that may be held. */
  | "stuck";

/**
 * A read of memory that a process has mapped from a file system of its own making may never end, and holds a thread of libuv's
 * pool meanwhile. So many may be held; the pool has four.
 */
const MAX_STUCK = 2;
/** A read that takes so long is not waited for. */
const PATIENCE_MS = 1000;
const PROC = "/proc";

let stuck = 0;
let addon: Addon | undefined;
const procFiles = new ProcFiles(PROC);

/** The memory of a process that was sampled, read through /proc on libuv's pool: never on the thread that drains. */
export class ProcessMemory {
  #isStuck = false;
  /** Bytes asked for so far. */
  bytes = 0;

  private constructor(
    private readonly file: FileHandle,
    private readonly process: ProcessKey,
    private readonly stackStart: number,
  ) {}

  /** The process that was sampled, not another of its number: the descriptor belongs to the memory that it had when opened. */
  static async open(process: ProcessKey): Promise<ProcessMemory | MemoryProblem> {
    const { pid } = process;
    if (stuck >= MAX_STUCK) return "stuck";
    // Before it is opened: if its program changes between the two, that is found out later.
    const before = programOf(process);
    let file: FileHandle;
    try {
      file = await open(`${PROC}/${pid}/mem`, "r");
    } catch (error) {
      return failureOf(error);
    }
    const after = programOf(process);
    if (typeof after === "number") {
      return new ProcessMemory(file, process, typeof before === "number" ? before : after);
    }
    await file.close();
    return after;
  }

  /** Whether the process runs another program by now (exec), whose memory this is not. */
  get isReplaced(): boolean {
    const stackStart = programOf(this.process);
    return typeof stackStart === "number" && stackStart !== 0 && stackStart !== this.stackStart;
  }

  /** Whether a read did not end: nothing more is read of this process. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /** All of these bytes; undefined where some are not there, or the process is gone. */
  async read(address: number, length: number): Promise<Buffer | undefined> {
    const bytes = await this.readUpTo(address, length);
    return bytes?.length === length ? bytes : undefined;
  }

  /** As many of these bytes as there are from the first on; undefined where there is none. */
  async readUpTo(address: number, length: number): Promise<Buffer | undefined> {
    if (this.#isStuck || !Number.isSafeInteger(address) || address <= 0 || length <= 0) return undefined;
    const buffer = Buffer.allocUnsafeSlow(length);
    this.bytes += length;
    const reading = this.file.read(buffer, 0, length, address).then(
      ({ bytesRead }) => bytesRead,
      () => 0, // not mapped (EIO), or the process is gone: nothing to be read either way
    );
    const bytesRead = await this.#patiently(reading);
    return bytesRead === undefined || bytesRead === 0 ? undefined : buffer.subarray(0, bytesRead);
  }

  /** Pages by their numbers, as much of each as there is: all for little more than one. Undefined where nothing is. */
  async readPages(numbers: readonly number[]): Promise<readonly (Buffer | undefined)[]> {
    if (this.#isStuck || this.file.fd < 0) return numbers.map(() => undefined);
    const buffer = Buffer.allocUnsafeSlow(numbers.length * PAGE_BYTES);
    this.bytes += buffer.length;
    addon ??= loadNative().addon;
    const counts = await this.#patiently(addon.readPages(this.file.fd, Float64Array.from(numbers), buffer));
    return numbers.map((_, at) => {
      const count = counts?.[at] ?? 0;
      return count === 0 ? undefined : buffer.subarray(at * PAGE_BYTES, at * PAGE_BYTES + count);
    });
  }

  /** Where a read is stuck, the descriptor is closed when it ends. */
  async close(): Promise<void> {
    if (!this.#isStuck) await this.file.close();
  }

  async #patiently<Result>(reading: Promise<Result>): Promise<Result | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS, undefined);
      timer.unref();
    });
    const result = await Promise.race([reading, late]);
    clearTimeout(timer);
    if (result !== undefined) return result;
    this.#isStuck = true;
    stuck++;
    void reading.then(async () => {
      stuck--;
      await this.file.close();
    });
    return undefined;
  }
}

/** What tells the program that a process runs from the one before or after: where its stack begins. 0: it has ended. */
function programOf({ pid, startTimeNs }: ProcessKey): number | "pid-reused" | ReadFailure {
  const stat = procFiles.stat(pid);
  if (typeof stat === "string") return stat;
  return isSameStart(stat.startTicks, startTimeNs) ? stat.stackStart : "pid-reused";
}
