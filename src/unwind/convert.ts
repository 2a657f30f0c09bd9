import { type CfiCounts, CfiReader, type CfiSection } from "../dwarf/cfi-reader.js";
import { locateEhFrame } from "../dwarf/eh-frame-header.js";
import { AARCH64_REGISTERS, type FollowedRegisters, X86_64_REGISTERS } from "../dwarf/frame-state.js";
import type { ByteSource } from "../elf/byte-source.js";
import { SHT_NOBITS } from "../elf/constants.js";
import { type ElfFile, type ElfSegment, executableSegments, findSection, isRefusal } from "../elf/elf-file.js";
import { parseElf } from "../elf/parser.js";
import { openSection } from "../elf/section-source.js";
import { openGoTable } from "../gopclntab/go-table.js";
import { CfiRules } from "./cfi-rules.js";
import { addCodeRows } from "./code/code-rows.js";
import { FunctionRows } from "./function-rows.js";
import type { Extent } from "../util/extent.js";
import { type Steps, takeSteps } from "../util/steps.js";
import { gaps, inCodeSections, outside } from "./gaps.js";
import { GoRules } from "./go-rules.js";
import { type Extents, mergeExtents, orderFunctions } from "./merge.js";
import { joinRuns, packUsedRules } from "./runs.js";
import type { ConversionProblem, ConversionResult } from "./table.js";
import { findTrampolines } from "./trampoline.js";

/** Go's largest programs inflate to some 10 MiB. */
const MAX_INFLATED_BYTES = 48 * 1024 * 1024;
/** A Go function has five rows; a byte of call frame information is reckoned as a quarter of one. */
const ROW_BYTES_OF_GO_FUNCTION = 32;

/**
 * Reads an ELF file's call frame information and turns it into rows by file offset: .eh_frame, and .debug_frame for what
 * .eh_frame does not describe; what no table describes gets rows by the code itself, but for what is walked by other means. Never
 * throws; time and memory are bounded by the limits of the readers it uses.
 */
export function convert(source: ByteSource, walked = NOTHING): ConversionResult {
  return takeSteps(convertInSteps(source, walked));
}

/** The same in steps of some milliseconds, on files of any size but for what orders and joins all their rows. */
export function* convertInSteps(source: ByteSource, walked = NOTHING): Steps<ConversionResult> {
  const elf = parseElf(source);
  if (isRefusal(elf)) return { rows: undefined, problems: [elf], fdes: 0, badFdes: 0 };
  return yield* new Conversion(elf, walked).run();
}

/** Nothing is walked by other means. */
const NOTHING: Extent = { from: 0, limit: 0 };

/** What one conversion gathers on its way through the sections. */
class Conversion {
  readonly #elf: ElfFile;
  readonly #segments: readonly ElfSegment[];
  readonly #registers: FollowedRegisters;
  readonly #rules: CfiRules;
  readonly #problems: { problem: ConversionProblem; detail: string }[] = [];
  #fdes = 0;
  #badFdes = 0;

  constructor(
    elf: ElfFile,
    readonly walked: Extent,
  ) {
    this.#elf = elf;
    this.#segments = executableSegments(elf).sort((a, b) => a.fileOffset - b.fileOffset);
    this.#registers = elf.machine === "x86-64" ? X86_64_REGISTERS : AARCH64_REGISTERS;
    this.#rules = new CfiRules(this.#registers, elf.machine === "aarch64");
  }

  *run(): Steps<ConversionResult> {
    const refusal = this.#elf.sectionRefusal;
    if (refusal !== undefined) this.#problems.push(refusal);
    const ehFrame = yield* this.#read(this.#ehFrame());
    const trampolines = this.#collector(0);
    if (this.#elf.machine === "x86-64") findTrampolines(this.#elf, this.#segments, ehFrame, trampolines);
    const debugFrame = yield* this.#read(this.#debugFrame());
    // Go describes its trampoline as an ordinary function, so trampolines go before what Go says.
    const described = [ehFrame, orderFunctions(trampolines), this.#goFunctions(), debugFrame];
    yield;
    const ordered = mergeExtents([...described, yield* this.#fromCode(described)]);
    yield;
    const { rules } = this.#rules;
    const rows = ordered.fileOffsets.length > 0 ? packUsedRules(joinRuns(ordered, rules), rules) : undefined;
    if (rows === undefined) {
      this.#problems.push({ problem: "no-unwind-information", detail: "no function is described" });
    }
    return { rows, problems: this.#problems, fdes: this.#fdes, badFdes: this.#badFdes };
  }

  #collector(sectionBytes: number): FunctionRows {
    return new FunctionRows(this.#segments, this.#rules, sectionBytes);
  }

  *#read(section: CfiSection | undefined): Steps<Extents> {
    if (section === undefined || this.#segments.length === 0) return orderFunctions(this.#collector(0));
    const functions = this.#collector(section.source.size);
    this.#count(yield* new CfiReader(section, this.#registers).readAll(functions));
    if (functions.omitted > 0) {
      this.#problems.push({ problem: "limit-exceeded", detail: `${functions.omitted} functions left out` });
    }
    return orderFunctions(functions);
  }

  /** Go's own table knows more than its .debug_frame: which functions are first on their stack, which change stacks. */
  #goFunctions(): Extents {
    const table = this.#segments.length === 0 ? undefined : openGoTable(this.#elf);
    if (table !== undefined && isRefusal(table)) this.#problems.push(table);
    if (table === undefined || isRefusal(table)) return orderFunctions(this.#collector(0));
    const functions = this.#collector(table.functionCount * ROW_BYTES_OF_GO_FUNCTION);
    new GoRules(this.#elf.machine, this.#rules.rules).addAll(table, functions);
    if (functions.omitted > 0) {
      this.#problems.push({ problem: "limit-exceeded", detail: `${functions.omitted} Go functions left out` });
    }
    return orderFunctions(functions);
  }

  /** What the code itself says, where nothing else does. */
  *#fromCode(described: readonly Extents[]): Steps<Extents> {
    const functions = this.#collector(0);
    if (this.#elf.machine === "x86-64") {
      const { limit } = yield* addCodeRows(
        this.#elf,
        this.#segments,
        outside(this.walked, inCodeSections(this.#elf, gaps(this.#segments, described))),
        this.#rules.rules,
        functions,
      );
      if (limit !== undefined) this.#problems.push({ problem: "limit-exceeded", detail: limit });
    }
    return orderFunctions(functions);
  }

  #count({ fdes, badFdes, stopped }: CfiCounts): void {
    this.#fdes += fdes;
    this.#badFdes += badFdes;
    if (stopped !== undefined) this.#problems.push(stopped);
  }

  #ehFrame(): CfiSection | undefined {
    const bases = {
      text: findSection(this.#elf, ".text")?.elfAddress ?? NaN,
      data: findSection(this.#elf, ".got")?.elfAddress ?? NaN,
    };
    const section = findSection(this.#elf, ".eh_frame");
    if (section !== undefined && section.type !== SHT_NOBITS) {
      const source = openSection(this.#elf, section, MAX_INFLATED_BYTES);
      if (!isRefusal(source)) {
        return { source, elfAddress: section.elfAddress, dialect: "eh_frame", bases, fdeCount: Infinity };
      }
      this.#problems.push(source);
    }
    const located = locateEhFrame(this.#elf);
    return located && { ...located, dialect: "eh_frame", bases };
  }

  #debugFrame(): CfiSection | undefined {
    const section = findSection(this.#elf, ".debug_frame") ?? findSection(this.#elf, ".zdebug_frame");
    if (section === undefined || section.type === SHT_NOBITS) return undefined;
    const source = openSection(this.#elf, section, MAX_INFLATED_BYTES);
    if (isRefusal(source)) {
      this.#problems.push(source);
      return undefined;
    }
    return { source, elfAddress: 0, dialect: "debug_frame", bases: { text: NaN, data: NaN }, fdeCount: Infinity };
  }
}
