import { MemorySource } from "../elf/byte-source.js";
import { SHT_DYNSYM, SHT_SYMTAB } from "../elf/constants.js";
import { type ElfProblem, type ElfFile, findSectionOfType, isRefusal } from "../elf/elf-file.js";
import { findStub, type SlotTables, stubSectionOf, stubSections } from "./plt.js";
import type { Resolver, SourcedSymbol, UnresolvedReason } from "./resolver.js";
import { rowBytes } from "./sorted-rows.js";
import type { Extent } from "../util/extent.js";
import type { SymbolFile, SymbolFileOrigin } from "./symbol-files.js";
import {
  findSymbol,
  type FoundSymbol,
  gapAround,
  readSymbolTable,
  type SymbolKind,
  type SymbolTable,
} from "./symbol-table.js";

type TableKey = `${SymbolFileOrigin} ${"symtab" | "dynsym"} ${SymbolKind}`;

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
  readonly #tables = new Map<TableKey, SymbolTable | ElfProblem | undefined>();
  readonly #slots: SlotTables = new Map();

  constructor(elf: ElfFile) {
    this.#elf = elf;
    this.#files = [{ origin: "own", elf, identity: "" }];
  }

  /**
   * Reads from these from now on, the executable itself the first: descriptors come and go, what was read stays, but for what
   * was read of a file in whose place there is another now, or none.
   */
  reopen(files: readonly SymbolFile[]): void {
    for (const { origin, identity } of this.#files) {
      const isSame = files.some((file) => file.origin === origin && file.identity === identity);
      if (!isSame) this.#forget(origin);
    }
    this.#elf = files[0].elf;
    this.#files = files;
  }

  /** Reads from nothing any more: what is kept must not read from descriptors that their owners close. */
  closeSources(): void {
    this.#files = this.#files.map((file) => ({ ...file, elf: { ...file.elf, source: CLOSED } }));
    this.#elf = this.#files[0].elf;
  }

  #forget(origin: SymbolFileOrigin): void {
    for (const key of this.#tables.keys()) if (key.startsWith(`${origin} `)) this.#tables.delete(key);
  }

  get bytes(): number {
    let bytes = 0;
    for (const { elf } of this.#files) bytes += (elf.sections.length + elf.segments.length) * HEADER_BYTES;
    for (const table of this.#tables.values()) {
      if (typeof table === "object") bytes += rowBytes(table) + table.reach.byteLength;
    }
    for (const table of this.#slots.values()) if (table !== undefined) bytes += rowBytes(table);
    return bytes;
  }

  resolve(elfAddress: number): SourcedSymbol | UnresolvedReason {
    if (!Number.isSafeInteger(elfAddress) || elfAddress < 0) return "not-covered";
    const before: TableKey[] = [];
    for (const file of this.#files) {
      const found = this.#find(file, SHT_SYMTAB, "functions", elfAddress);
      const source = file.origin === "own" ? "symtab" : file.origin;
      if (found !== undefined) return { ...found, ...this.#narrow(found, elfAddress, before), source };
      before.push(`${file.origin} symtab functions`);
    }
    const exported = this.#find(this.#files[0], SHT_DYNSYM, "functions", elfAddress);
    if (exported !== undefined) {
      return { ...exported, ...this.#narrow(exported, elfAddress, before), source: "dynsym" };
    }
    before.push("own dynsym functions");
    const stub = this.#findStub(elfAddress);
    if (stub !== undefined) return { ...stub, source: "plt" };
    for (const file of this.#files) {
      const label = this.#find(file, SHT_SYMTAB, "labels", elfAddress);
      if (label !== undefined) {
        const extent = this.#narrow(label, elfAddress, before);
        return { ...label, ...this.#outsideOfStubs(extent, elfAddress), source: "label" };
      }
      before.push(`${file.origin} symtab labels`);
    }
    return this.#reason();
  }

  gapAround(elfAddress: number): Extent {
    const reason = this.#reason();
    // What was in the way at one address, a name that cannot be read, need not be at the next.
    if (reason !== "no-symbols" && reason !== "not-covered") return { from: elfAddress, limit: elfAddress + 1 };
    const gap = this.#narrow({ from: 0, limit: Infinity }, elfAddress, [...this.#tables.keys()]);
    return this.#outsideOfStubs(gap, elfAddress);
  }

  /** The part of an extent around the address where none of these tables has an answer. */
  #narrow({ from, limit }: Extent, elfAddress: number, tables: readonly TableKey[]): Extent {
    for (const key of tables) {
      const table = this.#tables.get(key);
      if (typeof table !== "object") continue;
      const gap = gapAround(table, elfAddress);
      from = Math.max(from, gap.from);
      limit = Math.min(limit, gap.limit);
    }
    return { from, limit };
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

  #find(
    { origin, elf }: SymbolFile,
    sectionType: number,
    kind: SymbolKind,
    elfAddress: number,
  ): FoundSymbol | undefined {
    const key: TableKey = `${origin} ${sectionType === SHT_SYMTAB ? "symtab" : "dynsym"} ${kind}`;
    if (!this.#tables.has(key)) {
      const section = findSectionOfType(elf, sectionType);
      const table = section && readSymbolTable(elf, section, kind);
      this.#tables.set(key, table === undefined ? undefined : isRefusal(table) ? table.problem : table);
    }
    const table = this.#tables.get(key);
    return typeof table === "object" ? findSymbol(elf, table, elfAddress) : undefined;
  }

  #findStub(elfAddress: number): FoundSymbol | undefined {
    const section = stubSectionOf(this.#elf, elfAddress);
    if (section === undefined) return undefined;
    return findStub(this.#elf, section, this.#slots, elfAddress, (resolver) => {
      for (const file of this.#files) {
        const found = this.#find(file, SHT_SYMTAB, "functions", resolver);
        if (found !== undefined) return found.systemName;
      }
      return this.#find(this.#files[0], SHT_DYNSYM, "functions", resolver)?.systemName;
    });
  }

  /** Why nothing covered an address: what went wrong with a table, before there being none. */
  #reason(): UnresolvedReason {
    if (this.#elf.source.failure !== undefined) return "read-failed";
    let tables = 0;
    for (const table of this.#tables.values()) {
      if (table === "limit-exceeded" || table === "read-failed") return table;
      if (typeof table === "string") return "malformed";
      if (table !== undefined && table.starts.length > 0) tables++;
    }
    if (this.#elf.sectionRefusal !== undefined && tables === 0) return toReason(this.#elf.sectionRefusal.problem);
    return tables === 0 ? "no-symbols" : "not-covered";
  }
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
