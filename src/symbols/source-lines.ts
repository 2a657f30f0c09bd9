import { type Companions, type DebugAnswer, hasDebugInfo, lookUpLines } from "../debuginfo/debug-info.js";
import type { ElfFile } from "../elf/elf-file.js";
import type { GoTable } from "../gopclntab/go-table.js";
import type { SymbolSource } from "./resolver.js";
import type { SymbolFile } from "./symbol-files.js";

/** Compressed sections are inflated whole, for as long as a batch takes. */
const MAX_INFLATED_BYTES = 64 * 1024 * 1024;
/**
 * The same for who has less than a second: inflated anew for each batch, Debian's libc alone would take all the time that an agent
 * has for lines, and no other file would have any.
 */
const MAX_QUICKLY_INFLATED_BYTES = 4 * 1024 * 1024;
const QUICK_MS = 1000;

/** What files say of an address beyond its symbol, and where they say so. */
export interface LinesAnswer extends DebugAnswer {
  readonly source: SymbolSource;
}

/** Where lines of an executable come from. */
export interface LineSources {
  /** Those that tell of it. */
  readonly files: readonly SymbolFile[];
  readonly go: GoTable | undefined;
  /** Other files that debug information is in. */
  readonly companions: Companions | undefined;
}

/**
 * Functions, inlined ones too, and lines of ELF addresses, ascending: of Go code by the table that every Go program carries,
 * stripped or not, which is quicker to ask than its DWARF and as good; of all other by the debug information of the first
 * file that has some, for no longer than so many milliseconds. Undefined when there is neither.
 */
export function readSourceLines(
  { files, go, companions }: LineSources,
  elfAddresses: Float64Array,
  budgetMs: number,
): readonly LinesAnswer[] | undefined {
  // C code in a Go program has its symbols; the DWARF around it is Go's, and compressed: tens of MiB for a few lines.
  const elf = go === undefined ? files.find((file) => hasDebugInfo(file.elf))?.elf : undefined;
  if (go === undefined && elf === undefined) return undefined;
  const answers = Array.from(elfAddresses, (address) => (go === undefined ? undefined : goAnswer(go, address)));
  const others = elfAddresses.filter((_, at) => answers[at] === undefined);
  const debug = elf !== undefined ? readDebug(elf, companions, others, budgetMs) : others.reduce(noAnswers, []);
  let next = 0;
  return answers.map((answer) => answer ?? { ...debug[next++], source: "debuginfo" });
}

function readDebug(
  elf: ElfFile,
  companions: Companions | undefined,
  elfAddresses: Float64Array,
  budgetMs: number,
): readonly DebugAnswer[] {
  if (elfAddresses.length === 0) return [];
  if (budgetMs <= 0) {
    return Array.from(elfAddresses, (at) => ({ lines: [], problem: "postponed", from: at, limit: at + 1 }));
  }
  const maxInflatedBytes = budgetMs < QUICK_MS ? MAX_QUICKLY_INFLATED_BYTES : MAX_INFLATED_BYTES;
  const limits = { deadlineMs: performance.now() + budgetMs, maxInflatedBytes };
  return lookUpLines(elf, elfAddresses, companions === undefined ? limits : { ...limits, companions });
}

/** Of a Go program without debug information, C code: nothing is missing that could be there. */
function noAnswers(answers: DebugAnswer[], at: number): DebugAnswer[] {
  answers.push({ lines: [], problem: undefined, from: at, limit: at + 1 });
  return answers;
}

function goAnswer(table: GoTable, address: number): LinesAnswer | undefined {
  const { frames, from, limit } = table.framesAt(address);
  if (frames.length === 0) return undefined;
  const lines = frames.map(({ function: systemName, file, line, startLine }) => ({
    ...{ systemName, fileName: file, line, startLine },
  }));
  return { lines, problem: undefined, from, limit, source: "gopclntab" };
}
