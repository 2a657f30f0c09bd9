import { type ElfFile, toFileOffset } from "../../elf/elf-file.js";
import { PT_LOAD } from "../../elf/constants.js";
import type { Exports } from "../../elf/exports.js";

/** Of CPython 3. */
export interface PythonVersion {
  readonly minor: number;
  /** As a person says it: "3.12.4". */
  readonly text: string;
}

/** What is looked through of a file for its version. */
const MAX_SCANNED_BYTES = 24 << 20;
const PIECE_BYTES = 1 << 20;
/** Longer than what is looked for: pieces overlap by so much. */
const OVERLAP = 32;
const PF_W = 2;
/** PY_VERSION, as a string of its own: Py_GetVersion and platform code have it (Include/patchlevel.h). */
const PY_VERSION = /\0(3\.(\d{1,2})\.\d{1,3})((?:a|b|rc)\d{1,3})?\+?(?=\0)/g;

/**
 * The version that a file of CPython is: since 3.11 by its symbol Py_Version; before by its version string, which stands
 * among its constants. Undefined where neither says exactly one.
 */
export function readVersion(elf: ElfFile, exports: Exports): PythonVersion | undefined {
  const symbol = exports.find("Py_Version");
  if (symbol !== undefined) {
    const offset = toFileOffset(elf, symbol.elfAddress);
    const hex = offset === undefined ? undefined : elf.source.read(offset, 4)?.readUInt32LE(0);
    // 0x030c04f0 is 3.12.4.
    if (hex === undefined || hex >>> 24 !== 3) return undefined;
    const minor = (hex >>> 16) & 0xff;
    return { minor, text: `3.${minor}.${(hex >>> 8) & 0xff}` };
  }
  return scan(elf);
}

function scan(elf: ElfFile): PythonVersion | undefined {
  const found = new Map<string, number>();
  let left = MAX_SCANNED_BYTES;
  for (const { type, flags, fileOffset, fileSize } of elf.segments) {
    if (type !== PT_LOAD || (flags & PF_W) !== 0) continue;
    for (let at = 0; at < fileSize && left > 0; at += PIECE_BYTES - OVERLAP) {
      const piece = elf.source.read(fileOffset + at, Math.min(PIECE_BYTES, fileSize - at));
      if (piece === undefined) break;
      left -= piece.length;
      for (const [, text, minor] of piece.toString("latin1").matchAll(PY_VERSION)) found.set(text, Number(minor));
    }
  }
  const minors = new Set(found.values());
  if (minors.size !== 1) return undefined;
  const [[text, minor]] = found;
  return { minor, text };
}
