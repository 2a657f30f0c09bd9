import { type ByteSource, SliceSource } from "../elf/byte-source.js";
import { PT_GNU_EH_FRAME, PT_LOAD } from "../elf/constants.js";
import { type ElfFile, toFileOffset } from "../elf/elf-file.js";
import { Cursor } from "./cursor.js";
import { readEncodedPointer } from "./encoded-pointer.js";

/** .eh_frame as found without section headers. */
export interface LocatedEhFrame {
  /** From its first byte to the end of the segment: where it really ends, only the FDE count tells. */
  readonly source: ByteSource;
  readonly elfAddress: number;
  readonly fdeCount: number;
}

/** Version, three encodings, two pointers of at most ten bytes. */
const MAX_HEADER_BYTES = 24;

/**
 * Finds .eh_frame through PT_GNU_EH_FRAME, as the C++ runtime does (LSB Core 5.0, 10.6.2): it works where section headers
 * are stripped. Undefined when the file has no such header, or one that leads nowhere.
 */
export function locateEhFrame(elf: ElfFile): LocatedEhFrame | undefined {
  const segment = elf.segments.find((candidate) => candidate.type === PT_GNU_EH_FRAME);
  if (segment === undefined) return undefined;
  const bytes = elf.source.read(segment.fileOffset, Math.min(segment.fileSize, MAX_HEADER_BYTES));
  if (bytes === undefined) return undefined;
  const cursor = new Cursor(bytes);
  const version = cursor.u8();
  const pointerEncoding = cursor.u8();
  const countEncoding = cursor.u8();
  cursor.u8();
  const bases = { text: NaN, data: segment.elfAddress };
  const elfAddress = readEncodedPointer(cursor, pointerEncoding, segment.elfAddress, bases);
  const fdeCount = readEncodedPointer(cursor, countEncoding, segment.elfAddress, bases);
  if (version !== 1 || cursor.failed || !(elfAddress > 0)) return undefined;

  const fileOffset = toFileOffset(elf, elfAddress);
  const home = elf.segments.find(({ type, fileOffset: start, fileSize }) => {
    return type === PT_LOAD && fileOffset !== undefined && fileOffset >= start && fileOffset < start + fileSize;
  });
  if (fileOffset === undefined || home === undefined) return undefined;
  const source = new SliceSource(elf.source, fileOffset, home.fileOffset + home.fileSize - fileOffset);
  // DW_EH_PE_omit, for the count: the header has no table, and the terminator is the end.
  return { source, elfAddress, fdeCount: fdeCount >= 0 ? fdeCount : Number.MAX_SAFE_INTEGER };
}
