import { type ElfFile, findSection, isRefusal } from "../elf/elf-file.js";
import { u32 } from "../elf/little-endian.js";
import { openSection } from "../elf/section-source.js";
import { safeBaseName } from "./safe-name.js";

/** What .gnu_debuglink says of the file that debug information was taken into. */
export interface DebugLink {
  /** A name without a folder. */
  readonly name: string;
  /** CRC-32 of the whole file. */
  readonly crc: number;
}

/** A name of 255 bytes, its end, padding, the CRC. */
const MAX_SECTION_BYTES = 1024;

/** Undefined when there is none, or none that makes sense. */
export function readDebugLink(elf: ElfFile): DebugLink | undefined {
  const section = findSection(elf, ".gnu_debuglink");
  const source = section && openSection(elf, section, MAX_SECTION_BYTES);
  if (source === undefined || isRefusal(source) || source.size > MAX_SECTION_BYTES) return undefined;
  const bytes = source.read(0, source.size);
  const end = bytes?.indexOf(0) ?? -1;
  if (bytes === undefined || end < 0) return undefined;
  const crcAt = Math.ceil((end + 1) / 4) * 4;
  const name = safeBaseName(bytes.subarray(0, end));
  if (name === undefined || crcAt + 4 > bytes.length) return undefined;
  return { name, crc: u32(bytes, crcAt) };
}
