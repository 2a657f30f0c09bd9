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
  /** Its memory, for reading. */
  readonly view: TableView;
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

/**
 * The unwind tables that the kernel side walks by, within a byte budget. Publishing one may evict the least sampled
 * others; their executables are then asked for again by the next sample that meets them.
 */
export class TableStore {
  private readonly published = new Map<Executable, PublishedTable>();
  /** Slots free for use; taken from the front and given back at the end, so that one rests before it is used again. */
  private readonly freeSlots: number[];
  private usedBytes = 0;
  private readonly changes = new TaskSet();
  private readonly value = new Uint8Array(executableLayout.sizeOf);
  private readonly valueView = new DataView(this.value.buffer);

  /** Tables taken out to make room. */
  evictions = 0;
  /** Tables that did not fit the budget by themselves. */
  refused = 0;

  constructor(
    private readonly session: Session,
    private readonly rules: RuleTable,
    private readonly options: TableStoreOptions,
  ) {
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

  /** Says that the file is known and its rows are being made. */
  announce(executable: Executable): void {
    this.update(executable, executableState.pending, undefined);
  }

  /** Says that there is nothing to unwind by. */
  publishNone(executable: Executable): void {
    executable.state = "no-rows";
    this.update(executable, executableState.noRows, undefined);
  }

  /**
   * Hands the rows to the kernel side; without room for them the executable is walked by frame pointer. They can be
   * walked by here at once, and there when the kernel has made the change known to all CPUs, a few milliseconds later.
   */
  publish(executable: Executable, rows: UnwindRows): void {
    const extent = measure(rows);
    const bytes = extent.elements * ELEMENT_BYTES;
    if (extent.elements === 0 || !this.makeRoom(bytes)) {
      this.refused += extent.elements === 0 ? 0 : 1;
      this.publishNone(executable);
      return;
    }
    const slot = this.freeSlots.shift();
    if (slot === undefined) {
      throw new Error("a free slot was made and is gone"); // makeRoom() promises one
    }
    const ruleNumbers = this.rules.acquire(rows.rules);
    const table = this.session.createTable(extent.elements);
    if (table.memory === undefined) {
      throw new Error("a new table has no memory"); // createTable() promises it
    }
    write(rows, extent, ruleNumbers, table.memory);
    const view = viewTable(table.memory, extent);
    const published: PublishedTable = { extent, slot, table, view, ruleNumbers, hitsBefore: 0n };
    this.published.set(executable, published);
    this.usedBytes += bytes;
    executable.state = "ready";
    this.changes.add(
      this.session.publishTable(slot, table).then(() => {
        // It may have been evicted while the kernel made the change.
        if (this.published.get(executable) === published) {
          this.update(executable, executableState.ready, published);
        }
      }),
    );
  }

  /** Resolves when the kernel side sees every change made so far; rejects with the NativeError of one it refused. */
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
    if (bytes > this.options.memoryBytes) {
      return false;
    }
    if (this.usedBytes + bytes <= this.options.memoryBytes && this.freeSlots.length > 0) {
      return true;
    }
    for (const executable of this.leastSampledFirst()) {
      if (this.usedBytes + bytes <= this.options.memoryBytes && this.freeSlots.length > 0) {
        break;
      }
      this.evict(executable);
    }
    return true;
  }

  private evict(executable: Executable): void {
    const published = this.published.get(executable);
    if (published === undefined) {
      return;
    }
    // First the file, then the table: a tick between the two finds "pending", not an empty slot.
    executable.state = "evicted";
    executable.evictedAtMs = performance.now();
    this.update(executable, executableState.pending, undefined);
    this.changes.add(this.session.clearTable(published.slot));
    published.table.release();
    this.rules.release(published.ruleNumbers);
    this.freeSlots.push(published.slot);
    this.published.delete(executable);
    this.usedBytes -= published.extent.elements * ELEMENT_BYTES;
    this.evictions++;
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

  private hits(executable: Executable): bigint {
    const found = this.session.lookupElement("executables", executable.key.bytes, this.value);
    return found ? this.valueView.getBigUint64(executableLayout.hits, true) : 0n;
  }

  private update(executable: Executable, state: number, published: PublishedTable | undefined): void {
    const hits = this.hits(executable);
    const { valueView: view } = this;
    view.setUint32(executableLayout.id, executable.id, true);
    view.setUint32(executableLayout.state, state, true);
    view.setUint32(executableLayout.slot, published?.slot ?? 0, true);
    view.setUint32(executableLayout.basePage, published?.extent.basePage ?? 0, true);
    view.setUint32(executableLayout.pages, published?.extent.pages ?? 0, true);
    view.setUint32(executableLayout.elements, published?.extent.elements ?? 0, true);
    view.setBigUint64(executableLayout.hits, hits, true);
    this.session.updateElement("executables", executable.key.bytes, this.value);
  }
}
