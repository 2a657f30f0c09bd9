import type { ByteSource } from "../elf/byte-source.js";
import { SHT_DYNSYM, SHT_SYMTAB } from "../elf/constants.js";
import { type ElfFile, type ElfProblem, findSectionOfType, isRefusal } from "../elf/elf-file.js";
import { findStub, type SlotTables, stubSectionOf } from "./plt.js";
import type { Resolver, UnresolvedReason } from "./resolver.js";
import { rowBytes } from "./sorted-rows.js";
import { findSymbol, type FoundSymbol, readSymbolTable, type SymbolKind, type SymbolTable } from "./symbol-table.js";

/** A section's or segment's header as an object with a name. */
const HEADER_BYTES = 200;

/**
 * The symbols of one ELF file, in the order of what they tell: .symtab, .dynsym, PLT stubs (`write@plt`), labels of
 * assembly. Each table is read when the ones before it did not cover an address. An address beyond a symbol's end is
 * not covered: a stripped program shows no wrong names.
 */
export class SymtabResolver implements Resolver {
  #elf: ElfFile;
  readonly #tables = new Map<string, SymbolTable | ElfProblem | undefined>();
  readonly #slots: SlotTables = new Map();

  constructor(elf: ElfFile) {
    this.#elf = elf;
  }

  /** Reads from another source of the same file from now on: descriptors come and go, what was read stays. */
  reopen(source: ByteSource): void {
    this.#elf = { ...this.#elf, source };
  }

  get bytes(): number {
    let bytes = (this.#elf.sections.length + this.#elf.segments.length) * HEADER_BYTES;
    for (const table of this.#tables.values()) {
      if (typeof table === "object") bytes += rowBytes(table) + table.reach.byteLength;
    }
    for (const table of this.#slots.values()) if (table !== undefined) bytes += rowBytes(table);
    return bytes;
  }

  resolve(elfAddress: number): FoundSymbol | UnresolvedReason {
    if (!Number.isSafeInteger(elfAddress) || elfAddress < 0) return "not-covered";
    const found =
      this.#find(SHT_SYMTAB, "functions", elfAddress) ??
      this.#find(SHT_DYNSYM, "functions", elfAddress) ??
      this.#findStub(elfAddress) ??
      this.#find(SHT_SYMTAB, "labels", elfAddress);
    return found ?? this.#reason();
  }

  #find(sectionType: number, kind: SymbolKind, elfAddress: number): FoundSymbol | undefined {
    const key = `${sectionType} ${kind}`;
    if (!this.#tables.has(key)) {
      const section = findSectionOfType(this.#elf, sectionType);
      const table = section && readSymbolTable(this.#elf, section, kind);
      this.#tables.set(key, table === undefined ? undefined : isRefusal(table) ? table.problem : table);
    }
    const table = this.#tables.get(key);
    return typeof table === "object" ? findSymbol(this.#elf, table, elfAddress) : undefined;
  }

  #findStub(elfAddress: number): FoundSymbol | undefined {
    const section = stubSectionOf(this.#elf, elfAddress);
    if (section === undefined) return undefined;
    return findStub(this.#elf, section, this.#slots, elfAddress, (resolver) => {
      const found = this.#find(SHT_SYMTAB, "functions", resolver) ?? this.#find(SHT_DYNSYM, "functions", resolver);
      return found?.systemName;
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
