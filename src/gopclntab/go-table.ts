import { type ElfFile, type ElfRefusal, isRefusal, toFileOffset } from "../elf/elf-file.js";
import { s32, u32, u64 } from "../elf/little-endian.js";
import { meet } from "../util/extent.js";
import type { Area } from "./area.js";
import { type FunctionRecord, type Inlining, readFunctionRecord } from "./function-record.js";
import { type GoHeader, readGoHeader } from "./header.js";
import { findModuleData, type ModuleData } from "./module-data.js";
import { type PcValue, pcValueAt, pcValues } from "./pc-values.js";

/** What runs at an address: a function, or one that was inlined into it. */
export interface GoFrame {
  readonly function: string;
  /** As the compiler was given it; "" when unknown. */
  readonly file: string;
  /** 0 when unknown. */
  readonly line: number;
  /** The line of the function's `func`; 0 when unknown. */
  readonly startLine: number;
}

/** What runs at an address: what was inlined first, what it was inlined into after it. */
export interface GoFrames {
  readonly frames: readonly GoFrame[];
  /** Around the address, ELF addresses from `from` up to, and without, `limit` at which the same runs. */
  readonly from: number;
  readonly limit: number;
}

/** A function, by ELF address. */
export interface GoFunction {
  readonly start: number;
  /** The first address past it. */
  readonly limit: number;
  /** Read when it is asked for. */
  readonly name: () => string;
  readonly isTop: boolean;
  readonly writesStackPointer: boolean;
  /** How many bytes sp is below where it was when the function was entered; values by offset from its start. */
  readonly stackSteps: () => readonly PcValue[];
}

/** A Go name holds the names of its type parameters too. */
const MAX_NAME_BYTES = 4096;
/** What inlining makes in practice is a dozen deep. */
const MAX_INLINE_DEPTH = 64;
const NO_FILE = 0xffff_ffff;
const utf8 = new TextDecoder();

/** What of a program had to be searched for; it is small, and stays true of the file. */
export interface GoPlace {
  readonly module: ModuleData | undefined;
}

/**
 * Opens the table of a Go program; undefined where the file has none. `known`: {@link GoTable.place} of the same file, which
 * spares going through all relocations of a position-independent one.
 */
export function openGoTable(elf: ElfFile, known?: GoPlace): GoTable | ElfRefusal | undefined {
  const header = readGoHeader(elf);
  if (header === undefined || isRefusal(header)) return header;
  const module = known === undefined ? findModuleData(elf, header) : known.module;
  const isCounted = header.layout !== "1.16";
  if (isCounted && module === undefined && header.textStart === 0) {
    return { problem: "malformed", detail: "nothing says where the text of the Go program starts" };
  }
  return new GoTable(elf, header, module);
}

/** The functions of a Go program, in the file. */
export class GoTable {
  readonly #elf: ElfFile;
  readonly #header: GoHeader;
  readonly #module: ModuleData | undefined;
  /** Added to what the index of functions holds. */
  readonly #base: number;
  readonly #wordBytes: number;

  constructor(elf: ElfFile, header: GoHeader, module: ModuleData | undefined) {
    this.#elf = elf;
    this.#header = header;
    this.#module = module;
    this.#base = header.layout === "1.16" ? 0 : (module?.text ?? header.textStart);
    this.#wordBytes = header.layout === "1.16" ? 8 : 4;
  }

  get place(): GoPlace {
    return { module: this.#module };
  }

  /** Whether the table says which functions are first on their stack, and which set sp: from Go 1.18 on it surely does. */
  get hasFlags(): boolean {
    return this.#header.layout !== "1.16";
  }

  get functionCount(): number {
    return this.#header.functionCount;
  }

  /**
   * Every function, by ascending address; left out is one whose entry makes no sense, or that begins within another: so all
   * that is read of all functions is in proportion to their code.
   */
  *functions(): Generator<GoFunction> {
    let end = 0;
    for (let index = 0; index < this.functionCount; index++) {
      const found = this.#functionOf(index);
      if (found === undefined || found.start < end) continue;
      end = found.limit;
      yield found;
    }
  }

  /** The function at an address; undefined where there is none. */
  functionAt(elfAddress: number): GoFunction | undefined {
    const index = this.#indexAt(elfAddress);
    return index === undefined ? undefined : this.#functionOf(index);
  }

  /** What runs at an address; no frame where there is no function. */
  framesAt(elfAddress: number): GoFrames {
    const index = this.#indexAt(elfAddress);
    const bounds = index === undefined ? undefined : this.#boundsOf(index);
    const record = bounds && readFunctionRecord(this.#header, bounds.record);
    if (bounds === undefined || record === undefined) return { frames: [], from: elfAddress, limit: elfAddress + 1 };
    const values = (offset: number) => this.#values(offset, bounds.limit - bounds.start);
    const inlining = record.inlining();
    const frames: GoFrame[] = [];
    let at = elfAddress - bounds.start;
    let extent = { from: 0, limit: bounds.limit - bounds.start };
    for (let depth = 0; depth < MAX_INLINE_DEPTH; depth++) {
      const found = [record.files, record.lines, inlining.indices].map((table) => pcValueAt(values(table), at));
      // Only at the first of them does the address itself choose; the others are asked about a call.
      if (depth === 0) extent = found.reduce(meet, extent);
      const [file, line, inlined] = found.map(({ value }) => value);
      const call = inlined === undefined || inlined < 0 ? undefined : this.#inlinedCall(inlining, inlined);
      frames.push({
        function: textAt(this.#header.names, call?.name ?? record.name),
        file: this.#fileName(record, file),
        line: Math.max(0, line ?? 0),
        startLine: call?.startLine ?? record.startLine,
      });
      if (call === undefined) break;
      at = call.parentOffset;
    }
    return { frames, from: bounds.start + extent.from, limit: bounds.start + extent.limit };
  }

  #functionOf(index: number): GoFunction | undefined {
    const bounds = this.#boundsOf(index);
    const record = bounds && readFunctionRecord(this.#header, bounds.record);
    if (bounds === undefined || record === undefined) return undefined;
    const { start, limit } = bounds;
    return {
      start,
      limit,
      name: () => textAt(this.#header.names, record.name),
      isTop: record.isTop,
      writesStackPointer: record.writesStackPointer,
      stackSteps: () => this.#values(record.stackSteps, limit - start),
    };
  }

  /** The last function that does not begin after the address, if the address lies in it. */
  #indexAt(elfAddress: number): number | undefined {
    let low = 0;
    let high = this.functionCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const start = this.#startOf(middle);
      if (start === undefined) return undefined;
      if (start <= elfAddress) low = middle + 1;
      else high = middle;
    }
    const limit = low === 0 ? undefined : this.#startOf(low);
    return limit !== undefined && elfAddress < limit ? low - 1 : undefined;
  }

  /** Where a function starts; of the index past the last one, where that ends. */
  #startOf(index: number): number | undefined {
    const bytes = this.#header.index.read(index * 2 * this.#wordBytes, this.#wordBytes);
    return bytes === undefined ? undefined : this.#base + this.#word(bytes, 0);
  }

  #boundsOf(index: number): { start: number; limit: number; record: number } | undefined {
    const bytes = this.#header.index.read(index * 2 * this.#wordBytes, 3 * this.#wordBytes);
    if (bytes === undefined) return undefined;
    const start = this.#base + this.#word(bytes, 0);
    const limit = this.#base + this.#word(bytes, 2 * this.#wordBytes);
    return start < limit ? { start, limit, record: this.#word(bytes, this.#wordBytes) } : undefined;
  }

  #word(bytes: Uint8Array, at: number): number {
    return this.#wordBytes === 8 ? u64(bytes, at) : u32(bytes, at);
  }

  #values(offset: number, size: number): readonly PcValue[] {
    return offset === 0 ? [] : pcValues(this.#header.values, offset, this.#header.quantum, size);
  }

  #fileName({ unit }: FunctionRecord, number: number | undefined): string {
    if (number === undefined || number < 0) return "";
    const bytes = this.#header.units.read(4 * (unit + number), 4);
    const offset = bytes === undefined ? NO_FILE : u32(bytes, 0);
    return offset === NO_FILE ? "" : textAt(this.#header.files, offset);
  }

  /** An entry of a function's inlining tree (runtime/symtabinl.go, inlinedCall). */
  #inlinedCall(
    { tree }: Inlining,
    index: number,
  ): { readonly name: number; readonly parentOffset: number; readonly startLine: number } | undefined {
    if (tree === undefined || (this.#module === undefined && this.#header.layout !== "1.16")) return undefined;
    const isNew = this.#header.layout === "1.20";
    const entryBytes = isNew ? 16 : 20;
    const offset = toFileOffset(this.#elf, (this.#module?.functionData ?? 0) + tree + index * entryBytes);
    const entry = offset === undefined ? undefined : this.#elf.source.read(offset, entryBytes);
    if (entry === undefined) return undefined;
    return isNew
      ? { name: u32(entry, 4), parentOffset: s32(entry, 8), startLine: Math.max(0, s32(entry, 12)) }
      : { name: u32(entry, 12), parentOffset: s32(entry, 16), startLine: 0 };
  }
}

/** Up to its zero; "" where there is none. */
function textAt(area: Area, offset: number): string {
  const bytes = area.upTo(offset, MAX_NAME_BYTES);
  const end = bytes.indexOf(0);
  return end < 0 ? "" : utf8.decode(bytes.subarray(0, end));
}
