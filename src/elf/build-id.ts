import { NT_GNU_BUILD_ID, PT_NOTE, SHT_NOTE } from "./constants.js";
import type { ElfFile } from "./elf-file.js";
import { u32 } from "./little-endian.js";

/** SHA-1 gives 20 bytes; linkers let people choose their own, and longer ones are refused. */
const MAX_BUILD_ID_BYTES = 64;
const MAX_NOTES_BYTES = 64 * 1024;
const NOTE_HEADER_BYTES = 12;

/**
 * The GNU build ID, hex in lower case; "" when there is none. Program headers first: they survive what strips section
 * headers. Section headers too, because a relocatable or separate debug file may have the note without a segment.
 */
export function readBuildId(elf: ElfFile): string {
  for (const segment of elf.segments) {
    if (segment.type !== PT_NOTE) continue;
    const id = findInNotes(elf, segment.fileOffset, segment.fileSize, segment.alignment);
    if (id !== "") return id;
  }
  for (const section of elf.sections) {
    if (section.type !== SHT_NOTE) continue;
    const id = findInNotes(elf, section.fileOffset, section.size, 4);
    if (id !== "") return id;
  }
  return "";
}

function findInNotes(elf: ElfFile, fileOffset: number, size: number, alignment: number): string {
  const notes = elf.source.read(fileOffset, Math.min(size, MAX_NOTES_BYTES));
  if (notes === undefined) return "";
  // Only .note.gnu.property is laid out in eights (x86-64 psABI); all other notes are in fours, whatever p_align says.
  const padding = alignment === 8 ? 7 : 3;
  let at = 0;
  while (at + NOTE_HEADER_BYTES <= notes.length) {
    const nameBytes = u32(notes, at);
    const contentBytes = u32(notes, at + 4);
    const contentAt = at + NOTE_HEADER_BYTES + roundUp(nameBytes, padding);
    if (contentAt + contentBytes > notes.length) return "";
    const isGnu = nameBytes === 4 && notes.toString("latin1", at + 12, at + 16) === "GNU\0";
    if (isGnu && u32(notes, at + 8) === NT_GNU_BUILD_ID && contentBytes > 0 && contentBytes <= MAX_BUILD_ID_BYTES) {
      return notes.toString("hex", contentAt, contentAt + contentBytes);
    }
    at = contentAt + roundUp(contentBytes, padding);
  }
  return "";
}

function roundUp(bytes: number, padding: number): number {
  return Math.ceil(bytes / (padding + 1)) * (padding + 1);
}
