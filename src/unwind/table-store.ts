import type { Executable } from "../executables/executable.js";
import { executableLayout, executableState } from "../native/abi.generated.js";
import type { NativeTable, Session } from "../native/addon.js";
import { TaskSet } from "../util/task-set.js";
import { viewTable, type TableView } from "./lookup.js";
import { measure, write, type TableExtent } from "./pages.js";
import type { RuleTable } from "./rules.js";
import type { UnwindRows } from "./table.js";

/** An executable's rows in the kernel. */
export interface PublishedTable {
  readonly extent: TableExtent;
  readonly slot: number;
  readonly table: NativeTable;
  /** Of its memory, for reading; undefined until it is read. */
  view: TableView | undefined;
  /** Node-wide numbers of its rules, to be given back. */
  readonly ruleNumbers: Uint16Array;
  /** Mappings looked up when eviction last compared. */
  hitsBefore: bigint;
}

export interface TableStoreOptions {
  /** Budget of all tables together, bytes. */
  readonly memoryBytes: number;
  /** Entries of the `tables` and `executables` maps. */
  readonly slots: number;
}

const ELEMENT_BYTES = 8;
/** What the kernel had no memory for is not tried again at once; a minute later it may have. */
const RETRY_MS = 60_000;

/** What the kernel refused; each leaves a file without rows there for a while, and the rest as it was. */
export type TableProblem =
  /** Memory for a table. */
  | "table-refused"
  /** A change of the map of tables. */
  | "slot-refused"
  /** A change of the map of executables. */
  | "entry-refused";

/**
 * The unwind tables that the kernel side walks by, within a byte budget. Publishing one may evict the least sampled
 * others; their executables are then asked for again by the next sample that meets them.
 */
export class TableStore {
  private readonly published = new Map<Executable, PublishedTable>();
  /** Slots free for use; taken from the front and given back at the end, so that one rests before it is used again. */
  private readonly freeSlots: number[];
  private usedBytes = 0;
  private budgetBytes: number;
  private readonly changes = new TaskSet();
  private readonly value = new Uint8Array(executableLayout.sizeOf);
  private readonly valueView = new DataView(this.value.buffer);

  /** Tables taken out to make room. */
  evictions = 0;
  /** Tables that did not fit the budget by themselves. */
  refused = 0;
  /** How often the kernel refused something, by what it was. */
  readonly problems = new Map<TableProblem, number>();
  /** What it said the last time, "" when it never did. */
  lastProblem = "";

  constructor(
    private readonly session: Session,
    private readonly rules: RuleTable,
    options: TableStoreOptions,
  ) {
    this.budgetBytes = options.memoryBytes;
    this.freeSlots = Array.from({ length: options.slots }, (_, slot) => slot);
  }

  get bytes(): number {
    return this.usedBytes;
  }

  get tables(): number {
    return this.published.size;
  }

  get(executable: Executable): PublishedTable | undefined {
    return this.published.get(executable);
  }

  /** For reading, and no longer than until {@link unmap}: an executable's rows; undefined when there are none. */
  view(executable: Executable): TableView | undefined {
    const published = this.published.get(executable);
    if (published === undefined) return undefined;
    const { table, extent } = published;
    if (published.view === undefined) {
      const memory = this.memoryOf(table);
      published.view = memory && viewTable(memory, extent);
    }
    return published.view;
  }

  /**
   * Takes all tables out of this process's memory, for who has read enough: only stacks that waited for rows are walked here, and
   * the tables of a node's programs were a fifth of what the kernel says that this process holds.
   */
  unmap(): void {
    for (const published of this.published.values()) {
      published.view = undefined;
      published.table.unmap();
    }
  }

  /** Another budget from now on; the least sampled tables are evicted until the rest fit. */
  resize(memoryBytes: number): void {
    this.budgetBytes = memoryBytes;
    if (this.usedBytes > memoryBytes) this.makeRoom(0);
  }

  /** Says that the file is known and its rows are being made. */
  announce(executable: Executable): void {
    this.update(executable, executableState.pending, undefined);
  }

  /** Says that there is nothing to unwind by. */
  publishNone(executable: Executable): void {
    executable.state = "no-rows";
    this.update(executable, executableState.noRows, undefined);
  }

  /** Says that it is no file but memory, whose frames are addresses of their process. */
  publishAnonymous(executable: Executable): void {
    executable.state = "anonymous";
    this.update(executable, executableState.anonymous, undefined);
  }

  /**
   * Hands the rows to the kernel side; without room for them the executable is walked by frame pointer, and where it was
   * the kernel that had none, {@link Executable.retryAtMs} says when to try again. The rows can be walked by here at
   * once, and there when the kernel has made the change known to all CPUs, a few milliseconds later.
   */
  publish(executable: Executable, rows: UnwindRows): void {
    const extent = measure(rows);
    const bytes = extent.elements * ELEMENT_BYTES;
    executable.retryAtMs = 0;
    if (extent.elements === 0 || !this.makeRoom(bytes)) {
      this.refused += extent.elements === 0 ? 0 : 1;
      this.publishNone(executable);
      return;
    }
    const table = this.createTable(extent.elements);
    if (table === undefined) {
      this.publishLater(executable);
      return;
    }
    const memory = this.memoryOf(table);
    if (memory === undefined) {
      table.release();
      this.publishLater(executable);
      return;
    }
    const slot = this.freeSlots.shift();
    if (slot === undefined) {
      throw new Error("a free slot was made and is gone"); // makeRoom() promises one
    }
    const ruleNumbers = this.rules.acquire(rows.rules);
    write(rows, extent, ruleNumbers, memory);
    const published: PublishedTable = { extent, slot, table, view: undefined, ruleNumbers, hitsBefore: 0n };
    this.published.set(executable, published);
    this.usedBytes += bytes;
    executable.state = "ready";
    this.changes.add(this.announceTable(executable, published));
  }

  /** Takes an executable out of the kernel, table and all; false when the kernel would not, and it is known as before. */
  forget(executable: Executable): boolean {
    // First the file, then the table: a tick between the two finds no file, not an empty slot.
    if (!this.attempt("entry-refused", () => this.session.deleteElement("executables", executable.key.bytes))) {
      return false;
    }
    this.takeOut(executable);
    return true;
  }

  /** How often the kernel side looked up a mapping of it. */
  hits(executable: Executable): bigint {
    const found = this.session.lookupElement("executables", executable.key.bytes, this.value);
    return found ? this.valueView.getBigUint64(executableLayout.hits, true) : 0n;
  }

  /** Resolves when the kernel side sees every change made so far, or has refused it. */
  async settled(): Promise<void> {
    await this.changes.settled();
  }

  /** After {@link settled}: a change under way would find the session closed. */
  close(): void {
    for (const { table } of this.published.values()) {
      table.release();
    }
    this.published.clear();
    this.usedBytes = 0;
  }

  /** Evicts until `bytes` more fit and a slot is free; false when that cannot be. */
  private makeRoom(bytes: number): boolean {
    if (bytes > this.budgetBytes) {
      return false;
    }
    if (this.usedBytes + bytes <= this.budgetBytes && this.freeSlots.length > 0) {
      return true;
    }
    for (const executable of this.leastSampledFirst()) {
      this.evict(executable);
      if (this.usedBytes + bytes <= this.budgetBytes && this.freeSlots.length > 0) {
        return true;
      }
    }
    return false;
  }

  private evict(executable: Executable): void {
    const published = this.published.get(executable);
    if (published === undefined) {
      return;
    }
    // First the file, then the table: a tick between the two finds "pending", not an empty slot.
    if (!this.update(executable, executableState.pending, undefined)) {
      return;
    }
    executable.state = "evicted";
    executable.evictedAtMs = performance.now();
    this.takeOut(executable);
    this.evictions++;
  }

  /** Gives back the table of an executable that the kernel side no longer finds it by. */
  private takeOut(executable: Executable): void {
    const published = this.published.get(executable);
    if (published === undefined) {
      return;
    }
    const { slot, table, ruleNumbers, extent } = published;
    this.published.delete(executable);
    this.changes.add(this.clearSlot(slot));
    table.release();
    this.rules.release(ruleNumbers);
    this.freeSlots.push(slot);
    this.usedBytes -= extent.elements * ELEMENT_BYTES;
  }

  /** Where the kernel would not, the slot's next table takes the place of what is left in it. */
  private async clearSlot(slot: number): Promise<void> {
    try {
      await this.session.clearTable(slot);
    } catch (error) {
      this.count("slot-refused", error);
    }
  }

  private createTable(elements: number): NativeTable | undefined {
    try {
      return this.session.createTable(elements);
    } catch (error) {
      this.count("table-refused", error);
      return undefined;
    }
  }

  private memoryOf({ memory }: NativeTable): ArrayBuffer | undefined {
    if (memory === undefined) this.count("table-refused", new Error("the memory of a table could not be mapped"));
    return memory;
  }

  /** Tells the kernel side of a table, in that order; it may be evicted, or refused, meanwhile. */
  private async announceTable(executable: Executable, published: PublishedTable): Promise<void> {
    try {
      await this.session.publishTable(published.slot, published.table);
    } catch (error) {
      this.count("slot-refused", error);
      if (this.published.get(executable) === published) {
        this.takeOut(executable);
        this.publishLater(executable);
      }
      return;
    }
    if (this.published.get(executable) === published && !this.update(executable, executableState.ready, published)) {
      this.takeOut(executable);
      this.publishLater(executable);
    }
  }

  /** As if there were no rows, for a while. */
  private publishLater(executable: Executable): void {
    executable.retryAtMs = performance.now() + RETRY_MS;
    this.publishNone(executable);
  }

  /** By mappings looked up since the last eviction. */
  private leastSampledFirst(): Executable[] {
    const recent = new Map<Executable, bigint>();
    for (const [executable, published] of this.published) {
      const hits = this.hits(executable);
      recent.set(executable, hits - published.hitsBefore);
      published.hitsBefore = hits;
    }
    return [...recent].sort((a, b) => (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0)).map(([executable]) => executable);
  }

  /** False, and counted, when the kernel would not: its entry is then as it was. */
  private update(executable: Executable, state: number, published: PublishedTable | undefined): boolean {
    const hits = this.hits(executable);
    const { valueView: view } = this;
    view.setUint32(executableLayout.id, executable.id, true);
    view.setUint32(executableLayout.state, state, true);
    view.setUint32(executableLayout.slot, published?.slot ?? 0, true);
    view.setUint32(executableLayout.basePage, published?.extent.basePage ?? 0, true);
    view.setUint32(executableLayout.pages, published?.extent.pages ?? 0, true);
    view.setUint32(executableLayout.elements, published?.extent.elements ?? 0, true);
    view.setBigUint64(executableLayout.hits, hits, true);
    view.setUint32(executableLayout.interpreter, executable.interpreter?.number ?? 0, true);
    view.setUint32(executableLayout.interpreterKind, executable.interpreter?.kind ?? 0, true);
    return this.attempt("entry-refused", () => {
      this.session.updateElement("executables", executable.key.bytes, this.value);
    });
  }

  private attempt(problem: TableProblem, change: () => unknown): boolean {
    try {
      change();
      return true;
    } catch (error) {
      this.count(problem, error);
      return false;
    }
  }

  private count(problem: TableProblem, error: unknown): void {
    this.problems.set(problem, (this.problems.get(problem) ?? 0) + 1);
    this.lastProblem = error instanceof Error ? error.message : String(error);
  }
}
