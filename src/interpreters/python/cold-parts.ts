import { SHT_SYMTAB } from "../../elf/constants.js";
import { type ElfFile, findSectionOfType } from "../../elf/elf-file.js";
import { limits } from "../../native/abi.generated.js";
import type { CodeRange } from "../code-range.js";

/** What gcc calls the part of the loop that it takes for rarely run; BOLT counts them. */
const PREFIX = Buffer.from("\0_PyEval_EvalFrameDefault.cold");
/** A debug build's tables have some megabytes. */
const MAX_STRINGS = 32 << 20;
const MAX_SYMBOLS = 1 << 20;
const PIECE = 4096;
const SYMBOL_BYTES = 24;

/** Pieces of the loop that the compiler put elsewhere, as .symtab names them; none for a file without one. */
export function coldParts(elf: ElfFile): CodeRange[] {
  const symbols = findSectionOfType(elf, SHT_SYMTAB);
  const strings = symbols && elf.sections[symbols.link];
  if (symbols === undefined || strings === undefined || strings.size > MAX_STRINGS) return [];
  const names = namesIn(elf.source.read(strings.fileOffset, strings.size));
  const parts: CodeRange[] = [];
  if (names.size === 0) return parts;
  const count = Math.min(Math.floor(symbols.size / SYMBOL_BYTES), MAX_SYMBOLS);
  for (let first = 0; first < count; first += PIECE) {
    const rows = Math.min(PIECE, count - first);
    const piece = elf.source.read(symbols.fileOffset + first * SYMBOL_BYTES, rows * SYMBOL_BYTES);
    if (piece === undefined) break;
    for (let row = 0; row < rows; row++) {
      if (!names.has(piece.readUInt32LE(row * SYMBOL_BYTES))) continue;
      const elfAddress = Number(piece.readBigUInt64LE(row * SYMBOL_BYTES + 8));
      const size = Number(piece.readBigUInt64LE(row * SYMBOL_BYTES + 16));
      if (size > 0 && parts.length < limits.codeRanges - 1) parts.push({ elfAddress, size, role: 0 });
    }
  }
  return parts;
}

/** Where such names begin in a string table. */
function namesIn(strings: Buffer | undefined): ReadonlySet<number> {
  const names = new Set<number>();
  if (strings === undefined) return names;
  for (let at = strings.indexOf(PREFIX); at >= 0 && names.size < limits.codeRanges; at = strings.indexOf(PREFIX, at + 1)) {
    names.add(at + 1);
  }
  return names;
}
