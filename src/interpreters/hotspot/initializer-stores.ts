import { type ElfFile, executableSegments } from "../../elf/elf-file.js";
import { s32 } from "../../elf/little-endian.js";

/** movq $imm32, disp32(%rip): REX.W C7 /0. What GCC and clang make of storing a constant in a static variable. */
const STORE = Buffer.from([0x48, 0xc7, 0x05]);
const STORE_BYTES = 11;
const CHUNK_BYTES = 1 << 20;
/** libjvm.so has 17 MiB of code. */
const MAX_CODE_BYTES = 128 << 20;

export interface Extent {
  readonly start: number;
  readonly bytes: number;
}

/**
 * Constants that a file's own code stores into its static variables, for those in some extents of ELF addresses: value by
 * ELF address, NaN where two stores of one address differ: it is then no constant. x86-64 only.
 *
 * HotSpot's tables of offsets are C++ objects whose constructors run when the library is loaded, and compilers do not always
 * fold what offset_of() says (globalDefinitions_gcc.hpp) into constants of the file: the table is in the file, the
 * offsets in its column are not, but in the instructions that store them.
 */
export function readInitializerStores(elf: ElfFile, extents: readonly Extent[]): Map<number, number> {
  const stores = new Map<number, number>();
  if (elf.machine !== "x86-64") return stores;
  for (const { fileOffset, fileSize, elfAddress } of executableSegments(elf)) {
    const end = Math.min(fileSize, MAX_CODE_BYTES);
    for (let at = 0; at < end; at += CHUNK_BYTES) {
      const code = elf.source.read(fileOffset + at, Math.min(CHUNK_BYTES + STORE_BYTES - 1, end - at));
      if (code === undefined) break;
      takeStores(code, elfAddress + at, extents, stores);
    }
  }
  return stores;
}

function takeStores(code: Buffer, start: number, extents: readonly Extent[], stores: Map<number, number>): void {
  for (let at = code.indexOf(STORE); at >= 0; at = code.indexOf(STORE, at + 1)) {
    if (at + STORE_BYTES > code.length) return;
    const target = start + at + STORE_BYTES + s32(code, at + 3);
    if (!extents.some((extent) => target >= extent.start && target < extent.start + extent.bytes)) continue;
    const value = s32(code, at + 7);
    stores.set(target, (stores.get(target) ?? value) === value ? value : NaN);
  }
}
