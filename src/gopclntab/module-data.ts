import { type ElfFile, findSection, toFileOffset } from "../elf/elf-file.js";
import { SHT_NOBITS } from "../elf/constants.js";
import { u64 } from "../elf/little-endian.js";
import type { GoHeader, GoLayout } from "./header.js";
import { loadedWords, relocatedWordsOf } from "./relocated.js";

/** What of runtime/symtab.go's moduledata is needed. ELF addresses. */
export interface ModuleData {
  /** Where the text starts, from which functions are counted. */
  readonly text: number;
  /** Where the inlining trees lie; 0 where functions point to their own. */
  readonly functionData: number;
}

/** Indices of words in moduledata. From Go 1.20 on two more lie before the data of functions. */
const TEXT = 22;
const FUNCTION_DATA: Readonly<Record<GoLayout, number | undefined>> = { "1.16": undefined, "1.18": 38, "1.20": 40 };
const WORDS = 41;

/** Where the linker puts it: a section of its own from Go 1.26 on. */
const SECTIONS = [".go.module", ".noptrdata", ".data", ".data.rel.ro"];
const WORD_BYTES = 8;
const WINDOW_BYTES = 64 * 1024;
/** Of one section. */
const MAX_SEARCHED_BYTES = 64 * 1024 * 1024;
const MAX_CANDIDATES = 16;

/** Found by its first words, which point to the table and its parts; undefined where nothing does. */
export function findModuleData(elf: ElfFile, header: GoHeader): ModuleData | undefined {
  for (const address of candidates(elf, header.elfAddress)) {
    const words = loadedWords(elf, address, WORDS);
    if (words?.[0] !== header.elfAddress) continue;
    // The names' slice comes next: where, how long, how much room.
    if (words[1] !== header.namesAddress || words[2] !== words[3]) continue;
    const functionData = FUNCTION_DATA[header.layout];
    return { text: words[TEXT], functionData: functionData === undefined ? 0 : words[functionData] };
  }
  return undefined;
}

function* candidates(elf: ElfFile, value: number): Generator<number> {
  for (const name of SECTIONS) {
    const section = findSection(elf, name);
    if (section === undefined || section.type === SHT_NOBITS) continue;
    // A section that no segment loads has no address to speak of.
    if (toFileOffset(elf, section.elfAddress) === undefined) continue;
    const size = Math.min(section.size, MAX_SEARCHED_BYTES);
    for (let from = 0; from + WORD_BYTES <= size; from += WINDOW_BYTES) {
      const length = Math.floor(Math.min(WINDOW_BYTES, size - from) / WORD_BYTES) * WORD_BYTES;
      const view = elf.source.read(section.fileOffset + from, length);
      if (view === undefined) break;
      // Whoever takes a candidate reads elsewhere, and moves the window.
      const found: number[] = [];
      for (let at = 0; at < length; at += WORD_BYTES) {
        if (u64(view, at) === value) found.push(section.elfAddress + from + at);
      }
      yield* found;
    }
  }
  yield* relocatedWordsOf(elf, value, MAX_CANDIDATES);
}
