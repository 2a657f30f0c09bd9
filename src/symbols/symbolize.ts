import { fstatSync } from "node:fs";
import type { DebugProblem } from "../debuginfo/debug-info.js";
import { readBuildId } from "../elf/build-id.js";
import { type ByteSource, FileSource, MemorySource } from "../elf/byte-source.js";
import { type ElfFile, executableSegments, isRefusal, segmentOf, toElfAddress } from "../elf/elf-file.js";
import { parseElf } from "../elf/parser.js";
import type { ResolverCache } from "./cache.js";
import { NameTable } from "./name-table.js";
import {
  UNRESOLVED_REASONS,
  type SymbolizeRequest,
  type SymbolizeResult,
  type SymbolSource,
  type UnresolvedReason,
} from "./resolver.js";
import type { Extent } from "./symbol-table.js";
import { readSourceLines } from "./source-lines.js";
import { SymtabResolver, toReason } from "./symtab.js";
import { unnamed } from "./unnamed.js";

const PAGE_BYTES = 4096;
/** A batch of a file of 500 MB that a person waits for. */
const DEFAULT_LINES_BUDGET_MS = 5000;
/**
 * Of one answer's names together, as they stand in the file. A file of half a MiB can have twelve thousand names of 16 KiB, all ends of
 * one text; 400 KiB is what two thousand functions of C++ take.
 */
const MAX_NAME_CHARACTERS = 4 << 20;
const CLOSED = new MemorySource(new Uint8Array(0));

/** Opens the debug file of a build ID, for the length of a batch; undefined when there is none. */
export type FindDebugFile = (buildId: string) => { readonly elf: ElfFile; readonly close: () => void } | undefined;

/** Names what lies at the file offsets of one executable. Never throws: what has no name is counted with its reason. */
export function symbolize(
  request: SymbolizeRequest,
  cache: ResolverCache,
  findDebugFile: FindDebugFile = () => undefined,
): SymbolizeResult {
  if (request.fd < 0 && request.image === undefined) return unnamed(request, "let-go");
  const elf = openElf(request);
  if (typeof elf === "string") return unnamed(request, elf);
  const resolver = cache.get(request.executable) ?? new SymtabResolver(elf);
  resolver.reopen(elf.source);
  const buildId = readBuildId(elf);
  const columns = resolveAll(request, elf, resolver, {
    buildId: request.image === undefined ? buildId : "",
    findDebugFile,
  });
  // What is kept must not read from a descriptor that its owner closes.
  resolver.reopen(CLOSED);
  // After use, for it has grown.
  cache.set(request.executable, resolver);
  return { executable: request.executable, buildId, ...textRange(elf), ...columns };
}

function openElf(request: SymbolizeRequest): ElfFile | UnresolvedReason {
  const source = openSource(request);
  if (source === undefined) return "read-failed";
  const elf = parseElf(source);
  return isRefusal(elf) ? toReason(elf.problem) : elf;
}

function openSource(request: SymbolizeRequest): ByteSource | undefined {
  if (request.image !== undefined) return new MemorySource(request.image);
  try {
    return new FileSource(request.fd, fstatSync(request.fd).size);
  } catch {
    return undefined;
  }
}

type Columns = Omit<SymbolizeResult, "executable" | "buildId" | "textStart" | "textLimit" | "textFileOffset">;

/** Where debug information may be, if not in the file; the build ID is "" where none is to be looked for. */
interface Elsewhere {
  readonly buildId: string;
  readonly findDebugFile: FindDebugFile;
}

/** By the file itself, or else by its debug file. */
function linesOf(elf: ElfFile, elfAddresses: Float64Array, budgetMs: number, { buildId, findDebugFile }: Elsewhere) {
  const own = readSourceLines(elf, elfAddresses, budgetMs);
  if (own !== undefined || buildId === "") return { debug: own, wantsDebugInfo: undefined };
  const file = findDebugFile(buildId);
  if (file === undefined) return { debug: undefined, wantsDebugInfo: buildId };
  const debug = readSourceLines(file.elf, elfAddresses, budgetMs);
  file.close();
  return { debug, wantsDebugInfo: undefined };
}

function resolveAll(
  { fileOffsets, linesBudgetMs }: SymbolizeRequest,
  elf: ElfFile,
  resolver: SymtabResolver,
  elsewhere: Elsewhere,
): Columns {
  const count = fileOffsets.length;
  const elfAddresses = new Float64Array(count);
  const chainIndices = new Int32Array(count).fill(-1);
  const symbolStarts = new Float64Array(count);
  const rangeStarts = fileOffsets.slice();
  const rangeLimits = fileOffsets.map((offset) => offset + 1);
  const reasons = new Uint8Array(count);
  const provisional = new Uint8Array(count);
  const names = new NameTable();
  const unresolved: Partial<Record<UnresolvedReason, number>> = {};
  const sources: Partial<Record<SymbolSource, number>> = {};
  const withoutLines: Partial<Record<DebugProblem, number>> = {};
  for (let at = 0; at < count; at++) elfAddresses[at] = toElfAddress(elf, fileOffsets[at]) ?? fileOffsets[at];
  const startMs = performance.now();
  const budgetMs = linesBudgetMs ?? DEFAULT_LINES_BUDGET_MS;
  const { debug, wantsDebugInfo } = linesOf(elf, elfAddresses, budgetMs, elsewhere);
  const linesMs = debug === undefined ? 0 : performance.now() - startMs;
  for (let at = 0; at < count; at++) {
    const elfAddress = elfAddresses[at];
    const isMapped = toElfAddress(elf, fileOffsets[at]) !== undefined;
    const isOver = names.characters > MAX_NAME_CHARACTERS;
    const found = !isMapped ? "unmapped-offset" : isOver ? "limit-exceeded" : resolver.resolve(elfAddress);
    const lines = isMapped && !isOver ? debug?.[at] : undefined;
    if (isMapped && !isOver) {
      const extent = meet(typeof found === "string" ? resolver.gapAround(elfAddress) : found, lines);
      const range = rangeAround(elf, fileOffsets[at], elfAddress, extent);
      rangeStarts[at] = range.from;
      rangeLimits[at] = range.limit;
    }
    if (lines?.problem !== undefined) withoutLines[lines.problem] = (withoutLines[lines.problem] ?? 0) + 1;
    provisional[at] = Number(lines?.problem === "postponed");
    const isKnownBetter =
      typeof found !== "string" && found.source === "label" && (lines?.lines.at(-1)?.systemName ?? "") !== "";
    const symbol = typeof found === "string" || isKnownBetter ? undefined : found.systemName;
    chainIndices[at] = names.add(lines?.lines ?? [], symbol);
    const bySymbol = typeof found === "string" || isKnownBetter ? undefined : found.source;
    const source = bySymbol ?? (chainIndices[at] < 0 ? undefined : lines?.source);
    if (source !== undefined) sources[source] = (sources[source] ?? 0) + 1;
    if (typeof found !== "string") {
      if (!isKnownBetter) symbolStarts[at] = found.start;
    } else if (chainIndices[at] < 0) {
      unresolved[found] = (unresolved[found] ?? 0) + 1;
      reasons[at] = UNRESOLVED_REASONS.indexOf(found);
    }
  }
  const named = { chainIndices, ...names.finish(), symbolStarts };
  const counts = { unresolved, withoutLines, found: sources };
  return { elfAddresses, ...named, ...counts, reasons, provisional, linesMs, rangeStarts, rangeLimits, wantsDebugInfo };
}

function meet(one: Extent, other: Extent | undefined): Extent {
  if (other === undefined) return one;
  return { from: Math.max(one.from, other.from), limit: Math.min(one.limit, other.limit) };
}

/** An extent of ELF addresses as file offsets, cut to the segment around the address. */
function rangeAround(elf: ElfFile, fileOffset: number, elfAddress: number, { from, limit }: Extent): Extent {
  const segment = segmentOf(elf, fileOffset);
  if (segment === undefined) return { from: fileOffset, limit: fileOffset + 1 };
  const bias = elfAddress - fileOffset;
  return {
    from: Math.min(Math.max(from - bias, segment.fileOffset), fileOffset),
    limit: Math.max(Math.min(limit - bias, segment.fileOffset + segment.fileSize), fileOffset + 1),
  };
}

function textRange(elf: ElfFile): Pick<SymbolizeResult, "textStart" | "textLimit" | "textFileOffset"> {
  const text = executableSegments(elf).at(0);
  if (text === undefined) return { textStart: 0, textLimit: 0, textFileOffset: 0 };
  return {
    textStart: Math.floor(text.elfAddress / PAGE_BYTES) * PAGE_BYTES,
    textLimit: Math.ceil((text.elfAddress + text.memorySize) / PAGE_BYTES) * PAGE_BYTES,
    textFileOffset: Math.floor(text.fileOffset / PAGE_BYTES) * PAGE_BYTES,
  };
}
