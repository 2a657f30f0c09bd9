import { PF_X, PT_LOAD } from "../elf/constants.js";
import type { ElfFile } from "../elf/elf-file.js";
import { Attributes } from "./attributes.js";
import { type FunctionFacts, FunctionNames } from "./function-names.js";
import { readFunctions } from "./functions.js";
import { findCalls, type InlineTree, readInlineTree } from "./inline-tree.js";
import { extentAround, findInterval, type IntervalTable } from "./interval-table.js";
import { filePath, type LineHeader, readLineHeader } from "./line-header.js";
import { findLine, type LineTable, readLineTable } from "./line-table.js";
import { RangeReader } from "./ranges.js";
import { DebugSections } from "./sections.js";
import { UnitIndex } from "./unit-index.js";
import { type Unit, UnitReader } from "./unit-reader.js";

/** A function at an address, and where in its source. */
export interface SourceLine {
  /** As the linker has it; "" when the debug information does not tell. */
  readonly systemName: string;
  /** Absolute where the compiler knew it, "" when unknown. */
  readonly fileName: string;
  /** 0 when unknown. */
  readonly line: number;
  /** Where the function begins, in the same file; 0 when unknown, or when it begins in another file. */
  readonly startLine: number;
}

/** Why an address has no lines, of a file that has debug information. */
export type DebugProblem = "not-covered" | "malformed" | "limit-exceeded" | "read-failed" | "postponed";

/** What is at an address: one line, and more where functions were inlined; or why there is none. */
export interface DebugAnswer {
  /** Innermost first; the last one is the function that was called. Empty when there is a problem. */
  readonly lines: readonly SourceLine[];
  readonly problem: DebugProblem | undefined;
  /** Around the address, ELF addresses from `from` up to, and without, `limit` that have the same answer. */
  readonly from: number;
  readonly limit: number;
}

/** A unit is read whole. The largest seen, of Rust in one unit, have some 40 MiB. */
const MAX_UNIT_BYTES = 64 * 1024 * 1024;
/** Range list entries that one batch reads: twenty times those of 500 MB of debug information. */
const MAX_RANGE_ENTRIES = 40_000_000;
/** Inlined calls that one batch looks at. */
const MAX_CALLS_LOOKED_AT = 100_000_000;
/** Line number headers that are kept for where functions of other units begin. */
const MAX_HEADERS = 64;

export interface LookupLimits {
  /** When to stop, milliseconds of performance.now(): what is left then is "postponed". One unit is read in any case. */
  readonly deadlineMs: number;
  /** For all compressed sections together, which are inflated whole. */
  readonly maxInflatedBytes: number;
}

/** Whether a file has debug information that tells functions. */
export function hasDebugInfo(elf: ElfFile): boolean {
  return new DebugSections(elf, 0).has("info");
}

/**
 * Functions and lines of ELF addresses, ascending, by the DWARF 4 and 5 of their own file; an answer for each. Reads what these
 * addresses need, a unit at a time, each once. Never throws: what cannot be read is a {@link DebugProblem}.
 */
export function lookUpLines(elf: ElfFile, addresses: Float64Array, limits: LookupLimits): DebugAnswer[] {
  const sections = new DebugSections(elf, limits.maxInflatedBytes);
  const info = sections.get("info");
  if (info === undefined) {
    const problem = sections.problem ?? "not-covered";
    return Array.from(addresses, (address) => nothing(problem, address, address + 1));
  }
  const reader = new UnitReader(sections, info);
  return new Lookup(elf, sections, reader).run(addresses, limits.deadlineMs);
}

function nothing(problem: DebugProblem, from: number, limit: number): DebugAnswer {
  return { lines: [], problem, from, limit };
}

/** One batch: what was read for it lives as long as it. */
class Lookup {
  readonly #sections: DebugSections;
  readonly #reader: UnitReader;
  readonly #ranges: RangeReader;
  readonly #index: UnitIndex;
  readonly #names: FunctionNames;
  readonly #base: number;
  readonly #headers = new Map<number, LineHeader | undefined>();
  /** The bytes of the unit that is looked into, in memory that the next one uses again. */
  #buffer = new Uint8Array(0);
  #callsLeft = MAX_CALLS_LOOKED_AT;

  constructor(elf: ElfFile, sections: DebugSections, reader: UnitReader) {
    this.#sections = sections;
    this.#reader = reader;
    this.#ranges = new RangeReader(reader, MAX_RANGE_ENTRIES);
    // A file of debug information alone has segments without bytes.
    const code = elf.segments.filter(({ type, flags }) => type === PT_LOAD && (flags & PF_X) !== 0);
    this.#base = Math.min(...code.map(({ elfAddress }) => elfAddress), Number.MAX_SAFE_INTEGER);
    this.#index = new UnitIndex(reader, this.#ranges, this.#base);
    this.#names = new FunctionNames(reader, this.#index);
  }

  run(addresses: Float64Array, deadlineMs: number): DebugAnswer[] {
    const answers = new Array<DebugAnswer>(addresses.length);
    const units = Float64Array.from(addresses, (address) => this.#index.unitAt(address));
    const byUnit = Array.from(addresses.keys()).sort((a, b) => units[a] - units[b] || a - b);
    let isLate = false;
    for (let first = 0; first < byUnit.length;) {
      const unit = units[byUnit[first]];
      let end = first;
      while (end < byUnit.length && units[byUnit[end]] === unit) end++;
      const rows = byUnit.slice(first, end);
      first = end;
      if (unit < 0) {
        for (const row of rows) answers[row] = this.#outside(addresses[row]);
        continue;
      }
      const sought = isLate ? "postponed" : this.#openUnit(unit);
      for (const row of rows) {
        const address = addresses[row];
        answers[row] =
          typeof sought === "string" ? nothing(sought, address, address + 1) : this.#inside(sought, address);
      }
      isLate = performance.now() > deadlineMs;
    }
    return answers;
  }

  #outside(address: number): DebugAnswer {
    if (this.#sections.failure !== undefined) return nothing("read-failed", address, address + 1);
    const { from, limit } = this.#index.gapAround(address);
    return nothing("not-covered", from, limit);
  }

  #openUnit(offset: number): OpenUnit | DebugProblem {
    const header = this.#reader.header(offset);
    const unit = header?.version === undefined ? undefined : this.#reader.open(header, new Attributes());
    if (unit === undefined) return this.#sections.failure === undefined ? "malformed" : "read-failed";
    const size = unit.end - unit.offset;
    if (size > MAX_UNIT_BYTES) return "limit-exceeded";
    if (this.#buffer.length < size) this.#buffer = new Uint8Array(Math.ceil(size * 1.25));
    const bytes = this.#buffer.subarray(0, size);
    if (this.#reader.readInto(offset, bytes) < size) return "read-failed";
    const functions = readFunctions(unit, bytes, this.#ranges, this.#base);
    const lineHeader = this.#lineHeader(unit);
    const lines = lineHeader && readLineTable(this.#sections, lineHeader, this.#base);
    return { unit, bytes, functions, lines, tree: undefined, functionEntry: -1, paths: new Map() };
  }

  #inside(open: OpenUnit, address: number): DebugAnswer {
    const { unit, functions, lines } = open;
    const line = lines && findLine(lines, address);
    const row = findInterval(functions, address);
    let { from, limit } = extentAround(functions, address);
    if (line !== undefined) {
      from = Math.max(from, line.from);
      limit = Math.min(limit, line.limit);
    }
    if (row < 0) {
      if (line === undefined) return nothing("not-covered", address, address + 1);
      const fileName = this.#path(open, line.file);
      return { lines: [{ systemName: "", fileName, line: line.line, startLine: 0 }], problem: undefined, from, limit };
    }
    if (this.#callsLeft <= 0 || this.#ranges.exhausted) return nothing("limit-exceeded", address, address + 1);
    const tree = this.#treeOf(open, functions.owners[row]);
    const path = findCalls(tree, address, (looked) => (this.#callsLeft -= looked));
    const found: SourceLine[] = [];
    let file = line?.file ?? -1;
    let lineNumber = line?.line ?? 0;
    for (const call of path.calls.toReversed()) {
      const facts = this.#names.of(tree.entries[call], unit);
      const fileName = file < 0 ? "" : this.#path(open, file);
      const startLine = this.#startLine(facts, open, file, fileName);
      found.push({ systemName: facts.systemName, fileName, line: lineNumber, startLine });
      file = tree.callFiles[call];
      lineNumber = tree.callLines[call];
    }
    return { lines: found, problem: undefined, from: Math.max(from, path.from), limit: Math.min(limit, path.limit) };
  }

  /** Addresses ascend, so the next one is most often of the same function. */
  #treeOf(open: OpenUnit, entry: number): InlineTree {
    if (open.tree === undefined || open.functionEntry !== entry) {
      open.tree = readInlineTree(open.unit, open.bytes, entry, this.#ranges);
      open.functionEntry = entry;
    }
    return open.tree;
  }

  #path({ lines, unit, paths }: OpenUnit, file: number): string {
    let path = paths.get(file);
    if (path === undefined) {
      const files = lines?.files ?? this.#lineHeader(unit)?.files;
      path = files === undefined ? "" : filePath(files, file);
      paths.set(file, path);
    }
    return path;
  }

  #startLine(facts: FunctionFacts, { unit }: OpenUnit, file: number, fileName: string): number {
    if (facts.unit === undefined || fileName === "") return 0;
    if (facts.unit.lineOffset === unit.lineOffset && facts.file === file) return facts.line;
    const files = this.#lineHeader(facts.unit)?.files;
    return files !== undefined && filePath(files, facts.file) === fileName ? facts.line : 0;
  }

  #lineHeader(unit: Unit): LineHeader | undefined {
    if (unit.lineOffset < 0) return undefined;
    if (!this.#headers.has(unit.lineOffset)) {
      if (this.#headers.size >= MAX_HEADERS) this.#headers.clear();
      this.#headers.set(unit.lineOffset, readLineHeader(this.#sections, unit.lineOffset, unit.compDir));
    }
    return this.#headers.get(unit.lineOffset);
  }
}

/** A unit while its addresses are looked up. */
interface OpenUnit {
  readonly unit: Unit;
  readonly bytes: Uint8Array;
  readonly functions: IntervalTable;
  readonly lines: LineTable | undefined;
  tree: InlineTree | undefined;
  functionEntry: number;
  readonly paths: Map<number, string>;
}
