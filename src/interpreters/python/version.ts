import { type ElfFile, toFileOffset } from "../../elf/elf-file.js";
import { PF_X, PT_LOAD } from "../../elf/constants.js";
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
const OVERLAP = 64;
const PF_W = 2;
/** The folder of the standard library, which Modules/getpath.c looks for. */
const LIBRARY = /[\0/]python3\.(\d{1,2})(?=\0)/g;
/** PY_VERSION (Include/patchlevel.h), alone or as the end of a longer string: linkers join the two. */
const PY_VERSION = /(?<![\d.])3\.(\d{1,2})\.(\d{1,3})\+?(?=\0)/g;

/**
 * The version that a file of CPython is: since 3.11 by its symbol Py_Version; before by strings among its constants. Undefined
 * where neither says exactly one minor version.
 */
export function readVersion(elf: ElfFile, exports: Exports): PythonVersion | undefined {
  const symbol = exports.find("Py_Version");
  if (symbol === undefined) return scan(elf);
  const offset = toFileOffset(elf, symbol.elfAddress);
  const hex = offset === undefined ? undefined : elf.source.read(offset, 4)?.readUInt32LE(0);
  // 0x030c04f0 is 3.12.4.
  if (hex === undefined || hex >>> 24 !== 3) return undefined;
  const minor = (hex >>> 16) & 0xff;
  return { minor, text: `3.${minor}.${(hex >>> 8) & 0xff}` };
}

function scan(elf: ElfFile): PythonVersion | undefined {
  const minors = new Set<number>();
  const releases = new Map<number, Set<string>>();
  for (const piece of constantsOf(elf)) {
    for (const [, minor] of piece.matchAll(LIBRARY)) minors.add(Number(minor));
    for (const [, minor, micro] of piece.matchAll(PY_VERSION)) {
      releases.set(Number(minor), (releases.get(Number(minor)) ?? new Set()).add(micro));
    }
  }
  if (minors.size !== 1) return undefined;
  const [minor] = minors;
  const micros = [...(releases.get(minor) ?? [])];
  return { minor, text: micros.length === 1 ? `3.${minor}.${micros[0]}` : `3.${minor}` };
}

/** What is loaded and not written to, in pieces. */
function* constantsOf(elf: ElfFile): Generator<string> {
  let left = MAX_SCANNED_BYTES;
  for (const { type, flags, fileOffset, fileSize } of elf.segments) {
    if (type !== PT_LOAD || (flags & PF_W) !== 0 || (flags & PF_X) !== 0) continue;
    for (let at = 0; at < fileSize && left > 0; at += PIECE_BYTES - OVERLAP) {
      const piece = elf.source.read(fileOffset + at, Math.min(PIECE_BYTES, fileSize - at));
      if (piece === undefined) break;
      left -= piece.length;
      yield piece.toString("latin1");
    }
  }
}
