import type { ByteSource } from "./byte-source.js";
import { EM_AARCH64, EM_X86_64, PN_XNUM, SHN_XINDEX, SHT_NOBITS } from "./constants.js";
import {
  type ElfFile,
  type ElfProblem,
  type ElfRefusal,
  type ElfSection,
  type ElfSegment,
  isRefusal,
  MAX_SECTION_NAME,
} from "./elf-file.js";
import { u16, u32, u64 } from "./little-endian.js";

const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const SECTION_BYTES = 64;

/** A linked file has a dozen of them; glibc's loader takes what fits in a page. */
const MAX_SEGMENTS = 1024;
/** A linked file has about forty; relocatable objects, which nobody executes, have tens of thousands. */
const MAX_SECTIONS = 16_384;
/** Section names of the largest executables take some kilobytes. */
const MAX_NAME_TABLE_BYTES = 1024 * 1024;

const MACHINES = new Map<number, ElfFile["machine"]>([
  [EM_X86_64, "x86-64"],
  [EM_AARCH64, "aarch64"],
]);

/**
 * Reads the headers of an ELF file (System V gABI, chapter 4; extended numbering included). Bad section headers are no
 * reason to refuse a file: the kernel runs it by its program headers alone, and unwinding needs no more.
 */
export function parseElf(source: ByteSource): ElfFile | ElfRefusal {
  const view = source.read(0, HEADER_BYTES);
  if (view === undefined) return refuseRead(source, "not-elf", "shorter than an ELF header");
  // Reading section 0, for extended numbering, moves the window.
  const header = Uint8Array.from(view);
  if (u32(header, 0) !== 0x464c457f) return { problem: "not-elf", detail: "no ELF magic" };
  const elfClass = header[4];
  const encoding = header[5];
  const machine = MACHINES.get(u16(header, 18));
  if (elfClass !== 2 || encoding !== 1 || machine === undefined) {
    return { problem: "wrong-machine", detail: `class ${elfClass}, data ${encoding}, machine ${u16(header, 18)}` };
  }
  const segments = parseSegments(source, header);
  if (isRefusal(segments)) return segments;
  const sections = parseSections(source, header);
  return {
    source,
    machine,
    type: u16(header, 16),
    entry: u64(header, 24),
    segments,
    sections: isRefusal(sections) ? [] : sections,
    sectionRefusal: isRefusal(sections) ? sections : undefined,
  };
}

function refuseRead(source: ByteSource, problem: ElfProblem, detail: string): ElfRefusal {
  return source.failure === undefined
    ? { problem, detail }
    : { problem: "read-failed", detail: `${detail} (${source.failure})` };
}

function parseSegments(source: ByteSource, header: Uint8Array): ElfSegment[] | ElfRefusal {
  const tableOffset = u64(header, 32);
  const entryBytes = u16(header, 54);
  let count = u16(header, 56);
  if (count === PN_XNUM) {
    const first = source.read(u64(header, 40), SECTION_BYTES);
    if (first === undefined) return refuseRead(source, "malformed", "extended segment count cannot be read");
    count = u32(first, 44);
  }
  if (count === 0) return [];
  if (count > MAX_SEGMENTS) return { problem: "limit-exceeded", detail: `${count} program headers` };
  if (entryBytes !== SEGMENT_BYTES) return { problem: "malformed", detail: `program headers of ${entryBytes} bytes` };
  const table = source.read(tableOffset, count * SEGMENT_BYTES);
  if (table === undefined) return refuseRead(source, "malformed", `program headers at ${tableOffset} cannot be read`);
  const segments: ElfSegment[] = [];
  for (let at = 0; at < table.length; at += SEGMENT_BYTES) {
    const segment = {
      type: u32(table, at),
      flags: u32(table, at + 4),
      fileOffset: u64(table, at + 8),
      elfAddress: u64(table, at + 16),
      fileSize: u64(table, at + 32),
      memorySize: u64(table, at + 40),
      alignment: u64(table, at + 48),
    };
    // Above 2^53 arithmetic would round. No process has such addresses: user space ends at 2^56.
    const exact =
      Number.isSafeInteger(segment.fileOffset + segment.fileSize) &&
      Number.isSafeInteger(segment.elfAddress + segment.memorySize);
    if (exact) segments.push(segment);
  }
  return segments;
}

function parseSections(source: ByteSource, header: Uint8Array): ElfSection[] | ElfRefusal {
  const tableOffset = u64(header, 40);
  const entryBytes = u16(header, 58);
  let count = u16(header, 60);
  let namesIndex = u16(header, 62);
  if (tableOffset === 0) return [];
  if (entryBytes !== SECTION_BYTES) return { problem: "malformed", detail: `section headers of ${entryBytes} bytes` };
  if (count === 0 || namesIndex === SHN_XINDEX) {
    const first = source.read(tableOffset, SECTION_BYTES);
    if (first === undefined) return refuseRead(source, "malformed", `section headers at ${tableOffset} cannot be read`);
    if (count === 0) count = u64(first, 32);
    if (namesIndex === SHN_XINDEX) namesIndex = u32(first, 40);
  }
  if (count > MAX_SECTIONS) return { problem: "limit-exceeded", detail: `${count} section headers` };
  const view = source.read(tableOffset, count * SECTION_BYTES);
  if (view === undefined) return refuseRead(source, "malformed", `section headers at ${tableOffset} cannot be read`);
  const table = Uint8Array.from(view);
  const names = readNameTable(source, table, namesIndex);
  const sections: ElfSection[] = [];
  for (let at = 0; at < table.length; at += SECTION_BYTES) {
    const type = u32(table, at + 4);
    sections.push({
      name: nameAt(names, u32(table, at)),
      type,
      flags: u32(table, at + 8),
      elfAddress: u64(table, at + 16),
      fileOffset: u64(table, at + 24),
      size: type === SHT_NOBITS ? 0 : u64(table, at + 32),
      memorySize: u64(table, at + 32),
      link: u32(table, at + 40),
      info: u32(table, at + 44),
      entrySize: u64(table, at + 56),
    });
  }
  return sections;
}

function readNameTable(source: ByteSource, table: Uint8Array, index: number): Buffer {
  const at = index * SECTION_BYTES;
  if (at + SECTION_BYTES > table.length) return Buffer.alloc(0);
  const size = Math.min(u64(table, at + 32), MAX_NAME_TABLE_BYTES);
  return source.read(u64(table, at + 24), size) ?? Buffer.alloc(0);
}

function nameAt(names: Buffer, start: number): string {
  if (start >= names.length) return "";
  const limit = Math.min(names.length, start + MAX_SECTION_NAME);
  const end = names.subarray(start, limit).indexOf(0);
  return names.toString("latin1", start, end < 0 ? limit : start + end);
}
