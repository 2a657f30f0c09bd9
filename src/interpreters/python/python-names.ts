import type { PassingSample } from "../../capture/passing-sample.js";
import type { CgroupId } from "../../model/cgroup.js";
import type { ProcessKey } from "../../model/process-key.js";
import { limits, pythonCodeKeyLayout } from "../../native/abi.generated.js";
import type { BoundFrames, BoundKind, BoundNames } from "../../naming/bound-frames.js";
import { MetProcesses, type MetProcess } from "../../processes/met-processes.js";
import type { NamedFunction } from "../../symbols/resolver.js";
import { CodePool, type PooledCode } from "./code-pool.js";
import { readCodeRecord } from "./code-record.js";
import { lineAt } from "./line-table.js";

/** Why a Python frame has no name. */
export const PYTHON_MISSES = [
  /** The kernel side did not hand its code object over: the ring was full, or the frame was met before names were asked for. */
  "not-handed-over",
  /** Its strings could not be read at the tick. */
  "unreadable",
  /** Nothing is read of that process: the policy redacts it. */
  "redacted",
  /** What was known of it was let go for memory. */
  "let-go",
  /** Nobody looked: the agent came near its budget. */
  "shed",
] as const;
export type PythonMiss = (typeof PYTHON_MISSES)[number];

/** What came of the lines of frames that have a name. */
export const PYTHON_LINES = ["found", "table-cut", "unknown-position", "none"] as const;
export type PythonLine = (typeof PYTHON_LINES)[number];

export interface PythonNamesOptions {
  /** Whether anything of a cgroup's processes may be read. */
  readonly mayRead: (cgroup: CgroupId) => boolean;
  /** Of names, what is remembered. */
  readonly memoryBytes: number;
  /** The kernel side is to hand this code object over again when it meets it: a struct abi_python_code_key. */
  readonly forget: (key: Uint8Array) => void;
}

/** Code objects that had one address, one after the other. */
interface Known {
  readonly cookie: number;
  readonly code: PooledCode;
  readonly before: Known | undefined;
}

interface Entry extends MetProcess {
  /** By address; or why nothing is known. */
  readonly codes: Map<number, Known> | PythonMiss;
  count: number;
}

/** A node's processes that run Python; of a storm of them, those of some minutes. */
const MAX_PROCESSES = 8192;
/** Windows that a process's names are kept for without a sample. */
const KEPT_WINDOWS = 2;
/** Of an address in a process: a place in a map, and an object. */
const KNOWN_BYTES = 100;
/** As in pprof's mappings. */
const MAPPING = "[python]";

/** Names of Python functions, of code objects that the kernel side hands over when it meets them. */
export class PythonNames implements BoundKind {
  private readonly met = new MetProcesses<Entry>(
    { maxProcesses: MAX_PROCESSES, keptWindows: KEPT_WINDOWS },
    (entry) => {
      this.release(entry);
    },
  );
  private readonly pool = new CodePool();
  private known = 0;
  private memoryBytes: number;
  /** Whether new names are taken. While they are not, they are "shed". */
  asksOn = true;

  /** Frames asked for, each once a window, that had a name; and those that had none, by reason. */
  named = 0;
  readonly missing = new Map<PythonMiss, number>(PYTHON_MISSES.map((reason) => [reason, 0]));
  readonly lines = new Map<PythonLine, number>(PYTHON_LINES.map((outcome) => [outcome, 0]));
  /** Records that say something impossible. */
  malformed = 0;

  constructor(private readonly options: PythonNamesOptions) {
    this.memoryBytes = options.memoryBytes;
  }

  get processes(): number {
    return this.met.size;
  }

  get codes(): number {
    return this.pool.size;
  }

  get bytes(): number {
    return this.pool.bytes + this.known * KNOWN_BYTES;
  }

  resize(memoryBytes: number): void {
    this.memoryBytes = memoryBytes;
    this.fit();
  }

  /** A record of the ring, struct abi_python_code. */
  readonly take = (bytes: Uint8Array): void => {
    const record = readCodeRecord(bytes);
    if (record === undefined) {
      this.malformed++;
      return;
    }
    const { process, address, cookie } = record;
    const { codes, entry } = this.entryOf(process, record.cgroup);
    if (typeof codes === "string" || !this.asksOn) return;
    const before = codes.get(address);
    for (let known = before; known !== undefined; known = known.before) if (known.cookie === cookie) return;
    codes.set(address, { cookie, code: this.pool.take(record), before });
    this.known++;
    entry.count++;
    if (this.bytes > this.memoryBytes) this.fit();
  };

  sight({ words, header }: PassingSample): void {
    this.met.meet(words, header);
  }

  bound(frames: BoundFrames): Promise<BoundNames> {
    const answer = new Answer();
    const codes = this.met.find(frames.process)?.codes ?? "not-handed-over";
    const chainIndices = Int32Array.from(frames.addresses, (address, row) => {
      if (typeof codes === "string") return this.miss(codes, frames, row);
      let known = codes.get(address);
      while (known !== undefined && known.cookie !== frames.cookies[row]) known = known.before;
      if (known === undefined) return this.miss(this.asksOn ? "not-handed-over" : "shed", frames, row);
      if (known.code.name === "") return this.miss("unreadable", frames, row);
      this.named++;
      return answer.chain(known.code, this.lineOf(known.code, frames.positions[row]));
    });
    const { chains, functions } = answer;
    return Promise.resolve({ codeKind: "interpreter", mapping: MAPPING, chainIndices, chains, functions });
  }

  windowWritten(waiting: number): void {
    this.met.windowWritten(waiting);
  }

  close(): void {
    this.met.close();
  }

  private entryOf(key: ProcessKey, cgroup: CgroupId): { entry: Entry; codes: Entry["codes"] } {
    let entry = this.met.find(key);
    if (entry === undefined) {
      const codes = this.options.mayRead(cgroup) ? new Map<number, Known>() : "redacted";
      entry = { key, codes, count: 0, lastWindow: 0 };
      this.met.put(entry);
    }
    entry.lastWindow = this.met.window;
    return { entry, codes: entry.codes };
  }

  private lineOf({ table, minor, firstLine, isTableWhole }: PooledCode, position: number): number {
    if (position === limits.pythonNotBegun) return this.line("found", firstLine);
    if (position === limits.pythonNowhere) return this.line("unknown-position", 0);
    const line = lineAt(table, minor, firstLine, position);
    // Where a table of the old form ends, all that follows is taken to be of its last line.
    if (!isTableWhole && (line === 0 || minor < 10)) return this.line("table-cut", 0);
    return this.line(line > 0 ? "found" : "none", Math.max(0, line));
  }

  private line(outcome: PythonLine, line: number): number {
    this.lines.set(outcome, (this.lines.get(outcome) ?? 0) + 1);
    return line;
  }

  /** The next window may have the name. */
  private miss(reason: PythonMiss, { process, addresses, cookies }: BoundFrames, row: number): -1 {
    this.missing.set(reason, (this.missing.get(reason) ?? 0) + 1);
    if (reason !== "redacted" && this.asksOn) this.forget(process, addresses[row], cookies[row]);
    return -1;
  }

  private forget({ pid, startTimeNs }: ProcessKey, address: number, cookie: number): void {
    const key = new Uint8Array(pythonCodeKeyLayout.sizeOf);
    const view = new DataView(key.buffer);
    view.setBigUint64(pythonCodeKeyLayout.address, BigInt(address), true);
    view.setBigUint64(pythonCodeKeyLayout.startTimeNs, startTimeNs, true);
    view.setUint32(pythonCodeKeyLayout.pid, pid, true);
    view.setUint32(pythonCodeKeyLayout.cookie, cookie, true);
    this.options.forget(key);
  }

  /** The processes met least recently are forgotten until the rest fits: their code objects are handed over anew. */
  private fit(): void {
    for (const { key } of [...this.met.values()].sort((a, b) => a.lastWindow - b.lastWindow)) {
      if (this.bytes <= this.memoryBytes) return;
      this.met.letGo(key.pid);
    }
  }

  private release({ key, codes, count }: Entry): void {
    if (typeof codes === "string") return;
    this.known -= count;
    for (const [address, newest] of codes) {
      for (let known: Known | undefined = newest; known !== undefined; known = known.before) {
        this.pool.release(known.code);
        this.forget(key, address, known.cookie);
      }
    }
  }
}

/** Distinct functions and chains of one answer: a Python function is never inlined. */
class Answer {
  readonly functions: NamedFunction[] = [];
  private readonly functionIndices = new Map<PooledCode, number>();
  private readonly chainIndices = new Map<string, number>();
  private readonly ofChain: number[] = [];
  private readonly lines: number[] = [];

  get chains(): BoundNames["chains"] {
    return {
      offsets: Uint32Array.from({ length: this.ofChain.length + 1 }, (_, index) => index),
      functions: Uint32Array.from(this.ofChain),
      lines: Uint32Array.from(this.lines),
    };
  }

  chain(code: PooledCode, line: number): number {
    let fn = this.functionIndices.get(code);
    if (fn === undefined) {
      const { name, fileName, firstLine } = code;
      fn = this.functions.push({ name, systemName: name, fileName, startLine: firstLine }) - 1;
      this.functionIndices.set(code, fn);
    }
    const key = `${fn} ${line}`;
    const known = this.chainIndices.get(key);
    if (known !== undefined) return known;
    this.lines.push(line);
    const index = this.ofChain.push(fn) - 1;
    this.chainIndices.set(key, index);
    return index;
  }
}
