import { crc32 } from "node:zlib";
import { hasDebugInfo } from "../debuginfo/debug-info.js";
import { readBuildId } from "../elf/build-id.js";
import type { ByteSource } from "../elf/byte-source.js";
import { SHT_SYMTAB } from "../elf/constants.js";
import { type ElfFile, findSectionOfType, isRefusal } from "../elf/elf-file.js";
import { parseElf } from "../elf/parser.js";
import type { DebugLink } from "./debug-link.js";

/** Why a file that was found is not the one. Counted. */
export const CHECK_PROBLEMS = [
  "not-elf",
  "wrong-machine",
  "wrong-build-id",
  "wrong-crc",
  /** Nothing tells whose it is: there is no build id, and a CRC of so large a file takes too long. */
  "not-checked",
  /** It is the one, and knows no more than the executable itself. */
  "tells-nothing",
] as const;
export type CheckProblem = (typeof CHECK_PROBLEMS)[number];

/** What a debug file must belong to. */
export interface Belonging {
  readonly elf: ElfFile;
  /** Hex, "" when there is none. */
  readonly buildId: string;
  readonly link: DebugLink | undefined;
}

/** A tenth of a second, or a fifth. */
const MAX_CRC_BYTES = 256 * 1024 * 1024;
const CRC_PIECE_BYTES = 1024 * 1024;

/**
 * Whether the bytes are the debug file of an executable: by the build id, and where one of the two has none, by the CRC that the
 * executable tells. `isKnownByCrc`: that was found out before.
 */
export function checkDebugFile(
  source: ByteSource,
  { elf, buildId, link }: Belonging,
  isKnownByCrc: boolean,
): ElfFile | CheckProblem {
  const other = parseElf(source);
  if (isRefusal(other)) return "not-elf";
  if (other.machine !== elf.machine) return "wrong-machine";
  const isBetter = (hasDebugInfo(other) && !hasDebugInfo(elf)) || (hasSymbols(other) && !hasSymbols(elf));
  const otherId = readBuildId(other);
  if (buildId !== "" && otherId !== "") {
    if (otherId !== buildId) return "wrong-build-id";
  } else if (!isKnownByCrc) {
    if (link === undefined) return "wrong-build-id";
    if (source.size > MAX_CRC_BYTES) return "not-checked";
    if (isBetter && crcOf(source) !== link.crc) return "wrong-crc";
  }
  return isBetter ? other : "tells-nothing";
}

export function hasSymbols(elf: ElfFile): boolean {
  return findSectionOfType(elf, SHT_SYMTAB) !== undefined;
}

/** Of a file that ends early, of what there is. */
function crcOf(source: ByteSource): number {
  const piece = Buffer.allocUnsafeSlow(Math.min(CRC_PIECE_BYTES, source.size));
  let crc = 0;
  for (let at = 0; at < source.size;) {
    const bytes = source.readInto(at, piece);
    if (bytes === 0) break;
    crc = crc32(piece.subarray(0, bytes), crc);
    at += bytes;
  }
  return crc;
}
