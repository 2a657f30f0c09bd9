import { fstatSync } from "node:fs";
import type { DebugFiles, DebugFileSearch, Debuggee } from "../debugfiles/debug-files.js";
import { type DebugProblem, hasDebugInfo } from "../debuginfo/debug-info.js";
import { readBuildId } from "../elf/build-id.js";
import { type ByteSource, FileSource, MemorySource } from "../elf/byte-source.js";
import { type ElfFile, executableSegments, isRefusal, segmentOf, toElfAddress } from "../elf/elf-file.js";
import { parseElf } from "../elf/parser.js";
import { type Extent, meet } from "../util/extent.js";
import type { ResolverCache } from "./cache.js";
import { KnownExecutable } from "./known-executable.js";
import { NameTable } from "./name-table.js";
import {
  UNRESOLVED_REASONS,
  type SymbolizeRequest,
  type SymbolizeResult,
  type SymbolSource,
  type UnresolvedReason,
} from "./resolver.js";
import { readSourceLines } from "./source-lines.js";
import { symbolFilesOf } from "./symbol-files.js";
import { toReason } from "./symtab.js";
import { unnamed } from "./unnamed.js";

const PAGE_BYTES = 4096;
/** A batch of a file of 500 MB that a person waits for. */
const DEFAULT_LINES_BUDGET_MS = 5000;
/**
 * Of one answer's names together, as they stand in the file. A file of half a MiB can have twelve thousand names of 16 KiB, all ends of
 * one text; 400 KiB is what two thousand functions of C++ take.
 */
const MAX_NAME_CHARACTERS = 4 << 20;

/**
 * Names what lies at the file offsets of one executable. Never throws: what has no name is counted with its reason. With
 * `debugFiles`, by other files that tell of it too, where it does not tell all itself.
 */
export function symbolize(request: SymbolizeRequest, cache: ResolverCache, debugFiles?: DebugFiles): SymbolizeResult {
  if (request.fd < 0 && request.image === undefined) return unnamed(request, "let-go");
  const elf = openElf(request);
  if (typeof elf === "string") return unnamed(request, elf);
  const known = cache.get(request.executable) ?? new KnownExecutable(elf);
  const buildId = readBuildId(elf);
  const memory = request.lookAgain === true ? undefined : known.searchMemory;
  const search = debugFiles?.open({ elf, buildId, seenAt: request.seenAt }, memory);
  try {
    const columns = resolveAll(request, { elf, buildId }, known, search);
    // After use, for it has grown.
    cache.set(request.executable, known);
    return { executable: request.executable, buildId, ...textRange(elf), ...columns };
  } finally {
    known.searchMemory = search?.memory;
    known.resolver.closeSources();
    search?.close();
  }
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

function resolveAll(
  { fileOffsets, linesBudgetMs, image }: SymbolizeRequest,
  { elf, buildId }: Pick<Debuggee, "elf" | "buildId">,
  known: KnownExecutable,
  search: DebugFileSearch | undefined,
): Columns {
  const { resolver } = known;
  const go = known.goTable(elf);
  const files = symbolFilesOf(elf, go !== undefined, { search, miniDebugInfo: () => known.miniDebugInfo(elf) });
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
  const isMapped = new Uint8Array(count);
  for (let at = 0; at < count; at++) {
    const elfAddress = toElfAddress(elf, fileOffsets[at]);
    isMapped[at] = Number(elfAddress !== undefined);
    elfAddresses[at] = elfAddress ?? fileOffsets[at];
  }
  resolver.reopen(files, elfAddresses);
  const startMs = performance.now();
  const debug = readSourceLines(
    { files, go, companions: search?.companions },
    elfAddresses,
    linesBudgetMs ?? DEFAULT_LINES_BUDGET_MS,
  );
  const linesMs = debug === undefined ? 0 : performance.now() - startMs;
  for (let at = 0; at < count; at++) {
    const elfAddress = elfAddresses[at];
    const isOver = names.characters > MAX_NAME_CHARACTERS;
    const isSought = isMapped[at] !== 0 && !isOver;
    const found = isSought ? resolver.resolve(elfAddress) : isMapped[at] === 0 ? "unmapped-offset" : "limit-exceeded";
    const lines = isSought ? debug?.[at] : undefined;
    if (isSought) {
      const named = typeof found === "string" ? resolver.gapAround(elfAddress) : found;
      const extent = lines === undefined ? named : meet(named, lines);
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
  const counts = { unresolved, withoutLines, debugFiles: search?.counts ?? {}, found: sources };
  const lacksDebugInfo = go === undefined && !files.some((file) => hasDebugInfo(file.elf));
  const wanted = lacksDebugInfo ? buildId : search?.companions.missing;
  // The vDSO's is nowhere.
  const wantsDebugInfo = wanted === "" || image !== undefined ? undefined : wanted;
  const ranges = { rangeStarts, rangeLimits };
  return { elfAddresses, ...named, ...counts, reasons, provisional, linesMs, ...ranges, wantsDebugInfo };
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
