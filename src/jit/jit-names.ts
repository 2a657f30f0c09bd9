import type { PassingSample } from "../capture/passing-sample.js";
import { readThread } from "../capture/thread-table.js";
import type { CgroupId } from "../model/cgroup.js";
import type { ProcessKey } from "../model/process-key.js";
import type { BoundFrames, BoundKind, BoundNames } from "../naming/bound-frames.js";
import { Budget, readBudget, type ReadAllowance } from "../processes/budget.js";
import { MetProcesses, type MetProcess } from "../processes/met-processes.js";
import type { CodeFileKind, JitAnswer, JitRequest } from "./answer.js";
import type { ReadOutcome } from "./code-file.js";
import { OPEN_PROBLEMS, type OpenProblem } from "./open-safely.js";
import { type OpenCodeFile, ProcessFiles } from "./process-files.js";

/** Why an address of just-in-time compiled code has no name. */
export const JIT_MISSES = [
  /** Its process has no file that tells; the usual case. */
  "no-file",
  /** The file does not tell of that address. */
  "not-covered",
  /** Nothing is read of that process: the policy redacts it. */
  "redacted",
  /** Too many processes were met at once. */
  "over-budget",
  /** The worker thread ended over the file. */
  "worker-failed",
  /** Nobody looked: the agent came near its budget. */
  "shed",
] as const;
export type JitMiss = (typeof JIT_MISSES)[number] | OpenProblem;
/** What came of a try to open or to read a file. */
export type JitFileOutcome = OpenProblem | "opened" | ReadOutcome;

export interface JitNamesOptions extends ReadAllowance {
  /** Answers on the worker. */
  readonly answer: (request: JitRequest) => Promise<JitAnswer>;
  /** Whether files of a cgroup's processes may be read. */
  readonly mayRead: (cgroup: CgroupId) => boolean;
  /** Of what was read of files, what is remembered. */
  readonly memoryBytes: number;
}

/** A perf map of 18 MiB takes 40 ms of CPU time (measured). */
export const DEFAULT_JIT_READING: ReadAllowance = { readBytesPerSecond: 2 << 20, readBurstBytes: 64 << 20 };

/** A look takes 0.3 ms. */
const LOOKS_PER_SECOND = 50;
/** Processes whose files are open; of each at most three descriptors. */
const MAX_PROCESSES = 512;
/**
 * A process without a file is looked at again, after so long and then each time after twice as long: it may have run its first code
 * before it began to tell, or become another program, and what it tells may be gone when it is asked for.
 */
const LOOK_AGAIN_MS = 250;
/** Windows that a process's files stay open for without a sample. */
const KEPT_WINDOWS = 2;
const NOTHING: Pick<BoundNames, "chains" | "functions"> = {
  chains: { offsets: new Uint32Array(1), functions: new Uint32Array(0), lines: new Uint32Array(0) },
  functions: [],
};
/** Executable memory without a file, as in pprof's mappings. */
const MAPPING = "[jit]";

interface Entry extends MetProcess {
  /** Its files, or why there are none. */
  readonly files: ProcessFiles | JitMiss;
  /** When it is looked at again if there are none, and how long after the look before that is. */
  readonly againAtMs: number;
  readonly restMs: number;
}

/** Names of just-in-time compiled code, by what the processes that made it say in files. */
export class JitNames implements BoundKind {
  private readonly met = new MetProcesses<Entry>(
    { maxProcesses: MAX_PROCESSES, keptWindows: KEPT_WINDOWS },
    ({ files }) => {
      if (typeof files !== "string") files.close();
    },
  );
  private readonly looks = new Budget(LOOKS_PER_SECOND, 1000, performance.now());
  private memoryBytes: number;
  private readonly reading: Budget;
  /** Whether files are read. While they are not, addresses are "shed". */
  asksOn = true;

  /** Tries to open, and to read on in, files: by kind and what came of it. */
  readonly outcomes = new Map<string, number>();
  /** Addresses asked for, each once a window, that had a name; and those that had none, by reason. */
  named = 0;
  readonly missing = new Map<JitMiss, number>([...JIT_MISSES, ...OPEN_PROBLEMS].map((reason) => [reason, 0]));
  readBytes = 0;

  constructor(private readonly options: JitNamesOptions) {
    this.memoryBytes = options.memoryBytes;
    this.reading = readBudget(options, performance.now());
  }

  /** Processes whose files are held open. */
  get processes(): number {
    return this.met.size;
  }

  /** Pieces of code remembered, and the memory they take. */
  get codes(): number {
    return this.sum((files) => files.codes);
  }

  get bytes(): number {
    return this.sum((files) => files.stateBytes);
  }

  resize(memoryBytes: number): void {
    this.memoryBytes = memoryBytes;
    this.fit();
  }

  sight({ words, header }: PassingSample): void {
    const known = this.met.meet(words, header);
    if (known !== undefined && !mayTellMore(known)) return;
    const { pid, startTimeNs, cgroup } = readThread(words, header);
    const isFirst = known === undefined || known.files === "over-budget";
    const restMs = isFirst ? LOOK_AGAIN_MS : 2 * known.restMs;
    this.look({ pid, startTimeNs }, restMs, () => this.options.mayRead(cgroup));
  }

  async bound(frames: BoundFrames): Promise<BoundNames> {
    const { process, addresses } = frames;
    const none: BoundNames = {
      ...{ codeKind: "jit", mapping: MAPPING, ...NOTHING },
      chainIndices: new Int32Array(addresses.length).fill(-1),
    };
    const files = this.asksOn ? this.filesOf(process) : "shed";
    if (typeof files === "string") {
      this.miss(files, addresses.length);
      return none;
    }
    const open = files.hold();
    try {
      if (open.length > 0) return { ...none, ...(await this.ask(open, addresses)) };
      this.miss("no-file", addresses.length);
      return none;
    } finally {
      files.release(open);
    }
  }

  private async ask(open: readonly OpenCodeFile[], addresses: Float64Array): Promise<Partial<BoundNames>> {
    const files = open.map(({ kind, fd, state }) => ({ kind, fd, state }));
    for (const file of open) file.state = undefined; // taken: it is handed over
    const answer = await this.options
      .answer({ files, addresses, maxBytes: this.reading.left(performance.now()) })
      .catch(() => undefined);
    if (answer === undefined) {
      this.miss("worker-failed", addresses.length);
      return {};
    }
    for (const [row, { outcome, bytes, state }] of answer.files.entries()) {
      open[row].state = state;
      this.count(open[row].kind, outcome);
      this.readBytes += bytes;
      this.reading.spend(bytes);
    }
    this.fit();
    const { chainIndices, chains, functions } = answer;
    const missing = chainIndices.reduce((sum, chain) => sum + (chain < 0 ? 1 : 0), 0);
    this.miss("not-covered", missing);
    this.named += addresses.length - missing;
    return { chainIndices, chains, functions };
  }

  windowWritten(waiting: number): void {
    this.met.windowWritten(waiting);
  }

  close(): void {
    this.met.close();
  }

  private filesOf(process: ProcessKey): ProcessFiles | JitMiss {
    const known = this.met.get(process.pid);
    if (known?.key.startTimeNs === process.startTimeNs) return known.files;
    // Its number is another's by now, or it was let go for others.
    return known === undefined ? "process-gone" : "pid-reused";
  }

  private look(key: ProcessKey, restMs: number, mayRead: () => boolean): void {
    this.met.letGo(key.pid);
    const files = this.filesNow(key, mayRead);
    this.met.put({ key, files, restMs, againAtMs: performance.now() + restMs, lastWindow: 0 });
  }

  private filesNow(key: ProcessKey, mayRead: () => boolean): ProcessFiles | JitMiss {
    if (!this.looks.take(performance.now())) return "over-budget";
    if (!mayRead()) return "redacted";
    return ProcessFiles.find(key, (kind, outcome) => {
      this.count(kind, outcome);
    });
  }

  /** What was read of the processes met least recently is forgotten until the rest fits: they are read anew. */
  private fit(): void {
    let bytes = this.bytes;
    for (const { files } of [...this.met.values()].sort((a, b) => a.lastWindow - b.lastWindow)) {
      if (bytes <= this.memoryBytes) return;
      if (typeof files === "string") continue;
      bytes -= files.stateBytes;
      files.forgetStates();
    }
  }

  private sum(of: (files: ProcessFiles) => number): number {
    let sum = 0;
    for (const { files } of this.met.values()) sum += typeof files === "string" ? 0 : of(files);
    return sum;
  }

  private miss(reason: JitMiss, count: number): void {
    this.missing.set(reason, (this.missing.get(reason) ?? 0) + count);
  }

  private count(kind: CodeFileKind, outcome: JitFileOutcome): void {
    const key = `${kind} ${outcome}`;
    this.outcomes.set(key, (this.outcomes.get(key) ?? 0) + 1);
  }
}

function mayTellMore({ files, againAtMs }: Entry): boolean {
  if (typeof files !== "string" && !files.isEmpty) return false;
  return files === "over-budget" || (files !== "redacted" && performance.now() >= againAtMs);
}
