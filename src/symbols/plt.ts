import {
  R_AARCH64_GLOB_DAT,
  R_AARCH64_IRELATIVE,
  R_AARCH64_JUMP_SLOT,
  R_X86_64_GLOB_DAT,
  R_X86_64_IRELATIVE,
  R_X86_64_JUMP_SLOT,
  SHT_DYNSYM,
  SHT_RELA,
} from "../elf/constants.js";
import {
  type ElfFile,
  type ElfSection,
  findSection,
  findSectionOfType,
  isRefusal,
  toFileOffset,
} from "../elf/elf-file.js";
import { s32, u32, u64 } from "../elf/little-endian.js";
import { openSection } from "../elf/section-source.js";
import { upperBound } from "../util/upper-bound.js";
import { MAX_ROWS, RowSorter, type SortedRows } from "./sorted-rows.js";
import { readName } from "./string-table.js";
import type { FoundSymbol } from "./symbol-table.js";

/** Sections of stubs that jump through the GOT: the classic one, that of IBT (`.sec`), that for GLOB_DAT slots (`.got`). */
const STUB_SECTIONS = [".plt", ".plt.sec", ".plt.got", ".iplt"];
const RELOCATION_BYTES = 24;
const SYMBOL_BYTES = 24;
const CHUNK_BYTES = RELOCATION_BYTES * 2048;

/**
 * The relocations of one section that fill slots of the GOT, sorted by the slots' ELF addresses. What they put there is
 * read from the file when a stub is asked for.
 */
export interface SlotTable extends SortedRows {
  readonly section: ElfSection;
}

/** Sections of such relocations; .rela.dyn, which can have a million others, only when a slot is in none before it. */
const RELOCATION_SECTIONS = [".rela.plt", ".rela.iplt", ".rela.dyn"];

/** Tables in the order in which they are searched, each read when those before it did not have a slot. */
export type SlotTables = Map<string, SlotTable | undefined>;

function readSlotTable(elf: ElfFile, section: ElfSection): SlotTable | undefined {
  const source = openSection(elf, section, 0);
  if (isRefusal(source)) return undefined;
  const wanted = slotRelocations(elf);
  const count = Math.min(Math.floor(source.size / RELOCATION_BYTES), MAX_ROWS);
  const rows: number[] = [];
  const base = Math.min(...elf.segments.map((segment) => segment.elfAddress), Number.MAX_SAFE_INTEGER);
  const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, count * RELOCATION_BYTES));
  for (let first = 0; first < count; first += CHUNK_BYTES / RELOCATION_BYTES) {
    const bytes = source.readInto(first * RELOCATION_BYTES, chunk);
    for (let at = 0; at + RELOCATION_BYTES <= bytes; at += RELOCATION_BYTES) {
      if (wanted.includes(u32(chunk, at + 8))) rows.push(u64(chunk, at), first + at / RELOCATION_BYTES);
    }
  }
  const sorter = new RowSorter(base, rows.length / 2);
  for (let at = 0; at < rows.length; at += 2) sorter.add(rows[at], rows[at + 1]);
  return { ...sorter.finish(), section };
}

/** GLOB_DAT, JUMP_SLOT, IRELATIVE. */
function slotRelocations(elf: ElfFile): readonly number[] {
  return elf.machine === "x86-64"
    ? [R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT, R_X86_64_IRELATIVE]
    : [R_AARCH64_GLOB_DAT, R_AARCH64_JUMP_SLOT, R_AARCH64_IRELATIVE];
}

/** What is put into a slot: a dynamic symbol, by its index, or (symbol 0) what the function at `resolver` chooses. */
interface SlotContent {
  readonly symbol: number;
  /** ELF address. */
  readonly resolver: number;
}

function contentOf(elf: ElfFile, tables: SlotTables, slot: number): SlotContent | undefined {
  for (const name of RELOCATION_SECTIONS) {
    if (!tables.has(name)) {
      const section = elf.sections.find((candidate) => candidate.name === name && candidate.type === SHT_RELA);
      tables.set(name, section && readSlotTable(elf, section));
    }
    const table = tables.get(name);
    if (table === undefined) continue;
    const at = upperBound(table.starts, slot - table.base) - 1;
    if (at < 0 || table.starts[at] !== slot - table.base) continue;
    const source = openSection(elf, table.section, 0);
    const relocation = isRefusal(source) ? undefined : source.read(table.rows[at] * RELOCATION_BYTES, RELOCATION_BYTES);
    return relocation && { symbol: u32(relocation, 12), resolver: u64(relocation, 16) };
  }
  return undefined;
}

/** Sections that hold stubs. */
export function stubSections(elf: ElfFile): ElfSection[] {
  return elf.sections.filter(({ name }) => STUB_SECTIONS.includes(name));
}

export function stubSectionOf(elf: ElfFile, elfAddress: number): ElfSection | undefined {
  return elf.sections.find(
    (section) =>
      STUB_SECTIONS.includes(section.name) &&
      elfAddress >= section.elfAddress &&
      elfAddress < section.elfAddress + section.size,
  );
}

/**
 * The stub that an address in a section of stubs belongs to, named after what it jumps to: `write@plt`. Undefined for
 * the section's head, which is nobody's. `resolverName` names the function that chooses an IRELATIVE slot's target.
 */
export function findStub(
  elf: ElfFile,
  section: ElfSection,
  tables: SlotTables,
  elfAddress: number,
  resolverName: (elfAddress: number) => string | undefined,
): FoundSymbol | undefined {
  const stub =
    elf.machine === "x86-64" ? decodeX86Stub(elf, section, elfAddress) : decodeArmStub(elf, section, elfAddress);
  if (stub === undefined) return undefined;
  const content = contentOf(elf, tables, stub.slot);
  if (content === undefined) return undefined;
  const name = content.symbol === 0 ? resolverName(content.resolver) : dynamicSymbolName(elf, content.symbol);
  return name === undefined || name === ""
    ? undefined
    : { systemName: `${name.replace(/@.*/, "")}@plt`, start: stub.start, from: elfAddress, limit: elfAddress + 1 };
}

interface Stub {
  /** ELF address. */
  readonly start: number;
  /** ELF address of the GOT slot that it jumps through. */
  readonly slot: number;
}

/** `[endbr64] [bnd] jmp *slot(%rip)`; before binding, `.plt` of IBT holds `endbr64; push n; jmp`, with the jump in `.plt.sec`. */
function decodeX86Stub(elf: ElfFile, section: ElfSection, elfAddress: number): Stub | undefined {
  const offset = elfAddress - section.elfAddress;
  const entryBytes = isShortX86Stub(elf, elfAddress - (offset % 8)) ? 8 : 16;
  const start = elfAddress - (offset % entryBytes);
  const code = readCode(elf, start, entryBytes);
  if (code === undefined) return undefined;
  let at = u32(code, 0) === 0xfa1e0ff3 ? 4 : 0;
  if (at === 4 && code.length > 8 && code[4] === 0x68) return { start, slot: slotOfIndex(elf, u32(code, 5)) };
  if (code[at] === 0xf2) at++;
  if (code[at] !== 0xff || code[at + 1] !== 0x25 || at + 6 > code.length) return undefined;
  return { start, slot: start + at + 6 + s32(code, at + 2) };
}

/** `jmp *slot(%rip); xchg %ax,%ax`: 8 bytes, in .plt.got, and in the .plt of static programs, which gives no entry size. */
function isShortX86Stub(elf: ElfFile, elfAddress: number): boolean {
  const code = readCode(elf, elfAddress, 8);
  return code?.[0] === 0xff && code[1] === 0x25 && code[6] === 0x66 && code[7] === 0x90;
}

/** The GOT slot of the n-th relocation of .rela.plt. */
function slotOfIndex(elf: ElfFile, index: number): number {
  const section = findSection(elf, ".rela.plt");
  const source = section && openSection(elf, section, 0);
  if (source === undefined || isRefusal(source)) return -1;
  const relocation = source.read(index * RELOCATION_BYTES, RELOCATION_BYTES);
  return relocation === undefined ? -1 : u64(relocation, 0);
}

/** The longest stub: `bti c; adrp x16; ldr x17; add x16; br x17; nop`. */
const ARM_STUB_INSTRUCTIONS = 6;

/** Stubs are found by their `adrp x16`, wherever the linker's variant (BTI, PAC) puts it. */
function decodeArmStub(elf: ElfFile, section: ElfSection, elfAddress: number): Stub | undefined {
  for (let back = -1; back < ARM_STUB_INSTRUCTIONS; back++) {
    const at = elfAddress - (elfAddress % 4) - 4 * back;
    if (at < section.elfAddress) return undefined;
    const code = readCode(elf, at, 8);
    if (code === undefined) continue;
    const adrp = u32(code, 0);
    const load = u32(code, 4);
    if ((adrp & 0x9f00001f) >>> 0 !== 0x90000010 || (load & 0xffc003ff) >>> 0 !== 0xf9400211) continue;
    // 21 bits of pages, signed: the high 19 at bit 5, the low 2 at bit 29.
    const pages = (((adrp << 8) >> 13) << 2) | ((adrp >>> 29) & 3);
    const slot = at - (at % 4096) + pages * 4096 + ((load >>> 10) & 0xfff) * 8;
    const before = at - 4 >= section.elfAddress ? readCode(elf, at - 4, 4) : undefined;
    const landingPad = before !== undefined && u32(before, 0) === 0xd503245f;
    const start = landingPad ? at - 4 : at;
    // That of the next stub, when the address is this one's last instruction.
    if (elfAddress >= start) return { start, slot };
  }
  return undefined;
}

function readCode(elf: ElfFile, elfAddress: number, length: number): Uint8Array | undefined {
  const fileOffset = toFileOffset(elf, elfAddress);
  const view = fileOffset === undefined ? undefined : elf.source.read(fileOffset, length);
  return view && Uint8Array.from(view);
}

function dynamicSymbolName(elf: ElfFile, index: number): string | undefined {
  const section = findSectionOfType(elf, SHT_DYNSYM);
  const symbols = section && openSection(elf, section, 0);
  const strings = section && elf.sections[section.link];
  const names = strings && openSection(elf, strings, 0);
  if (symbols === undefined || isRefusal(symbols) || names === undefined || isRefusal(names)) return undefined;
  const entry = symbols.read(index * SYMBOL_BYTES, SYMBOL_BYTES);
  return entry && readName(names, u32(entry, 0));
}
