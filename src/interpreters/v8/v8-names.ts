import type { PassingSample } from "../../capture/passing-sample.js";
import { readThread } from "../../capture/thread-table.js";
import type { CgroupId } from "../../model/cgroup.js";
import { frameKind, sampleLayout } from "../../native/abi.generated.js";
import { cookieOfDetail, kindOfFrame, typeOfFrame, userAddressOfFrame } from "../../native/raw-frame.js";
import type { BoundFrames, BoundKind, BoundNames } from "../../naming/bound-frames.js";
import { Budget, readBudget, type ReadAllowance } from "../../processes/budget.js";
import { MetProcesses } from "../../processes/met-processes.js";
import type { SourceMaps } from "../../source-maps/source-maps.js";
import { ByteLru } from "../../util/lru.js";
import { type Memory, MemoryPages } from "../memory-pages.js";
import type { MemoryProblem } from "../process-memory.js";
import type { CodePlace } from "./code-places.js";
import { type CodeProblem, readCodes, type WantedCode } from "./code-reader.js";
import { codeKindOf, interpreterKeyOf, isOptimized } from "./frame-word.js";
import { heapLayout, type HeapLayout } from "./heap-layout.js";
import type { KnownScript } from "./isolate.js";
import { KnownCodes } from "./known-codes.js";
import { namePlaces } from "./named-places.js";
import { Turns } from "./turns.js";
import { V8Process, type WaitingCode } from "./v8-process.js";

const READ_MISSES = ["moved", "unreadable"] as const satisfies readonly CodeProblem[];
const MEMORY_MISSES = {
  gone: "process-gone",
  denied: "not-permitted",
  failed: "open-failed",
  "pid-reused": "pid-reused",
  stuck: "stuck",
} as const satisfies Record<MemoryProblem, string>;

/** Why a JavaScript frame has no name. */
export const V8_MISSES = [
  ...READ_MISSES,
  /** It ended before it was read, or its memory was given back. */
  "process-gone",
  /** Its memory cannot be opened. */
  "not-permitted",
  "open-failed",
  "pid-reused",
  /** A read of it does not end. */
  "stuck",
  /** Its version's structures are not known. */
  "unknown-layout",
  /** Nothing is read of that process: the policy redacts it. */
  "redacted",
  /** It is this one, which would have the more to read the more it reads. */
  "own",
  /** Too much was to be read, of all processes or of this one. */
  "over-budget",
  /** The window ended before it was read, or it was forgotten for others. */
  "not-read",
  /** Nobody looked: the agent came near its budget. */
  "shed",
] as const;
export type V8Miss = (typeof V8_MISSES)[number];

export interface V8NamesOptions extends ReadAllowance {
  /** Whether memory of a cgroup's processes may be read. */
  readonly mayRead: (cgroup: CgroupId) => boolean;
  /** V8's version, by key of the kernel's map of interpreters. */
  readonly versionOf: (interpreter: number) => string | undefined;
  /** Of names and lines, what is remembered. */
  readonly memoryBytes: number;
  /** Its scripts' source maps; nobody else has them, and they are closed with it. */
  readonly maps: Pick<SourceMaps, "sight" | "places" | "windowWritten" | "close">;
}

/**
 * A function takes half a dozen pages: some forty functions a second, and four hundred at once. Of each script its source comes beside,
 * once, where V8 has not counted its lines.
 */
export const DEFAULT_V8_READING: ReadAllowance = { readBytesPerSecond: 1 << 20, readBurstBytes: 10 << 20 };

/** Processes whose memory is held open. */
const MAX_PROCESSES = 256;
const KEPT_WINDOWS = 2;
const LOOKS_PER_SECOND = 50;
/** Of a process, code that waits. */
const MAX_WAITING = 4096;
/** Of a process, what it reads before another's turn. */
const TURN = 16;
/** Processes read at once: libuv's pool has four threads, and others want them, too. */
const AT_ONCE = 2;
/** Of the budget what one process may take. */
const SHARE = 2;
/** For code that waits when its window is named. */
const PATIENCE_MS = 2000;
/** Of what is remembered, what tables of scripts' lines may take beside. */
const SCRIPTS_SHARE = 2;
const TID = sampleLayout.tid >> 2;
const MAPPING = "[v8]";

/** Names and lines of JavaScript functions, read out of the processes that run them while they live. */
export class V8Names implements BoundKind {
  private readonly met = new MetProcesses<V8Process>(
    { maxProcesses: MAX_PROCESSES, keptWindows: KEPT_WINDOWS },
    (process) => {
      process.close();
    },
  );
  /** Functions and code that were read, and those that could not be. */
  private readonly known: KnownCodes<V8Miss>;
  private readonly scripts: ByteLru<string, KnownScript>;
  private readonly layouts = new Map<string, HeapLayout | undefined>();
  private readonly turns = new Turns<V8Process>(AT_ONCE);
  private readonly looks = new Budget(LOOKS_PER_SECOND, 1000, performance.now());
  private readonly reading: Budget;
  private serial = 0;
  /** Whether memory is read. While it is not, what is not known yet is "shed". */
  asksOn = true;

  /** Frames asked for, each once a window, that had a name; and those that had none, by reason. */
  named = 0;
  readonly missing = new Map<V8Miss, number>(V8_MISSES.map((reason) => [reason, 0]));
  /** Functions and code that were read. */
  readCodes = 0;
  readBytes = 0;

  constructor(private readonly options: V8NamesOptions) {
    this.known = new KnownCodes(options.memoryBytes);
    this.scripts = new ByteLru(options.memoryBytes / SCRIPTS_SHARE);
    this.reading = readBudget(options, performance.now());
  }

  /** Processes whose memory is held open. */
  get processes(): number {
    return this.met.size;
  }

  /** Functions and code remembered, and the memory they take. */
  get codes(): number {
    return this.known.size;
  }

  get bytes(): number {
    return this.known.bytes + this.scripts.bytes;
  }

  resize(memoryBytes: number): void {
    this.known.resize(memoryBytes);
    this.scripts.resize(memoryBytes / SCRIPTS_SHARE);
  }

  sight(sample: PassingSample): void {
    const { words, header, frameWords, start, frames, kernelFrames } = sample;
    const process = this.processOf(words, header);
    if (process === undefined || process.refusal !== undefined) return;
    const { serial, waiting } = process;
    const tid = words[header + TID];
    let isNew = false;
    for (let frame = kernelFrames; frame + 1 < frames; frame++) {
      const at = start + 2 * frame;
      const high = frameWords[at + 1];
      if (kindOfFrame(high) !== frameKind.v8) continue;
      const type = typeOfFrame(high);
      const address = userAddressOfFrame(frameWords[at], high);
      const cookie = cookieOfDetail(frameWords[at + 3]);
      const key = keyOf(serial, type, address, cookie);
      const known = this.known.peek(key);
      if (waiting.has(key) || (known !== undefined && !this.isStale(known))) continue;
      if (!this.asksOn || waiting.size >= MAX_WAITING) {
        this.known.miss(key, this.asksOn ? "over-budget" : "shed", this.met.window);
        continue;
      }
      waiting.set(key, { key, type, address, cookie, tid });
      isNew = true;
    }
    if (isNew) this.turns.want(process);
  }

  async bound(frames: BoundFrames): Promise<BoundNames> {
    const { process: key, addresses, types, cookies, positions } = frames;
    const process = this.met.find(key);
    await process?.idle(PATIENCE_MS);
    const chains = Array.from(addresses, (address, row): readonly CodePlace[] | undefined => {
      const known = process && this.known.get(keyOf(process.serial, types[row], address, cookies[row]));
      if (known !== undefined && !("miss" in known)) return known.at(positions[row]);
      this.miss(process?.refusal ?? known?.miss ?? (this.asksOn ? "not-read" : "shed"));
      return undefined;
    });
    this.named += chains.reduce((sum, chain) => sum + (chain === undefined ? 0 : 1), 0);
    const named = await namePlaces(chains, key, this.options.maps);
    return { codeKind: "interpreter", mapping: MAPPING, ...named };
  }

  windowWritten(waiting: number): void {
    this.met.windowWritten(waiting);
    this.options.maps.windowWritten(waiting);
  }

  close(): void {
    this.met.close();
    this.options.maps.close();
  }

  /** What could not be read is tried again in another window: it may be elsewhere, or have been made anew. */
  private isStale(known: object): boolean {
    return "window" in known && known.window !== this.met.window;
  }

  private processOf(words: Uint32Array, header: number): V8Process | undefined {
    const known = this.met.meet(words, header);
    if (known !== undefined) return known;
    if (!this.looks.take(performance.now())) return undefined;
    const { pid, startTimeNs, cgroup } = readThread(words, header);
    const key = { pid, startTimeNs };
    const { readBytesPerSecond, readBurstBytes } = this.options;
    const share = { readBytesPerSecond: readBytesPerSecond / SHARE, readBurstBytes: readBurstBytes / SHARE };
    const isOwn = pid === globalThis.process.pid;
    const refusal = isOwn ? ("own" as const) : this.options.mayRead(cgroup) ? undefined : ("redacted" as const);
    const process = new V8Process(
      ++this.serial,
      { key, refusal, reading: readBudget(share, performance.now()) },
      this.scripts,
      (its) => this.read(its),
    );
    if (refusal === undefined) this.options.maps.sight(key);
    this.met.put(process);
    return process;
  }

  /** Some of what waits of a process. */
  private async read(process: V8Process): Promise<void> {
    const memory = await process.open();
    const turn = [...process.waiting.values()].slice(0, TURN);
    if (typeof memory === "string") this.missAll(turn, MEMORY_MISSES[memory]);
    else await this.readTurn(process, memory, turn);
    for (const { key } of turn) process.waiting.delete(key);
  }

  private async readTurn(process: V8Process, memory: HeldMemory, turn: readonly WaitingCode[]): Promise<void> {
    const nowMs = performance.now();
    if (this.reading.left(nowMs) === 0 || process.reading.left(nowMs) === 0) {
      this.missAll(turn, "over-budget");
      return;
    }
    const wanted: (WantedCode & { readonly frame: WaitingCode })[] = [];
    for (const frame of turn) {
      const layout = this.layoutOf(frame.type);
      if (layout === undefined) this.missAll([frame], "unknown-layout");
      else wanted.push({ frame, layout, isolate: process.isolate(frame.tid) });
    }
    const pages = new MemoryPages(memory);
    const codes = await readCodes(pages, wanted);
    this.readBytes += pages.readBytes;
    for (const budget of [this.reading, process.reading]) budget.spend(pages.readBytes);
    for (const [row, { frame }] of wanted.entries()) {
      const code = codes[row];
      if (typeof code !== "string") {
        this.known.set(frame.key, code);
        this.readCodes++;
      } else if (memory.isStuck) this.missAll([frame], "stuck");
      else this.missAll([frame], pages.isThere ? code : "process-gone");
    }
    if (wanted.length > 0 && !pages.isThere && memory.isReplaced) process.startAnew(++this.serial);
  }

  private missAll(codes: readonly WaitingCode[], reason: V8Miss): void {
    for (const { key } of codes) this.known.miss(key, reason, this.met.window);
  }

  private layoutOf(type: number): HeapLayout | undefined {
    const version = this.options.versionOf(interpreterKeyOf(type)) ?? "";
    if (!this.layouts.has(version)) {
      if (this.layouts.size > MAX_PROCESSES) this.layouts.clear();
      this.layouts.set(version, heapLayout(version));
    }
    return this.layouts.get(version);
  }

  private miss(reason: V8Miss): void {
    this.missing.set(reason, (this.missing.get(reason) ?? 0) + 1);
  }
}

/** Of optimized code an address is its own, of other code its function's: baseline and interpreted code have lines by other offsets. */
function keyOf(serial: number, type: number, address: number, cookie: number): string {
  return `${serial} ${isOptimized(type) ? "o" : codeKindOf(type)} ${address} ${cookie}`;
}

interface HeldMemory extends Required<Memory> {
  readonly isStuck: boolean;
  readonly isReplaced: boolean;
}
