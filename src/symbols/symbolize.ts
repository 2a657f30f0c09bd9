import { fstatSync } from "node:fs";
import { readBuildId } from "../elf/build-id.js";
import { type ByteSource, FileSource, MemorySource } from "../elf/byte-source.js";
import { type ElfFile, executableSegments, isRefusal, segmentOf, toElfAddress } from "../elf/elf-file.js";
import { parseElf } from "../elf/parser.js";
import type { ResolverCache } from "./cache.js";
import { demangle } from "./demangle/demangle.js";
import { UNRESOLVED_REASONS, type SymbolizeRequest, type SymbolizeResult, type UnresolvedReason } from "./resolver.js";
import type { Extent } from "./symbol-table.js";
import { SymtabResolver, toReason } from "./symtab.js";
import { unnamed } from "./unnamed.js";

const PAGE_BYTES = 4096;
/**
 * Of one answer's names together, as they stand in the file. A file of half a MiB can have twelve thousand names of 16 KiB, all ends of
 * one text; 400 KiB is what two thousand functions of C++ take.
 */
const MAX_NAME_CHARACTERS = 4 << 20;
const CLOSED = new MemorySource(new Uint8Array(0));

/** Names what lies at the file offsets of one executable. Never throws: what has no name is counted with its reason. */
export function symbolize(request: SymbolizeRequest, cache: ResolverCache): SymbolizeResult {
  if (request.fd < 0 && request.image === undefined) return unnamed(request, "let-go");
  const elf = openElf(request);
  if (typeof elf === "string") return unnamed(request, elf);
  const resolver = cache.get(request.executable) ?? new SymtabResolver(elf);
  resolver.reopen(elf.source);
  const columns = resolveAll(request.fileOffsets, elf, resolver);
  // What is kept must not read from a descriptor that its owner closes.
  resolver.reopen(CLOSED);
  // After use, for it has grown.
  cache.set(request.executable, resolver);
  return { executable: request.executable, buildId: readBuildId(elf), ...textRange(elf), ...columns };
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

function resolveAll(fileOffsets: Float64Array, elf: ElfFile, resolver: SymtabResolver): Columns {
  const count = fileOffsets.length;
  const elfAddresses = new Float64Array(count);
  const nameIndices = new Int32Array(count).fill(-1);
  const symbolStarts = new Float64Array(count);
  const rangeStarts = fileOffsets.slice();
  const rangeLimits = fileOffsets.map((offset) => offset + 1);
  const reasons = new Uint8Array(count);
  const names: { name: string; systemName: string }[] = [];
  const indexOfName = new Map<string, number>();
  const unresolved: Partial<Record<UnresolvedReason, number>> = {};
  let characters = 0;
  for (let at = 0; at < count; at++) {
    const elfAddress = toElfAddress(elf, fileOffsets[at]);
    elfAddresses[at] = elfAddress ?? fileOffsets[at];
    const isOver = characters > MAX_NAME_CHARACTERS;
    const found =
      elfAddress === undefined ? "unmapped-offset" : isOver ? "limit-exceeded" : resolver.resolve(elfAddress);
    if (elfAddress !== undefined && !isOver) {
      const extent = typeof found === "string" ? resolver.gapAround(elfAddress) : found;
      const range = rangeAround(elf, fileOffsets[at], elfAddress, extent);
      rangeStarts[at] = range.from;
      rangeLimits[at] = range.limit;
    }
    if (typeof found === "string") {
      unresolved[found] = (unresolved[found] ?? 0) + 1;
      reasons[at] = UNRESOLVED_REASONS.indexOf(found);
      continue;
    }
    let index = indexOfName.get(found.systemName);
    if (index === undefined) {
      characters += found.systemName.length;
      index = names.push({ name: demangle(found.systemName), systemName: found.systemName }) - 1;
      indexOfName.set(found.systemName, index);
    }
    nameIndices[at] = index;
    symbolStarts[at] = found.start;
  }
  return { elfAddresses, nameIndices, reasons, names, symbolStarts, rangeStarts, rangeLimits, unresolved };
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
