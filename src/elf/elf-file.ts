import type { ByteSource } from "./byte-source.js";
import { PF_X, PT_LOAD } from "./constants.js";

/** Why bytes could not be used. Counted by whoever asked; never thrown. */
export type ElfProblem = "not-elf" | "wrong-machine" | "malformed" | "limit-exceeded" | "read-failed";

export interface ElfRefusal {
  readonly problem: ElfProblem;
  /** One clause for a log line: "section header table at 0x1f0 lies beyond the end". */
  readonly detail: string;
}

export type Machine = "x86-64" | "aarch64";

/** A program header. */
export interface ElfSegment {
  /** p_type: PT_LOAD, PT_NOTE, … */
  readonly type: number;
  /** p_flags: PF_X, … */
  readonly flags: number;
  readonly fileOffset: number;
  /** p_vaddr. */
  readonly elfAddress: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly alignment: number;
}

/** A section header. */
export interface ElfSection {
  /** At most {@link MAX_SECTION_NAME} characters of it; "" when the name cannot be read. */
  readonly name: string;
  /** sh_type: SHT_SYMTAB, … */
  readonly type: number;
  /** sh_flags, low 32 bits. */
  readonly flags: number;
  readonly elfAddress: number;
  readonly fileOffset: number;
  /** Bytes in the file, compressed if they are (none for SHT_NOBITS). Not yet checked against the file's size. */
  readonly size: number;
  /** Bytes that it has where it is loaded, in another file's memory if this one is of debug information alone. */
  readonly memorySize: number;
  /** Index of a related section: the string table of a symbol table. */
  readonly link: number;
  readonly info: number;
  readonly entrySize: number;
}

/** The headers of a 64-bit little-endian ELF file. Nothing in them is to be trusted beyond its type. */
export interface ElfFile {
  readonly source: ByteSource;
  readonly machine: Machine;
  /** e_type: ET_EXEC, ET_DYN, … */
  readonly type: number;
  /** ELF address of the entry point, 0 when there is none. */
  readonly entry: number;
  readonly segments: readonly ElfSegment[];
  /** By section index; empty when there are none or they could not be read. */
  readonly sections: readonly ElfSection[];
  /** Why {@link ElfFile.sections} is empty although the header promises some. */
  readonly sectionRefusal: ElfRefusal | undefined;
}

export const MAX_SECTION_NAME = 128;

export function isRefusal<T extends object>(result: T | ElfRefusal): result is ElfRefusal {
  return "problem" in result;
}

/** The segments that are mapped executable and have bytes in the file. */
export function executableSegments(elf: ElfFile): ElfSegment[] {
  return elf.segments.filter(
    (segment) => segment.type === PT_LOAD && (segment.flags & PF_X) !== 0 && segment.fileSize > 0,
  );
}

/** The segment that loads a file offset, an executable one first; undefined when nothing loads that part of the file. */
export function segmentOf(elf: ElfFile, fileOffset: number): ElfSegment | undefined {
  let found: ElfSegment | undefined;
  for (const segment of elf.segments) {
    if (segment.type !== PT_LOAD) continue;
    if (fileOffset < segment.fileOffset || fileOffset >= segment.fileOffset + segment.fileSize) continue;
    if ((segment.flags & PF_X) !== 0) return segment;
    found ??= segment;
  }
  return found;
}

/** The ELF address of a file offset; undefined when nothing loads that part of the file. */
export function toElfAddress(elf: ElfFile, fileOffset: number): number | undefined {
  const segment = segmentOf(elf, fileOffset);
  return segment && fileOffset - segment.fileOffset + segment.elfAddress;
}

/** The file offset of an ELF address; undefined when no segment has bytes of the file there. */
export function toFileOffset(elf: ElfFile, elfAddress: number): number | undefined {
  for (const segment of elf.segments) {
    if (segment.type !== PT_LOAD) continue;
    if (elfAddress < segment.elfAddress || elfAddress >= segment.elfAddress + segment.fileSize) continue;
    return elfAddress - segment.elfAddress + segment.fileOffset;
  }
  return undefined;
}

/** The first section of that name that has bytes in the file's tables. */
export function findSection(elf: ElfFile, name: string): ElfSection | undefined {
  return elf.sections.find((section) => section.name === name);
}

/** The first section of that type. */
export function findSectionOfType(elf: ElfFile, type: number): ElfSection | undefined {
  return elf.sections.find((section) => section.type === type);
}
