import { setTimeout as pause } from "node:timers/promises";
import type { PassingSample } from "../../capture/passing-sample.js";
import { readThread } from "../../capture/thread-table.js";
import type { CgroupId } from "../../model/cgroup.js";
import type { ProcessKey } from "../../model/process-key.js";
import { frameKind } from "../../native/abi.generated.js";
import { cookieOfDetail, kindOfFrame, typeOfFrame, userAddressOfFrame } from "../../native/raw-frame.js";
import type { BoundFrames, BoundKind, BoundNames } from "../../naming/bound-frames.js";
import { Budget } from "../../processes/budget.js";
import { MetProcesses, type MetProcess } from "../../processes/met-processes.js";
import type { Memory } from "../memory-pages.js";
import { offBeatMs } from "../off-beat.js";
import { type MemoryProblem, ProcessMemory } from "../process-memory.js";
import { ChainColumns } from "./chain-columns.js";
import { ownPosition, wholeCookie } from "./method-cookie.js";
import type { HotspotNameLayout } from "./name-layout.js";
import { ProcessNames } from "./process-names.js";
import { HOTSPOT_MISSES, type HotspotMiss } from "./things.js";

export interface HotspotNamesOptions {
  /** Where the libjvm.so of a process has what; undefined where the kernel side knows none. */
  readonly layoutOf: (process: ProcessKey) => HotspotNameLayout | undefined;
  /** Whether memory of a cgroup's processes may be read. */
  readonly mayRead: (cgroup: CgroupId) => boolean;
  /** Of names, what is remembered. */
  readonly memoryBytes: number;
  /** Opens a process's memory: {@link ProcessMemory.open}, unless a test says otherwise. */
  readonly open?: (process: ProcessKey) => Promise<OpenMemory | MemoryProblem>;
}

export interface OpenMemory extends Memory {
  /** Asked for so far. */
  readonly bytes: number;
  /** Whether a read of it did not end. */
  readonly isStuck: boolean;
  close(): Promise<void>;
}

/**
 * A read of a page takes 6 microseconds of CPU among sixty, 60 by itself: a hundredth of one in the long run, a second or two when
 * servers start. Two busy JVMs took 14,000 in their first forty seconds.
 */
const READS_PER_SECOND = 500;
const READS_AT_ONCE = 150_000;
/** One process has of both at most so much while others may come. */
const SHARE = 0.5;
/**
 * Things read in a turn of a process, before it is another's. Those that lie together share reads: of 212 compiled methods 2,278 reads
 * were made in turns of 16, and 1,524 in turns of 64. All of a turn are read at the same time.
 */
const TURN = 64;
/** A window's end waits so long for what it has just met. */
const PATIENCE_MS = 2000;
/** Processes whose memory is open. */
const MAX_PROCESSES = 512;
/** Windows that a process is remembered for without a sample. */
const KEPT_WINDOWS = 2;
const MAPPING = "[java]";

interface Entry extends MetProcess {
  /** Why nothing is read of it. */
  problem: HotspotMiss | undefined;
  readonly names: ProcessNames | undefined;
  readonly reads: Budget;
  memory: Promise<OpenMemory | MemoryProblem> | undefined;
  isLetGo: boolean;
}

/** Names of the JVM's frames, read out of the processes' own memory. */
export class HotspotNames implements BoundKind {
  private readonly met = new MetProcesses<Entry>(
    { maxProcesses: MAX_PROCESSES, keptWindows: KEPT_WINDOWS },
    (entry) => {
      entry.isLetGo = true;
      this.close1(entry);
    },
  );
  private readonly reads = budgetOf(1);
  /** Processes that wait for a turn, in that order. */
  private readonly queue = new Set<Entry>();
  private reading: Promise<void> | undefined;
  private memoryBytes: number;
  /** Whether memory is read. While it is not, frames are "shed". */
  asksOn = true;

  /** Frames asked for, each once a window, that had a name; and those that had none, by reason. */
  named = 0;
  readonly missing = new Map<HotspotMiss, number>(HOTSPOT_MISSES.map((reason) => [reason, 0]));
  /** Reads of processes' memory, and bytes of them. */
  readCount = 0;
  readBytes = 0;

  constructor(private readonly options: HotspotNamesOptions) {
    this.memoryBytes = options.memoryBytes;
  }

  get processes(): number {
    return this.met.size;
  }

  /** Methods and pieces of code remembered, and the memory they take. */
  get known(): number {
    return this.sum(({ size }) => size);
  }

  get bytes(): number {
    return this.sum(({ bytes }) => bytes);
  }

  resize(memoryBytes: number): void {
    this.memoryBytes = memoryBytes;
    this.fit();
  }

  sight({ words, header, frameWords, start, frames, kernelFrames }: PassingSample): void {
    if (!this.asksOn) return;
    const entry = this.entryOf(words, header);
    const { names } = entry;
    if (names === undefined || entry.problem !== undefined) return;
    const { window } = this.met;
    for (let frame = kernelFrames; frame + 1 < frames; frame++) {
      const at = start + 2 * frame;
      const high = frameWords[at + 1];
      if (kindOfFrame(high) !== frameKind.hotspot) continue;
      const address = userAddressOfFrame(frameWords[at], high);
      const type = typeOfFrame(high);
      const position = frameWords[at + 2];
      const cookie = wholeCookie(type, cookieOfDetail(frameWords[at + 3]), position);
      names.want(type, address, cookie, ownPosition(type, position), window);
    }
    this.readOn(entry);
  }

  async bound(frames: BoundFrames): Promise<BoundNames> {
    const { process, addresses, types } = frames;
    const cookies = Float64Array.from(types, (type, row) =>
      wholeCookie(type, frames.cookies[row], frames.positions[row]),
    );
    const positions = frames.positions.map((position, row) => ownPosition(types[row], position));
    const columns = new ChainColumns();
    const entry = this.met.find(process);
    const names = this.asksOn ? entry?.names : undefined;
    if (names === undefined) {
      this.miss(this.whyNone(entry), addresses.length);
      return { codeKind: "jit", mapping: MAPPING, ...columns.answer(new Int32Array(addresses.length).fill(-1)) };
    }
    for (let row = 0; entry?.problem === undefined && row < addresses.length; row++) {
      names.want(types[row], addresses[row], cookies[row], positions[row], this.met.window);
    }
    if (entry !== undefined) await this.settled(entry);
    const chainIndices = Int32Array.from(addresses, (address, row) => {
      const chain = names.chainOf(types[row], address, cookies[row], positions[row]);
      if (typeof chain !== "string") return columns.row(chain);
      this.miss(entry?.problem ?? chain, 1);
      return -1;
    });
    this.named += chainIndices.reduce((sum, chain) => sum + (chain < 0 ? 0 : 1), 0);
    this.fit();
    return { codeKind: "jit", mapping: MAPPING, ...columns.answer(chainIndices) };
  }

  windowWritten(waiting: number): void {
    this.met.windowWritten(waiting);
  }

  close(): void {
    this.met.close();
  }

  private whyNone(entry: Entry | undefined): HotspotMiss {
    if (!this.asksOn) return "shed";
    return entry === undefined ? "gone" : (entry.problem ?? "no-layout");
  }

  private entryOf(words: Uint32Array, header: number): Entry {
    const known = this.met.meet(words, header);
    if (known !== undefined && known.problem !== "no-layout") return known;
    const { pid, startTimeNs, cgroup } = readThread(words, header);
    const key = { pid, startTimeNs };
    const layout = this.options.layoutOf(key);
    const redacted = this.options.mayRead(cgroup) ? undefined : "redacted";
    const entry: Entry = {
      ...{ key, lastWindow: 0, isLetGo: false, memory: undefined },
      problem: redacted ?? (layout === undefined ? "no-layout" : undefined),
      names: layout && new ProcessNames(layout),
      reads: budgetOf(SHARE),
    };
    this.met.put(entry);
    return entry;
  }

  private readOn(entry: Entry): void {
    if (!entry.names?.isWaiting) return;
    this.queue.add(entry);
    this.reading ??= this.readQueue(offBeatMs(entry.key)).finally(() => (this.reading = undefined));
  }

  /** Gives each process that waits a turn, until none waits. */
  private async readQueue(inMs: number): Promise<void> {
    if (inMs > 0) await pause(inMs);
    for (const entry of this.queue) {
      this.queue.delete(entry);
      await this.turn(entry);
      if (entry.names?.isWaiting) this.queue.add(entry);
    }
  }

  private async turn(entry: Entry): Promise<void> {
    const { names, reads } = entry;
    if (names === undefined) return;
    const now = performance.now();
    if (entry.isLetGo) {
      names.giveUp("gone");
      return;
    }
    if (this.reads.left(now) < 1 || reads.left(now) < 1) {
      names.giveUp("over-budget");
      return;
    }
    entry.memory ??= (this.options.open ?? openMemory)(entry.key);
    const memory = await entry.memory;
    if (typeof memory === "string") {
      this.giveUp(entry, memory);
      return;
    }
    const before = memory.bytes;
    const count = await names.turn(memory, TURN, this.met.window);
    this.readBytes += memory.bytes - before;
    this.readCount += count;
    this.reads.spend(count);
    reads.spend(count);
    if (memory.isStuck) this.giveUp(entry, "stuck");
  }

  /** Nothing more is read of that process. */
  private giveUp(entry: Entry, problem: MemoryProblem): void {
    entry.problem = problem;
    entry.names?.giveUp(problem);
  }

  /** Until nothing of the process waits, or it has taken long enough. */
  private async settled(entry: Entry): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    this.readOn(entry);
    while (entry.names?.isWaiting && performance.now() < deadline) {
      await Promise.race([this.reading, delay(deadline - performance.now())]);
    }
  }

  /** What no late window has met is forgotten, of the processes met least recently first; where that is not enough, all. */
  private fit(): void {
    let { bytes } = this;
    for (const all of [false, true]) {
      for (const { names } of [...this.met.values()].sort((a, b) => a.lastWindow - b.lastWindow)) {
        if (bytes <= this.memoryBytes) return;
        if (names === undefined) continue;
        bytes -= names.bytes;
        names.forgetBefore(all ? Infinity : this.met.window - KEPT_WINDOWS);
        bytes += names.bytes;
      }
    }
  }

  private close1({ memory }: Entry): void {
    void memory?.then((open) => (typeof open === "string" ? undefined : open.close()));
  }

  private sum(of: (names: ProcessNames) => number): number {
    let sum = 0;
    for (const { names } of this.met.values()) sum += names === undefined ? 0 : of(names);
    return sum;
  }

  private miss(reason: HotspotMiss, count: number): void {
    this.missing.set(reason, (this.missing.get(reason) ?? 0) + count);
  }
}

async function openMemory(process: ProcessKey): Promise<OpenMemory | MemoryProblem> {
  return ProcessMemory.open(process);
}

function budgetOf(share: number): Budget {
  return new Budget(READS_AT_ONCE * share, (READS_AT_ONCE / READS_PER_SECOND) * 1000, performance.now());
}

async function delay(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)).unref());
}
