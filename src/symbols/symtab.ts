import { MemorySource } from "../elf/byte-source.js";
import { SHT_DYNSYM, SHT_SYMTAB } from "../elf/constants.js";
import { type ElfProblem, type ElfFile, findSectionOfType, isRefusal } from "../elf/elf-file.js";
import { findStub, type SlotTables, stubSectionOf, stubSections } from "./plt.js";
import type { Resolver, SourcedSymbol, UnresolvedReason } from "./resolver.js";
import { rowBytes } from "./sorted-rows.js";
import type { SymbolKind } from "./symbol-columns.js";
import type { Extent } from "../util/extent.js";
import type { SymbolFile, SymbolFileOrigin } from "./symbol-files.js";
import {
  findSymbol,
  type FoundSymbol,
  gapAround,
  readSymbolTable,
  type SymbolTable,
  symbolTableBytes,
} from "./symbol-table.js";

/** What is looked up in a file: functions or labels of .symtab, or what .dynsym exports. */
type TableName = SymbolKind | "exported";
type Table = SymbolTable | ElfProblem | undefined;
/** Whole, or good for the addresses that are asked for alone. */
type FileTables = Map<TableName, { readonly table: Table; readonly isWhole: boolean }>;

/** A section's or segment's header as an object with a name. */
const HEADER_BYTES = 200;
const CLOSED = new MemorySource(new Uint8Array(0));

/**
 * The symbols of one executable, in the order of what they tell: .symtab, its own and that of other files that tell of it,
 * .dynsym, PLT stubs (`write@plt`), labels of assembly. Each table is read when the ones before it did not cover an address. An
 * address beyond a symbol's end is not covered: a stripped program shows no wrong names.
 */
export class SymtabResolver implements Resolver {
  #elf: ElfFile;
  /** The executable itself is the first. */
  #files: readonly SymbolFile[];
  /** Those that were read, or that there are none of. */
  readonly #tables = new Map<SymbolFileOrigin, FileTables>();
  readonly #slots: SlotTables = new Map();
  /** What is going to be asked for; undefined where nobody said. */
  #asked: ReadonlySet<number> | undefined;

  constructor(elf: ElfFile) {
    this.#elf = elf;
    this.#files = [{ origin: "own", elf, identity: "" }];
  }

  /**
   * Reads from these from now on, the executable itself the first: descriptors come and go, what was read stays, but for what
   * was read of a file in whose place there is another now, or none. Of the tables, only what the `asked` ELF addresses need is
   * read, until another one is asked for.
   */
  reopen(files: readonly SymbolFile[], asked?: Float64Array): void {
    for (const { origin, identity } of this.#files) {
      const isSame = files.some((file) => file.origin === origin && file.identity === identity);
      if (!isSame) this.#forget(origin);
    }
    this.#elf = files[0].elf;
    this.#files = files;
    this.#asked = asked && new Set(asked);
  }

  /** Reads from nothing any more: what is kept must not read from descriptors that their owners close. */
  closeSources(): void {
    for (const tables of this.#tables.values()) {
      for (const [name, { isWhole }] of tables) if (!isWhole) tables.delete(name);
    }
    this.#files = this.#files.map((file) => ({ ...file, elf: { ...file.elf, source: CLOSED } }));
    this.#elf = this.#files[0].elf;
  }

  #forget(origin: SymbolFileOrigin): void {
    this.#tables.delete(origin);
  }

  get bytes(): number {
    let bytes = 0;
    for (const { elf } of this.#files) bytes += (elf.sections.length + elf.segments.length) * HEADER_BYTES;
    for (const table of this.#known()) {
      if (typeof table === "object") bytes += symbolTableBytes(table);
    }
    for (const table of this.#slots.values()) if (table !== undefined) bytes += rowBytes(table);
    return bytes;
  }

  resolve(elfAddress: number): SourcedSymbol | UnresolvedReason {
    if (!Number.isSafeInteger(elfAddress) || elfAddress < 0) return "not-covered";
    for (const [row, file] of this.#files.entries()) {
      const found = this.#find(file, "functions", elfAddress);
      if (found === undefined) continue;
      const before = this.#files.slice(0, row).map((other) => this.#tableOf(other, "functions", elfAddress));
      const source = file.origin === "own" ? "symtab" : file.origin;
      return { ...found, ...narrow(found, elfAddress, before), source };
    }
    const exported = this.#find(this.#files[0], "exported", elfAddress);
    if (exported !== undefined) {
      const before = this.#files.map((other) => this.#tableOf(other, "functions", elfAddress));
      return { ...exported, ...narrow(exported, elfAddress, before), source: "dynsym" };
    }
    const stub = this.#findStub(elfAddress);
    if (stub !== undefined) return { ...stub, source: "plt" };
    for (const [row, file] of this.#files.entries()) {
      const label = this.#find(file, "labels", elfAddress);
      if (label === undefined) continue;
      const before = [
        ...this.#files.map((other) => this.#tableOf(other, "functions", elfAddress)),
        this.#tableOf(this.#files[0], "exported", elfAddress),
        ...this.#files.slice(0, row).map((other) => this.#tableOf(other, "labels", elfAddress)),
      ];
      return { ...label, ...this.#outsideOfStubs(narrow(label, elfAddress, before), elfAddress), source: "label" };
    }
    return this.#reason();
  }

  gapAround(elfAddress: number): Extent {
    const reason = this.#reason();
    // What was in the way at one address, a name that cannot be read, need not be at the next.
    if (reason !== "no-symbols" && reason !== "not-covered") return { from: elfAddress, limit: elfAddress + 1 };
    const gap = narrow({ from: 0, limit: Infinity }, elfAddress, this.#known());
    return this.#outsideOfStubs(gap, elfAddress);
  }

  #outsideOfStubs({ from, limit }: Extent, elfAddress: number): Extent {
    for (const { elfAddress: start, size } of stubSections(this.#elf)) {
      if (start > elfAddress) limit = Math.min(limit, start);
      else from = Math.max(from, Math.min(start + size, elfAddress));
      // Among stubs each address is asked for by itself.
      if (start <= elfAddress && elfAddress < start + size) limit = elfAddress + 1;
    }
    return { from, limit };
  }

  #find(file: SymbolFile, name: TableName, elfAddress: number): FoundSymbol | undefined {
    const table = this.#tableOf(file, name, elfAddress);
    return typeof table === "object" ? findSymbol(file.elf, table, elfAddress) : undefined;
  }

  /** The table as far as it is needed for an address. */
  #tableOf({ origin, elf }: SymbolFile, name: TableName, elfAddress: number): Table {
    let tables = this.#tables.get(origin);
    if (tables === undefined) this.#tables.set(origin, (tables = new Map() as FileTables));
    const known = tables.get(name);
    // Nobody knows of a stub where it leads to, until it is read: then the table is read as a whole, once.
    const isWhole = this.#asked?.has(elfAddress) !== true;
    if (known !== undefined && (known.isWhole || !isWhole)) return known.table;
    const table = readTable(elf, name, isWhole ? undefined : this.#asked);
    tables.set(name, { table, isWhole });
    return table;
  }

  *#known(): Iterable<Table> {
    for (const tables of this.#tables.values()) for (const { table } of tables.values()) yield table;
  }

  #findStub(elfAddress: number): FoundSymbol | undefined {
    const section = stubSectionOf(this.#elf, elfAddress);
    if (section === undefined) return undefined;
    return findStub(this.#elf, section, this.#slots, elfAddress, (resolver) => {
      for (const file of this.#files) {
        const found = this.#find(file, "functions", resolver);
        if (found !== undefined) return found.systemName;
      }
      return this.#find(this.#files[0], "exported", resolver)?.systemName;
    });
  }

  /** Why nothing covered an address: what went wrong with a table, before there being none. */
  #reason(): UnresolvedReason {
    if (this.#elf.source.failure !== undefined) return "read-failed";
    let tables = 0;
    for (const table of this.#known()) {
      if (table === "limit-exceeded" || table === "read-failed") return table;
      if (typeof table === "string") return "malformed";
      if (table !== undefined && table.starts.length > 0) tables++;
    }
    if (this.#elf.sectionRefusal !== undefined && tables === 0) return toReason(this.#elf.sectionRefusal.problem);
    return tables === 0 ? "no-symbols" : "not-covered";
  }
}

function readTable(elf: ElfFile, name: TableName, asked: ReadonlySet<number> | undefined): Table {
  const section = findSectionOfType(elf, name === "exported" ? SHT_DYNSYM : SHT_SYMTAB);
  const table = section && readSymbolTable(elf, section, name === "labels" ? "labels" : "functions", asked);
  return table !== undefined && isRefusal(table) ? table.problem : table;
}

/** The part of an extent around the address where none of these tables has an answer. */
function narrow({ from, limit }: Extent, elfAddress: number, tables: Iterable<Table>): Extent {
  for (const table of tables) {
    if (typeof table !== "object") continue;
    const gap = gapAround(table, elfAddress);
    from = Math.max(from, gap.from);
    limit = Math.min(limit, gap.limit);
  }
  return { from, limit };
}

/** What an unreadable file means for its addresses. */
export function toReason(problem: ElfProblem): UnresolvedReason {
  switch (problem) {
    case "limit-exceeded":
    case "read-failed":
      return problem;
    case "malformed":
      return "malformed";
    case "not-elf":
    case "wrong-machine":
      return "no-symbols";
  }
}
