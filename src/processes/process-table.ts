import type { ServiceVariables } from "../model/container.js";
import { Budget } from "./budget.js";
import { type ContextResult, readContext } from "./context-reader.js";
import { serviceVariables } from "./environ.js";
import type { ProcessContext } from "./otel-context.js";
import { failureOf, MAX_ENVIRON_BYTES, ProcFiles } from "./proc-files.js";
import { isSameStart } from "./stat.js";

/**
 * What may and need be read of a process: nothing where the policy redacts or refuses; its variables; its OpenTelemetry
 * context as well, where nothing of a higher rank names its service.
 */
export type Reading = "nothing" | "variables" | "context";

/** What a process said of itself. */
export interface ProcessFacts {
  readonly variables: ServiceVariables;
  /** Base name of its executable, "" when unknown. */
  readonly executable: string;
  readonly kernelThread: boolean;
  readonly context: ProcessContext | undefined;
}

export interface ProcessTableOptions {
  /** /proc, or where the host's is mounted. */
  readonly procRoot: string;
  /** Processes read in a second; more wait for their next sight, a window later. */
  readonly readsPerSecond: number;
  readonly contextsPerMinute: number;
  /** Processes remembered: half of them that live shortly, half that live on; of each the least recently sampled go. */
  readonly capacity: number;
  /** How long one context may take before its reader is given up. */
  readonly contextTimeoutMs: number;
  /** Milliseconds of a clock that does not go backwards. */
  readonly nowMs: () => number;
}

/**
 * A read takes 25 to 60 µs of CPU time, so the budget is 0.6 per cent of one core at the very worst. 4096 processes
 * are about 2 MiB.
 */
export const DEFAULT_PROCESS_TABLE_OPTIONS: ProcessTableOptions = {
  procRoot: "/proc",
  readsPerSecond: 100,
  contextsPerMinute: 60,
  capacity: 4096,
  contextTimeoutMs: 5000,
  nowMs: () => performance.now(),
};

/** What became of sighted processes: read, or why not. */
export interface ProcessCounts {
  readonly read: number;
  /** Ended before they could be read. */
  readonly gone: number;
  /** The pid is another process's by now. */
  readonly reused: number;
  readonly denied: number;
  readonly failed: number;
  readonly overBudget: number;
  /** Read, but with an environment larger than what is looked at. */
  readonly cut: number;
  /** Known once, and let go for those sampled since: {@link ProcessTableOptions.capacity}. */
  readonly forgotten: number;
}

/**
 * Contexts, by what came of asking. "stalled": a page that did not come in time; "busy": not asked, for a stalled one.
 */
export type ContextOutcome = "found" | Exclude<ContextResult, ProcessContext> | "stalled" | "busy" | "over-budget";

interface Sighted {
  readonly pid: number;
  readonly startTimeNs: bigint;
  readonly reading: Reading;
}

interface Entry extends Sighted {
  facts: ProcessFacts;
  reading: Reading;
  /** A thread of it came soon after it was read: it may have executed something else by then. */
  again: boolean;
  rereads: number;
  sightedAtMs: number;
  readAtMs: number;
  contextDueMs: number;
  contextTries: number;
}

/**
 * A process can execute something else, with another environment, under the same key; a new thread row is the sign that
 * it may have. So it is read again when it was last read this long before: soon after the first read, which may have
 * met the shell that started the program, then rarely.
 */
const REREAD_AFTER_MS = [1000, 60_000, 600_000];
/**
 * Processes over the budget of their second that wait for the next; beyond them the oldest is given up, and counted.
 */
const MAX_WAITING = 256;
/** An SDK may publish late, and anew: asked this long after the first sight, the last again and again. */
const CONTEXT_DELAYS_MS = [1000, 10_000, 60_000, 600_000];
/** A process that was not sampled for so long is not asked. */
const CONTEXT_IDLE_MS = 150_000;

/** What sampled processes say of themselves. A process is read at its sight, while it may still live. */
export class ProcessTable {
  readonly #options: ProcessTableOptions;
  readonly #files: ProcFiles;
  readonly #reads: Budget;
  readonly #contexts: Budget;
  /** By process key, each in order of sight, the least recent first: those that were read once, and those again. */
  readonly #young = new Map<string, Entry>();
  readonly #settled = new Map<string, Entry>();
  readonly #counts = { read: 0, gone: 0, reused: 0, denied: 0, failed: 0, overBudget: 0, cut: 0, forgotten: 0 };
  readonly #contextCounts = new Map<ContextOutcome, number>();
  /** By process key; over the budget of their second. */
  readonly #waiting = new Map<string, Sighted>();
  /** A read of memory that is under way; of a stalled one it may stay so for ever. */
  #memoryRead: Promise<void> | undefined;

  constructor(options: Partial<ProcessTableOptions> = {}) {
    this.#options = { ...DEFAULT_PROCESS_TABLE_OPTIONS, ...options };
    const { procRoot, readsPerSecond, contextsPerMinute, nowMs } = this.#options;
    this.#files = new ProcFiles(procRoot);
    this.#reads = new Budget(readsPerSecond, 1000, nowMs());
    this.#contexts = new Budget(contextsPerMinute, 60_000, nowMs());
  }

  get size(): number {
    return this.#young.size + this.#settled.size;
  }

  get counts(): ProcessCounts {
    return { ...this.#counts };
  }

  get contextCounts(): ReadonlyMap<ContextOutcome, number> {
    return new Map(this.#contextCounts);
  }

  /**
   * To be called once for each new thread row of a window, at its first sample. Reads the process unless it is known.
   * `startTimeNs` is the process's, of CLOCK_BOOTTIME; with the pid, the process key.
   */
  sight(pid: number, startTimeNs: bigint, reading: Reading): void {
    const key = keyOf(pid, startTimeNs);
    if (reading === "nothing") {
      // The policy may have changed since: then what was read before is not kept either.
      this.#young.delete(key);
      this.#settled.delete(key);
      this.#waiting.delete(key);
      return;
    }
    const nowMs = this.#options.nowMs();
    const known = this.#entry(key);
    if (known !== undefined) {
      this.#keep(key, known);
      known.sightedAtMs = nowMs;
      known.reading = reading;
      if (nowMs < rereadAtMs(known)) {
        known.again ||= known.rereads === 0;
        return;
      }
    }
    if (this.#reads.take(nowMs)) this.#read(key, { pid, startTimeNs, reading }, nowMs);
    else this.#wait(key, { pid, startTimeNs, reading });
  }

  /** What is known of a process; undefined when it was not read. */
  find(pid: number, startTimeNs: bigint): ProcessFacts | undefined {
    return this.#entry(keyOf(pid, startTimeNs))?.facts;
  }

  /**
   * Reads what had to wait for the budget, then the contexts that are due, one after another; to be called every second
   * or so. Never rejects. Asks for no context while an earlier one is under way.
   */
  async catchUp(): Promise<void> {
    const startMs = this.#options.nowMs();
    for (const [key, entry] of this.#young) {
      if (entry.again && startMs >= rereadAtMs(entry)) this.#wait(key, entry);
    }
    for (const [key, process] of this.#waiting) {
      const nowMs = this.#options.nowMs();
      if (!this.#reads.take(nowMs)) break;
      this.#waiting.delete(key);
      this.#read(key, process, nowMs);
    }
    for (const entry of this.#due(this.#options.nowMs())) {
      const nowMs = this.#options.nowMs();
      if (this.#memoryRead !== undefined) return this.#countContext("busy");
      if (!this.#contexts.take(nowMs)) return this.#countContext("over-budget");
      entry.contextTries++;
      entry.contextDueMs = nowMs + CONTEXT_DELAYS_MS[Math.min(entry.contextTries, CONTEXT_DELAYS_MS.length - 1)];
      await this.#readContext(entry);
    }
  }

  #wait(key: string, process: Sighted): void {
    this.#waiting.set(key, process);
    if (this.#waiting.size <= MAX_WAITING) return;
    this.#counts.overBudget++;
    this.#waiting.delete(oldestOf(this.#waiting));
  }

  #read(key: string, { pid, startTimeNs, reading }: Sighted, nowMs: number): void {
    const known = this.#entry(key);
    const facts = this.#factsOf(pid, startTimeNs);
    if (known !== undefined) {
      // Also when it is gone by now: then what was read before is all that will be known.
      known.again = false;
      known.rereads++;
      known.readAtMs = nowMs;
      if (facts !== undefined) known.facts = { ...facts, context: known.facts.context };
      this.#keep(key, known);
      return;
    }
    if (facts === undefined) return;
    this.#keep(key, {
      facts,
      pid,
      startTimeNs,
      reading,
      again: false,
      rereads: 0,
      sightedAtMs: nowMs,
      readAtMs: nowMs,
      contextDueMs: nowMs + CONTEXT_DELAYS_MS[0],
      contextTries: 0,
    });
  }

  #entry(key: string): Entry | undefined {
    return this.#settled.get(key) ?? this.#young.get(key);
  }

  /** As the most recent. A storm of processes that live shortly pushes out only its like. */
  #keep(key: string, entry: Entry): void {
    this.#young.delete(key);
    this.#settled.delete(key);
    const entries = entry.rereads === 0 ? this.#young : this.#settled;
    entries.set(key, entry);
    if (entries.size <= this.#options.capacity / 2) return;
    entries.delete(oldestOf(entries));
    this.#counts.forgotten++;
  }

  #factsOf(pid: number, startTimeNs: bigint): ProcessFacts | undefined {
    const counts = this.#counts;
    const environ = this.#files.environ(pid);
    // A kernel thread has none, which can look as if it were gone (ESRCH on Linux 6.18); its stat tells.
    if (typeof environ === "string" && environ !== "gone") {
      counts[environ]++;
      return undefined;
    }
    const variables = environ === "gone" ? {} : serviceVariables(environ);
    const executable = environ === "gone" ? "" : this.#files.executable(pid);
    // Last: if the pid is still the sampled process's now, it was so in all the reads before.
    const stat = this.#files.stat(pid);
    if (typeof stat === "string") {
      counts[stat]++;
      return undefined;
    }
    if (!isSameStart(stat.startTicks, startTimeNs)) {
      counts.reused++;
      return undefined;
    }
    // A zombie.
    if (environ === "gone" && !stat.kernelThread) {
      counts.gone++;
      return undefined;
    }
    counts.read++;
    if (environ.length === MAX_ENVIRON_BYTES) counts.cut++;
    return { variables, executable, kernelThread: stat.kernelThread, context: undefined };
  }

  #due(nowMs: number): Entry[] {
    const due: Entry[] = [];
    for (const entry of [...this.#settled.values(), ...this.#young.values()]) {
      const { reading, facts, contextDueMs, sightedAtMs } = entry;
      if (reading !== "context" || contextDueMs > nowMs || nowMs - sightedAtMs > CONTEXT_IDLE_MS) continue;
      if (!facts.kernelThread && !namesService(facts.variables)) due.push(entry);
    }
    return due;
  }

  async #readContext(entry: Entry): Promise<void> {
    const { procRoot, contextTimeoutMs } = this.#options;
    const reading = readContext(procRoot, entry.pid).catch(failureOf);
    this.#memoryRead = reading.then(() => {
      this.#memoryRead = undefined;
    });
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<"stalled">((resolve) => {
      timer = setTimeout(resolve, contextTimeoutMs, "stalled");
    });
    const result = await Promise.race([reading, timeout]);
    clearTimeout(timer);
    if (typeof result !== "object") return this.#countContext(result);
    // As with the environment: last, whether it was this process's memory.
    const stat = this.#files.stat(entry.pid);
    if (typeof stat === "string") return this.#countContext(stat);
    if (!isSameStart(stat.startTicks, entry.startTimeNs)) return this.#countContext("gone");
    entry.facts = { ...entry.facts, context: result };
    this.#countContext("found");
  }

  #countContext(outcome: ContextOutcome): void {
    this.#contextCounts.set(outcome, (this.#contextCounts.get(outcome) ?? 0) + 1);
  }
}

function rereadAtMs({ readAtMs, rereads }: Entry): number {
  return readAtMs + REREAD_AFTER_MS[Math.min(rereads, REREAD_AFTER_MS.length - 1)];
}

function oldestOf(map: ReadonlyMap<string, unknown>): string {
  return map.keys().next().value ?? "";
}

function keyOf(pid: number, startTimeNs: bigint): string {
  return `${pid} ${startTimeNs}`;
}

/** Whether the environment itself names the service: then no context is needed. */
function namesService({ DD_SERVICE, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES }: ServiceVariables): boolean {
  return Boolean(DD_SERVICE ?? OTEL_SERVICE_NAME) || /(^|,)\s*service\.name\s*=/.test(OTEL_RESOURCE_ATTRIBUTES ?? "");
}
