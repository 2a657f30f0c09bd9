import { PT_DYNAMIC } from "./constants.js";
import type { ElfFile } from "./elf-file.js";

const DYNAMIC_ENTRY_BYTES = 16;
const MAX_DYNAMIC_ENTRIES = 512;

/** The dynamic section (System V gABI "Dynamic Section"): value of each tag, the first of each. Empty without one. */
export function readDynamic(elf: ElfFile): ReadonlyMap<number, number> {
  const entries = new Map<number, number>();
  const segment = elf.segments.find(({ type }) => type === PT_DYNAMIC);
  if (segment === undefined) return entries;
  const count = Math.min(Math.floor(segment.fileSize / DYNAMIC_ENTRY_BYTES), MAX_DYNAMIC_ENTRIES);
  for (let row = 0; row < count; row++) {
    const entry = elf.source.read(segment.fileOffset + row * DYNAMIC_ENTRY_BYTES, DYNAMIC_ENTRY_BYTES);
    const tag = entry && Number(entry.readBigUInt64LE(0));
    if (entry === undefined || tag === undefined || tag === 0) break;
    if (!entries.has(tag)) entries.set(tag, Number(entry.readBigUInt64LE(8)));
  }
  return entries;
}
