import { PF_X, PT_LOAD } from "../elf/constants.js";
import type { ElfFile } from "../elf/elf-file.js";
import { Attributes } from "./attributes.js";
import { DebugFile, type FileLink, supplementaryLink } from "./debug-file.js";
import { DebugPackage } from "./debug-package.js";
import { type FunctionFacts, FunctionNames } from "./function-names.js";
import { readFunctions } from "./functions.js";
import { findCalls, type InlineTree, readInlineTree } from "./inline-tree.js";
import { extentAround, findInterval, type IntervalTable } from "./interval-table.js";
import { filePath } from "./line-header.js";
import { findLine, type LineTable, readLineTable } from "./line-table.js";
import type { SectionWindow } from "./section-window.js";
import { DebugSections } from "./sections.js";
import { findSplitUnit } from "./split-unit.js";
import { TextPool } from "./text-pool.js";
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

export interface LookupLimits {
  /** When to stop, milliseconds of performance.now(): what is left then is "postponed". One unit is read in any case. */
  readonly deadlineMs: number;
  /** For all compressed sections together, which are inflated whole. */
  readonly maxInflatedBytes: number;
  /** Finds the other files that this one's debug information is in; names stay unknown where there is none. */
  readonly companions?: Companions;
}

/**
 * Finds files by what another file says of them, which is not to be trusted: where to look is for who implements this to
 * decide. They stay open while the batch is looked up.
 */
export interface Companions {
  /** What dwz has taken out of several files into one. */
  supplementary?(link: FileLink): ElfFile | undefined;
  /** A .dwo file, by DW_AT_dwo_name and the folder that the compiler ran in. */
  split?(name: string, compDir: string): ElfFile | undefined;
  /** The .dwp file of the executable: its .dwo files in one. */
  package?(): ElfFile | undefined;
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
  return new Lookup(elf, sections, info, limits).run(addresses);
}

function nothing(problem: DebugProblem, from: number, limit: number): DebugAnswer {
  return { lines: [], problem, from, limit };
}

/** One batch: what was read for it lives as long as it. */
class Lookup {
  readonly #limits: LookupLimits;
  readonly #file: DebugFile;
  readonly #names: FunctionNames;
  readonly #texts = new TextPool();
  readonly #base: number;
  /** Null when there is none. */
  #package: DebugPackage | null | undefined;
  /** The bytes of the unit that is looked into, in memory that the next one uses again. */
  #buffer = new Uint8Array(0);
  #callsLeft = MAX_CALLS_LOOKED_AT;

  constructor(elf: ElfFile, sections: DebugSections, info: SectionWindow, limits: LookupLimits) {
    this.#limits = limits;
    // A file of debug information alone has segments without bytes.
    const code = elf.segments.filter(({ type, flags }) => type === PT_LOAD && (flags & PF_X) !== 0);
    this.#base = Math.min(...code.map(({ elfAddress }) => elfAddress), Number.MAX_SAFE_INTEGER);
    const supplementary = this.#openSupplementary(elf);
    const reader = new UnitReader(sections, info, { supplementary: supplementary?.sections });
    this.#file = new DebugFile(sections, reader, this.#base, MAX_RANGE_ENTRIES);
    this.#names = new FunctionNames(this.#file, supplementary);
  }

  #openSupplementary(elf: ElfFile): DebugFile | undefined {
    const link = supplementaryLink(elf);
    const other = link && this.#limits.companions?.supplementary?.(link);
    if (other === undefined) return undefined;
    const sections = new DebugSections(other, this.#limits.maxInflatedBytes);
    const info = sections.get("info");
    return info && new DebugFile(sections, new UnitReader(sections, info), this.#base, 0);
  }

  run(addresses: Float64Array): DebugAnswer[] {
    const answers = new Array<DebugAnswer>(addresses.length);
    const units = Float64Array.from(addresses, (address) => this.#file.index.unitAt(address));
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
      isLate = performance.now() > this.#limits.deadlineMs;
    }
    return answers;
  }

  #outside(address: number): DebugAnswer {
    if (this.#file.sections.failure !== undefined) return nothing("read-failed", address, address + 1);
    const { from, limit } = this.#file.index.gapAround(address);
    return nothing("not-covered", from, limit);
  }

  #openUnit(offset: number): OpenUnit | DebugProblem {
    const { reader, sections } = this.#file;
    const header = reader.header(offset);
    const linked = header?.version === undefined ? undefined : reader.open(header, new Attributes());
    if (linked === undefined) return sections.failure === undefined ? "malformed" : "read-failed";
    const split = linked.dwoName === "" ? undefined : this.#openSplit(linked);
    const { file, unit, names } = split ?? { file: this.#file, unit: linked, names: this.#names };
    const size = unit.end - unit.offset;
    if (size > MAX_UNIT_BYTES) return "limit-exceeded";
    if (this.#buffer.length < size) this.#buffer = new Uint8Array(Math.ceil(size * 1.25));
    const bytes = this.#buffer.subarray(0, size);
    if (file.reader.readInto(unit.offset, bytes) < size) return "read-failed";
    const functions = readFunctions(unit, bytes, file.ranges, this.#base);
    // Line numbers stay in the linked file.
    const lineHeader = this.#file.lineHeader(linked);
    const lines = lineHeader && readLineTable(sections, lineHeader, this.#base);
    return { file, unit, linked, names, bytes, functions, lines, tree: undefined, functionEntry: -1, paths: new Map() };
  }

  /** What was split off from a unit into a file of its own. Without that file, what the linked one has is all. */
  #openSplit(linked: Unit): Pick<OpenUnit, "file" | "unit" | "names"> | undefined {
    const { companions, maxInflatedBytes } = this.#limits;
    const elf = this.#openPackage()?.fileOf(linked.dwoId) ?? companions?.split?.(linked.dwoName, linked.compDir);
    if (elf === undefined) return undefined;
    const sections = new DebugSections(elf, maxInflatedBytes, ".dwo", this.#file.sections);
    const info = sections.get("info");
    if (info === undefined) return undefined;
    const reader = new UnitReader(sections, info, { addresses: this.#file.sections });
    const file = new DebugFile(sections, reader, this.#base, MAX_RANGE_ENTRIES);
    const unit = findSplitUnit(reader, linked);
    return unit && { file, unit, names: new FunctionNames(file, undefined) };
  }

  #openPackage(): DebugPackage | null {
    if (this.#package === undefined) {
      const elf = this.#limits.companions?.package?.();
      this.#package = (elf && DebugPackage.open(elf, this.#limits.maxInflatedBytes)) ?? null;
    }
    return this.#package;
  }

  #inside(open: OpenUnit, address: number): DebugAnswer {
    const { unit, functions, lines, names } = open;
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
    if (this.#callsLeft <= 0 || open.file.ranges.exhausted) return nothing("limit-exceeded", address, address + 1);
    const tree = this.#treeOf(open, functions.owners[row]);
    const path = findCalls(tree, address, (looked) => (this.#callsLeft -= looked));
    let file = line?.file ?? -1;
    let lineNumber = line?.line ?? 0;
    // Not pushed one by one: an array that grows has room for seventeen.
    const found = path.calls.toReversed().map((call): SourceLine => {
      const facts = names.of(tree.entries[call], unit);
      const fileName = file < 0 ? "" : this.#path(open, file);
      const startLine = this.#startLine(facts, open, file, fileName);
      const line = { systemName: this.#texts.shared(facts.systemName), fileName, line: lineNumber, startLine };
      file = tree.callFiles[call];
      lineNumber = tree.callLines[call];
      return line;
    });
    return { lines: found, problem: undefined, from: Math.max(from, path.from), limit: Math.min(limit, path.limit) };
  }

  /** Addresses ascend, so the next one is most often of the same function. */
  #treeOf(open: OpenUnit, entry: number): InlineTree {
    if (open.tree === undefined || open.functionEntry !== entry) {
      open.tree = readInlineTree(open.unit, open.bytes, entry, open.file.ranges);
      open.functionEntry = entry;
    }
    return open.tree;
  }

  #path({ lines, linked, paths }: OpenUnit, file: number): string {
    let path = paths.get(file);
    if (path === undefined) {
      const files = lines?.files ?? this.#file.lineHeader(linked)?.files;
      path = files === undefined ? "" : this.#texts.shared(filePath(files, file));
      paths.set(file, path);
    }
    return path;
  }

  #startLine(facts: FunctionFacts, { unit, file: unitFile }: OpenUnit, file: number, fileName: string): number {
    if (facts.unit === undefined || fileName === "") return 0;
    if (facts.unitFile === unitFile && facts.unit.lineOffset === unit.lineOffset) {
      // Two numbers can be of one path: GCC's DWARF 5 has the unit's own file as 0 and as 1.
      if (facts.file === file) return facts.line;
    }
    const files = facts.unitFile?.lineHeader(facts.unit)?.files;
    return files !== undefined && filePath(files, facts.file) === fileName ? facts.line : 0;
  }
}

/** A unit while its addresses are looked up. */
interface OpenUnit {
  /** The file that has the unit's entries. */
  readonly file: DebugFile;
  readonly unit: Unit;
  /** The unit of the linked file, where `unit` was split off. */
  readonly linked: Unit;
  readonly names: FunctionNames;
  readonly bytes: Uint8Array;
  readonly functions: IntervalTable;
  readonly lines: LineTable | undefined;
  tree: InlineTree | undefined;
  functionEntry: number;
  readonly paths: Map<number, string>;
}
