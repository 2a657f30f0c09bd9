import type { DebugFileCounts } from "../debugfiles/outcomes.js";
import type { SeenAt } from "../debugfiles/roots.js";
import type { ExecutableSerial } from "../model/brand.js";
import type { DebugProblem } from "../debuginfo/debug-info.js";
import type { Extent } from "../util/extent.js";
import type { FoundSymbol } from "./symbol-table.js";

/** Why an address has no name. Counted; never thrown. */
export const UNRESOLVED_REASONS = [
  "no-symbols",
  "not-covered",
  "malformed",
  "limit-exceeded",
  "read-failed",
  "unmapped-offset",
  /** The executable was let go before the window was named. */
  "let-go",
  /** The worker thread ended over the file. */
  "worker-failed",
  /** Nobody looked: the agent came near its budget. */
  "shed",
] as const;
export type UnresolvedReason = (typeof UNRESOLVED_REASONS)[number];

/** Where a name was found. Counted. */
export const SYMBOL_SOURCES = [
  ...(["symtab", "debugfile", "minidebuginfo", "dynsym"] as const),
  ...(["plt", "label", "gopclntab", "debuginfo"] as const),
] as const;
export type SymbolSource = (typeof SYMBOL_SOURCES)[number];

/** Addresses of one executable to name, asked of the worker. Addresses are file offsets, as frames carry them. */
export interface SymbolizeRequest {
  readonly executable: ExecutableSerial;
  /** An open descriptor, read by pread only; -1 when there is an image, or when it was let go. */
  readonly fd: number;
  /** The whole ELF file where it is in no file system: the vDSO. */
  readonly image?: Uint8Array;
  /** For unresolved names: base name of the path. */
  readonly name: string;
  /** Who runs it and where it lies, for files of debug information beside it; undefined when there is no file. */
  readonly seenAt?: SeenAt;
  /** Distinct, ascending. */
  readonly fileOffsets: Float64Array;
  /**
   * For how long debug information may be read, milliseconds; what is not reached has the names of the symbol table, and is
   * {@link SymbolizeResult.provisional}. Nothing is read when there is none; else one unit of code at least. Some seconds when
   * undefined.
   */
  readonly linesBudgetMs?: number;
  /** A debug file came since it was asked the last time: those that were not found are looked for again. */
  readonly lookAgain?: boolean;
}

/** A function as a profile tells of it; see `ProfileFunction`. */
export interface NamedFunction {
  readonly name: string;
  readonly systemName: string;
  /** "" when unknown. */
  readonly fileName: string;
  /** 0 when unknown. */
  readonly startLine: number;
}

/**
 * What is at an address, as columns: chain c is functions[i] at lines[i] for i of offsets[c] .. offsets[c + 1], innermost
 * first. More than one where functions were inlined; never none.
 */
export interface LineChains {
  readonly offsets: Uint32Array;
  readonly functions: Uint32Array;
  /** 0 when unknown. */
  readonly lines: Uint32Array;
}

/** The answer: columns parallel to fileOffsets. */
export interface SymbolizeResult {
  readonly executable: ExecutableSerial;
  /** Hex, "" when there is none. */
  readonly buildId: string;
  /** Build ID, hex, of a debug file that would tell more and is not on this machine; undefined when there is none such. */
  readonly wantsDebugInfo?: string | undefined;
  /** ELF addresses of the first executable segment's page-aligned extent, for pprof's Mapping; zeros when not ELF. */
  readonly textStart: number;
  readonly textLimit: number;
  readonly textFileOffset: number;
  /** ELF address of each file offset (the file offset itself when no segment covers it). */
  readonly elfAddresses: Float64Array;
  /** Index into chains, or -1 when unresolved. */
  readonly chainIndices: Int32Array;
  /** Of the unresolved, index into {@link UNRESOLVED_REASONS}. */
  readonly reasons: Uint8Array;
  /** Distinct chains. */
  readonly chains: LineChains;
  /** Distinct functions. */
  readonly functions: readonly NamedFunction[];
  /** Where the matched symbol starts (ELF address), 0 when no symbol table has it: tells apart functions of one name. */
  readonly symbolStarts: Float64Array;
  /**
   * Around each file offset those that have the same answer, chain or reason, and the same distance to their ELF address:
   * from rangeStarts up to, and without, rangeLimits. Perhaps not all of them; never fewer than the offset itself.
   */
  readonly rangeStarts: Float64Array;
  readonly rangeLimits: Float64Array;
  readonly unresolved: Readonly<Partial<Record<UnresolvedReason, number>>>;
  /** 1 where there was no time to read lines and inlined functions: who asks again is told more. */
  readonly provisional: Uint8Array;
  /** How long debug information was read, milliseconds. */
  readonly linesMs: number;
  /** Of files that have debug information, addresses of which it does not tell lines; by why. */
  readonly withoutLines: Readonly<Partial<Record<DebugProblem, number>>>;
  /** What became of the searches for other files that tell of it. */
  readonly debugFiles: DebugFileCounts;
  /** The others, by where their name was found. */
  readonly found: Readonly<Partial<Record<SymbolSource, number>>>;
}

export interface SourcedSymbol extends FoundSymbol {
  readonly source: SymbolSource;
}

/** A symbol source: one file's symbols, looked up by ELF address. */
export interface Resolver {
  /** The symbol that covers the address, or why there is none. */
  resolve(elfAddress: number): SourcedSymbol | UnresolvedReason;
  /** Around an address that nothing covers, those that nothing covers either. */
  gapAround(elfAddress: number): Extent;
  /** Memory held, for the cache's budget. */
  readonly bytes: number;
}
