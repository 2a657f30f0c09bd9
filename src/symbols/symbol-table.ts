import type { ByteSource } from "../elf/byte-source.js";
import { STB_LOCAL, STB_WEAK } from "../elf/constants.js";
import { type ElfFile, type ElfRefusal, type ElfSection, executableSegments, isRefusal } from "../elf/elf-file.js";
import { u16, u32, u64 } from "../elf/little-endian.js";
import { openSection } from "../elf/section-source.js";
import type { Extent } from "../util/extent.js";
import { upperBound } from "../util/upper-bound.js";
import { rowBytes, RowSorter, type SortedRows } from "./sorted-rows.js";
import { readName, StringTable } from "./string-table.js";
import { ENTRY_BYTES, MAX_OFFSET, readSymbolColumns, type SymbolKind } from "./symbol-columns.js";
import { symbolsAround } from "./symbols-around.js";

/** A symbol, and around the address it was found by the part of it where no other is the better answer. */
export interface FoundSymbol extends Extent {
  readonly systemName: string;
  /** ELF address. */
  readonly start: number;
}

/**
 * Where the symbols of one table start, sorted; what else is known of them stays in the file until one is looked up.
 * So a symbol costs 12 bytes, and a string table nothing.
 */
export interface SymbolTable extends SortedRows {
  readonly section: ElfSection;
  readonly names: StringTable;
  /** How far the symbols up to and with each reach, from the base: beyond it no search is needed. */
  readonly reach: Uint32Array;
}

/** Symbols of one address that are looked at; glibc has up to 9. */
const MAX_ALIASES = 32;
/** Symbols before an address that may have ended already, until one covers it: parts nested in a function. */
const MAX_NESTED = 64;

/**
 * Reads a SHT_SYMTAB or SHT_DYNSYM section (System V gABI, "Symbol Table") in pieces: what it tells of all addresses, or of those
 * that are asked for alone, which takes a quarter of the time and next to no memory.
 */
export function readSymbolTable(
  elf: ElfFile,
  section: ElfSection,
  kind: SymbolKind,
  asked?: Iterable<number>,
): SymbolTable | ElfRefusal {
  const names = elf.sections[section.link];
  if (names === undefined) return { problem: "malformed", detail: `${section.name} has no string table` };
  const base = Math.min(...executableSegments(elf).map((segment) => segment.elfAddress), Number.MAX_SAFE_INTEGER);
  const columns = readSymbolColumns(elf, section, kind, base);
  if (isRefusal(columns)) return columns;
  const { starts, sizes, rows } = asked === undefined ? columns : symbolsAround(columns, offsetsOf(asked, base));
  const sorter = new RowSorter(base, starts.length);
  for (let at = 0; at < starts.length; at++) sorter.add(starts[at] + base, at);
  const sorted = sorter.finish();
  return {
    base,
    starts: sorted.starts,
    rows: sorted.rows.map((at) => rows[at]),
    section,
    names: new StringTable(names),
    reach: reachOf(sorted, sizes),
  };
}

/** Distinct, ascending, from the base. */
function offsetsOf(elfAddresses: Iterable<number>, base: number): Float64Array {
  return Float64Array.from(new Set(elfAddresses), (elfAddress) => elfAddress - base).sort();
}

/** Memory that a table holds. */
export function symbolTableBytes(table: SymbolTable): number {
  return rowBytes(table) + table.reach.byteLength + table.names.bytes;
}

function reachOf({ starts, rows }: SortedRows, sizes: Uint32Array): Uint32Array {
  const reach = new Uint32Array(starts.length);
  let furthest = 0;
  for (let at = 0; at < starts.length; at++) {
    const size = sizes[rows[at]];
    // One without a size reaches to the next one, the last to the end of a section that is looked up when needed.
    const end = size > 0 ? starts[at] + size : at + 1 < starts.length ? starts[at + 1] : MAX_OFFSET;
    furthest = Math.max(furthest, Math.min(end, MAX_OFFSET));
    reach[at] = furthest;
  }
  return reach;
}

/**
 * The symbol that covers an ELF address: the one that starts last before it and has not ended. A symbol without a size
 * ends at the next one or with its section. Of aliases the most readable, see {@link isBetter}.
 */
export function findSymbol(elf: ElfFile, table: SymbolTable, elfAddress: number): FoundSymbol | undefined {
  const { starts, base } = table;
  const offset = elfAddress - base;
  if (!(offset >= 0 && offset < MAX_OFFSET)) return undefined;
  const above = upperBound(starts, offset);
  if (above === 0 || table.reach[above - 1] <= offset) return undefined;
  const entries = openSection(elf, table.section, 0);
  const names = table.names.open(elf);
  if (isRefusal(entries) || names === undefined) return undefined;

  const limit = above < starts.length ? starts[above] : MAX_OFFSET;
  let row = above - 1;
  for (let groups = 0; row >= 0 && table.reach[row] > offset && groups < MAX_NESTED; groups++) {
    const start = starts[row];
    const next = row + 1 < starts.length ? starts[row + 1] : MAX_OFFSET;
    let best: Candidate | undefined;
    // Past a nested symbol, or a shorter alias, the answer holds for certain from here on only.
    let from = groups === 0 ? start : offset;
    for (let aliases = 0; row >= 0 && starts[row] === start; row--) {
      if (aliases++ >= MAX_ALIASES) continue;
      const candidate = readCandidate(
        elf,
        entries,
        names,
        table.rows[row],
        (size, sectionEnd) => (size > 0 ? start + size : Math.min(next, sectionEnd - base)),
        offset,
      );
      if (candidate === undefined) from = offset;
      if (candidate !== undefined && (best === undefined || isBetter(candidate, best))) best = candidate;
    }
    if (best !== undefined) {
      return {
        systemName: best.name,
        start: start + base,
        from: from + base,
        limit: Math.min(best.end, limit) + base,
      };
    }
  }
  return undefined;
}

/** The addresses around this one that no symbol of the table covers either. */
export function gapAround({ starts, reach, base }: SymbolTable, elfAddress: number): Extent {
  const offset = elfAddress - base;
  const above = upperBound(starts, offset);
  const reached = above === 0 ? -Infinity : reach[above - 1];
  return {
    // Within reach of a symbol that did not do: what ended before is not looked into.
    from: reached <= offset ? reached + base : elfAddress,
    limit: above < starts.length ? starts[above] + base : Infinity,
  };
}

interface Candidate {
  readonly name: string;
  /** From the table's base. */
  readonly end: number;
  readonly binding: number;
}

/** A symbol that ends beyond `offset` and has a name to show. `endOf` takes its size and its section's end (ELF address). */
function readCandidate(
  elf: ElfFile,
  entries: ByteSource,
  names: ByteSource,
  row: number,
  endOf: (size: number, sectionEnd: number) => number,
  offset: number,
): Candidate | undefined {
  const entry = entries.read(row * ENTRY_BYTES, ENTRY_BYTES);
  if (entry === undefined) return undefined;
  const nameOffset = u32(entry, 0);
  const binding = entry[4] >> 4;
  const section = elf.sections[u16(entry, 6)];
  const sectionEnd = section === undefined ? Number.MAX_SAFE_INTEGER : section.elfAddress + section.memorySize;
  const end = endOf(u64(entry, 16), sectionEnd);
  if (offset >= end) return undefined;
  const name = readName(names, nameOffset);
  // `$x`, `$d.7`: where code and data begin in a section of arm64; `.L`: an assembler's own; `.annobin_`: notes of Red Hat's gcc.
  return name === undefined || name === "" || /^(?:\$[a-z](?:\.|$)|\.L|\.annobin_)/.test(name)
    ? undefined
    : { name, end, binding };
}

/**
 * Which of two names of one address a reader wants: exported before local (`.constprop` and GCC's `__GI_` names are),
 * then the fewest leading underscores (`malloc`, not `__libc_malloc`), then global before weak, then the shorter, then
 * the first in the alphabet, so that the choice never depends on the table's order.
 */
function isBetter(candidate: Candidate, than: Candidate): boolean {
  const order =
    Number(candidate.binding === STB_LOCAL) - Number(than.binding === STB_LOCAL) ||
    leadingUnderscores(candidate.name) - leadingUnderscores(than.name) ||
    Number(candidate.binding === STB_WEAK) - Number(than.binding === STB_WEAK) ||
    candidate.name.length - than.name.length;
  return order === 0 ? candidate.name < than.name : order < 0;
}

/**
 * Those of `_Z` and `_R` only say that a name is mangled; `__vdso_clock_gettime` is not the `clock_gettime` of libc that calls it, and
 * a stack in which both have one name reads as a recursion.
 */
function leadingUnderscores(name: string): number {
  if (name.startsWith("__vdso_")) return 0;
  const count = name.search(/[^_]/);
  return count === 1 && /^_[ZR]/.test(name) ? 0 : count;
}
