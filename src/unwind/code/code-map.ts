import type { ElfFile, ElfSegment } from "../../elf/elf-file.js";

/** In {@link CodeRegion.states}: inside of an instruction. */
export const INSIDE = 0xffff;

/** In {@link CodeRegion.marks}: a function certainly begins here; the state is of the walk that is under way. */
export const ENTRY = 1;
export const MINE = 2;

/** A range of executable bytes that no table describes. */
export interface CodeRegion {
  /** ELF addresses of its first byte and past its last. */
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
  /** For each byte: the number of the state before the instruction that begins there, {@link INSIDE}, or 0. */
  readonly states: Uint16Array;
  /** For each byte: {@link ENTRY}, {@link MINE}. */
  readonly marks: Uint8Array;
}

/** The regions of one file, found by address. */
export class CodeMap {
  readonly regions: readonly CodeRegion[];
  readonly bytes: number;
  #last: CodeRegion | undefined;

  /** `ranges` are of file offsets, ascending; what cannot be read is left out. */
  constructor(elf: ElfFile, segments: readonly ElfSegment[], ranges: readonly (readonly [number, number])[]) {
    const regions: CodeRegion[] = [];
    let total = 0;
    for (const [from, to] of ranges) {
      const segment = segments.find((one) => from >= one.fileOffset && from < one.fileOffset + one.fileSize);
      if (segment === undefined) continue;
      const bytes = new Uint8Array(to - from);
      if (elf.source.readInto(from, bytes) < bytes.length) continue;
      const start = from - segment.fileOffset + segment.elfAddress;
      regions.push({
        start,
        end: start + bytes.length,
        bytes,
        states: new Uint16Array(bytes.length),
        marks: new Uint8Array(bytes.length),
      });
      total += bytes.length;
    }
    this.regions = regions.sort((a, b) => a.start - b.start);
    this.bytes = total;
  }

  /** Notes that a function begins at an address; false where there is no code, or where that is known. */
  addEntry(address: number): boolean {
    const region = this.find(address);
    if (region === undefined || (region.marks[address - region.start] & ENTRY) !== 0) return false;
    region.marks[address - region.start] |= ENTRY;
    return true;
  }

  /** The region that has an address; most questions are about the one asked for last. */
  find(address: number): CodeRegion | undefined {
    const last = this.#last;
    if (last !== undefined && address >= last.start && address < last.end) return last;
    const { regions } = this;
    let low = 0;
    let high = regions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (regions[middle].end <= address) low = middle + 1;
      else high = middle;
    }
    const found = low < regions.length && regions[low].start <= address ? regions[low] : undefined;
    if (found !== undefined) this.#last = found;
    return found;
  }
}
