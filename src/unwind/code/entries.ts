import { SHN_UNDEF, SHT_DYNSYM, SHT_SYMTAB, STB_LOCAL, STT_FUNC, STT_GNU_IFUNC } from "../../elf/constants.js";
import { type ElfFile, type ElfSection, toFileOffset } from "../../elf/elf-file.js";
import type { CodeMap } from "./code-map.js";

const SYMBOL_BYTES = 24;
/** Symbols are read where there is code for them: so many bytes of a table for each byte of code, and these in any case. */
const TABLE_BYTES_A_CODE_BYTE = 16;
const MIN_TABLE_BYTES = 64 * 1024;
const MAX_TABLE_BYTES = 24 * 1024 * 1024;
/** Symbols are read so many at a time. */
const BATCH = 512;
const MAX_ARRAY_ENTRIES = 4096;
/** The longest suffix that is looked for, with what stands before it. */
const MAX_NAME_BYTES = 256;

/** Where functions certainly begin: what symbols, the entry point and the arrays of constructors and destructors say. */
export function certainEntries(elf: ElfFile, code: CodeMap): number[] {
  const entries: number[] = [];
  const add = (address: number): void => {
    if (code.addEntry(address)) entries.push(address);
  };
  add(elf.entry);
  for (const section of elf.sections) {
    if (section.name === ".init_array" || section.name === ".fini_array") readArray(elf, section, add);
    if (section.name === ".init" || section.name === ".fini") add(section.elfAddress);
  }
  const budget = Math.min(MAX_TABLE_BYTES, Math.max(MIN_TABLE_BYTES, code.bytes * TABLE_BYTES_A_CODE_BYTE));
  for (const section of elf.sections) {
    if (section.type !== SHT_SYMTAB && section.type !== SHT_DYNSYM) continue;
    if (section.size <= budget) readSymbols(elf, section, code, add);
  }
  return entries;
}

function readArray(elf: ElfFile, section: ElfSection, add: (address: number) => void): void {
  for (let at = 0; at < Math.min(section.size, MAX_ARRAY_ENTRIES * 8); at += 8) {
    const entry = elf.source.read(section.fileOffset + at, 8);
    if (entry === undefined) return;
    add(Number(entry.readBigUInt64LE(0)));
  }
}

function readSymbols(elf: ElfFile, section: ElfSection, code: CodeMap, add: (address: number) => void): void {
  const strings = elf.sections[section.link]?.fileOffset ?? NaN;
  const batch = Buffer.allocUnsafe(BATCH * SYMBOL_BYTES);
  for (let at = 0; at < section.size; at += batch.length) {
    const wanted = Math.min(batch.length, section.size - at);
    const filled = elf.source.readInto(section.fileOffset + at, batch.subarray(0, wanted));
    for (let row = 0; row + SYMBOL_BYTES <= filled; row += SYMBOL_BYTES) {
      const type = batch[row + 4] & 15;
      if ((type !== STT_FUNC && type !== STT_GNU_IFUNC) || batch.readUInt16LE(row + 6) === SHN_UNDEF) continue;
      const address = Number(batch.readBigUInt64LE(row + 8));
      if (code.find(address) === undefined) continue;
      const isLocal = batch[row + 4] >> 4 === STB_LOCAL;
      if (!isLocal || !isPart(elf, strings + batch.readUInt32LE(row))) add(address);
    }
    if (filled < wanted) return;
  }
}

/** gcc puts what is seldom run elsewhere, with a symbol of its own: `name.cold` is entered in the middle of a function. */
function isPart(elf: ElfFile, nameAt: number): boolean {
  const bytes = elf.source.read(nameAt, Math.min(MAX_NAME_BYTES, elf.source.size - nameAt));
  const end = bytes?.indexOf(0) ?? -1;
  return bytes !== undefined && end > 0 && bytes.toString("latin1", 0, end).includes(".cold");
}

/** Reads the targets of a table of jumps; undefined where one of them is not in the code. */
export function readJumpTable(
  elf: ElfFile,
  code: CodeMap,
  table: { readonly address: number; readonly entries: number; readonly isRelative: boolean },
): number[] | undefined {
  const offset = toFileOffset(elf, table.address);
  const size = table.isRelative ? 4 : 8;
  const bytes = offset === undefined ? undefined : elf.source.read(offset, table.entries * size);
  if (bytes === undefined) return undefined;
  const targets: number[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const target = table.isRelative ? table.address + bytes.readInt32LE(at) : Number(bytes.readBigUInt64LE(at));
    if (code.find(target) === undefined) return undefined;
    targets.push(target);
  }
  return targets;
}
