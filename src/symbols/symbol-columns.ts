import { SHF_EXECINSTR, SHN_UNDEF, STT_FUNC, STT_GNU_IFUNC, STT_NOTYPE } from "../elf/constants.js";
import {
  type ElfFile,
  type ElfRefusal,
  type ElfSection,
  type ElfSegment,
  executableSegments,
  isRefusal,
} from "../elf/elf-file.js";
import { openSection } from "../elf/section-source.js";
import { MAX_ROWS } from "./sorted-rows.js";

/** Functions have a type; labels are what assembly leaves without one, in executable sections. */
export type SymbolKind = "functions" | "labels";

/** Symbols of a table in the order of the file, as parallel columns. */
export interface SymbolColumns {
  /** From the table's base. */
  readonly starts: Uint32Array;
  /** 0 where a symbol has none, and reaches to the next one. */
  readonly sizes: Uint32Array;
  /** The number of each in the file's table. */
  readonly rows: Uint32Array;
}

/** Elf64_Sym: st_name, st_info, st_other, st_shndx, st_value, st_size. */
export const ENTRY_BYTES = 24;
const ENTRY_WORDS = ENTRY_BYTES / 4;
export const MAX_OFFSET = 2 ** 32 - 1;
const CHUNK_ENTRIES = 2048;
const WORD = 2 ** 32;

const FUNCTION_TYPES = (1 << STT_FUNC) | (1 << STT_GNU_IFUNC);
const LABEL_TYPES = 1 << STT_NOTYPE;

/**
 * The symbols of one kind that lie in code, no further than 4 GiB from `base`. By words, which are little-endian as every machine
 * that this runs on, and without a call for each: most workers read one large table, and end before V8 has compiled anything.
 */
export function readSymbolColumns(
  elf: ElfFile,
  section: ElfSection,
  kind: SymbolKind,
  base: number,
): SymbolColumns | ElfRefusal {
  const source = openSection(elf, section, 0);
  if (isRefusal(source)) return source;
  const count = Math.floor(source.size / ENTRY_BYTES);
  if (count > MAX_ROWS) return { problem: "limit-exceeded", detail: `${section.name} has ${count} symbols` };
  const segments = executableSegments(elf);
  const types = kind === "functions" ? FUNCTION_TYPES : LABEL_TYPES;
  const mayLieIn = sectionsOf(elf, kind);
  const starts = new Uint32Array(count);
  const sizes = new Uint32Array(count);
  const rows = new Uint32Array(count);
  let length = 0;
  const words = new Uint32Array(ENTRY_WORDS * Math.min(CHUNK_ENTRIES, count));
  const chunk = new Uint8Array(words.buffer);
  for (let first = 0; first < count; first += CHUNK_ENTRIES) {
    const entries = Math.floor(source.readInto(first * ENTRY_BYTES, chunk) / ENTRY_BYTES);
    if (source.failure !== undefined) return { problem: "read-failed", detail: `${section.name}: ${source.failure}` };
    for (let entry = 0, word = 0; entry < entries; entry++, word += ENTRY_WORDS) {
      const info = words[word + 1];
      if (((1 << (info & 15)) & types) === 0 || mayLieIn[info >>> 16] === 0) continue;
      const value = words[word + 3] * WORD + words[word + 2];
      if (!(value - base <= MAX_OFFSET) || !isWithin(segments, value)) continue;
      starts[length] = value - base;
      sizes[length] = words[word + 5] > 0 ? MAX_OFFSET : words[word + 4];
      rows[length++] = first + entry;
    }
  }
  return { starts: starts.subarray(0, length), sizes: sizes.subarray(0, length), rows: rows.subarray(0, length) };
}

/** By st_shndx, 0 where a symbol of that kind does not count. Numbers beyond the last section have other meanings (SHN_ABS). */
function sectionsOf(elf: ElfFile, kind: SymbolKind): Uint8Array {
  const mayLieIn = new Uint8Array(2 ** 16);
  if (kind === "functions") {
    mayLieIn.fill(1);
    mayLieIn[SHN_UNDEF] = 0;
  } else {
    const sections = elf.sections.slice(0, mayLieIn.length);
    mayLieIn.set(sections.map(({ flags }) => Number((flags & SHF_EXECINSTR) !== 0)));
  }
  return mayLieIn;
}

function isWithin(segments: readonly ElfSegment[], elfAddress: number): boolean {
  for (const { elfAddress: start, memorySize } of segments) {
    if (elfAddress >= start && elfAddress < start + memorySize) return true;
  }
  return false;
}
