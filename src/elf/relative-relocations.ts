import { DT_RELA, DT_RELASZ, R_AARCH64_RELATIVE, R_X86_64_RELATIVE } from "./constants.js";
import { readDynamic } from "./dynamic.js";
import { type ElfFile, toFileOffset } from "./elf-file.js";
import { u32, u64 } from "./little-endian.js";

const ENTRY_BYTES = 24;
/** libjvm.so has 125,000 of them, Chromium 600,000. */
const MAX_ENTRIES = 1 << 20;
const CHUNK_BYTES = ENTRY_BYTES * 2048;

/** Words of a file that hold addresses of its own, as the dynamic linker makes them. */
export class RelocatedWords {
  /** Addends, 0 where no relocation is. */
  private readonly addends: readonly Float64Array[];

  /**
   * Those of some extents of ELF addresses, each at a multiple of 8 bytes from its extent's start; others are not kept. Where
   * relocations are in DT_RELA the file itself may have zero there.
   */
  constructor(
    private readonly elf: ElfFile,
    private readonly extents: readonly { readonly start: number; readonly bytes: number }[],
  ) {
    this.addends = extents.map(({ bytes }) => new Float64Array(Math.ceil(bytes / 8)));
    const relative = elf.machine === "x86-64" ? R_X86_64_RELATIVE : R_AARCH64_RELATIVE;
    const dynamic = readDynamic(elf);
    const start = toFileOffset(elf, dynamic.get(DT_RELA) ?? 0);
    if (start === undefined) return;
    const bytes = Math.min(dynamic.get(DT_RELASZ) ?? 0, MAX_ENTRIES * ENTRY_BYTES);
    for (let at = 0; at + ENTRY_BYTES <= bytes; at += CHUNK_BYTES) {
      const chunk = elf.source.read(start + at, Math.min(CHUNK_BYTES, bytes - at));
      if (chunk === undefined) return;
      this.take(chunk, relative);
    }
  }

  private take(chunk: Uint8Array, relative: number): void {
    for (let at = 0; at + ENTRY_BYTES <= chunk.length; at += ENTRY_BYTES) {
      if (u32(chunk, at + 8) !== relative || u32(chunk, at + 12) !== 0) continue;
      const target = u64(chunk, at);
      for (const [row, { start, bytes }] of this.extents.entries()) {
        const offset = target - start;
        if (offset < 0 || offset >= bytes || offset % 8 !== 0) continue;
        this.addends[row][offset / 8] = u64(chunk, at + 16);
      }
    }
  }

  /** The ELF address that a word points to; the file's own word where nothing relocates it (DT_RELR leaves it in place). */
  pointer(elfAddress: number): number | undefined {
    for (const [row, { start, bytes }] of this.extents.entries()) {
      const offset = elfAddress - start;
      if (offset < 0 || offset + 8 > bytes || offset % 8 !== 0) continue;
      const addend = this.addends[row][offset / 8];
      if (addend !== 0) return addend;
    }
    const fileOffset = toFileOffset(this.elf, elfAddress);
    const word = fileOffset === undefined ? undefined : this.elf.source.read(fileOffset, 8);
    return word && u64(word, 0);
  }
}
