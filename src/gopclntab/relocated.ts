import { type ElfFile, toFileOffset } from "../elf/elf-file.js";
import { u64 } from "../elf/little-endian.js";

/** sh_type of relocations with an addend (System V gABI, chapter 4). */
const SHT_RELA = 4;
const ENTRY_BYTES = 24;
/** "The word at this address is the load address and the addend": R_X86_64_RELATIVE, R_AARCH64_RELATIVE. */
const RELATIVE = new Map([
  ["x86-64", 8],
  ["aarch64", 1027],
]);
const WINDOW_ENTRIES = 2048;
/** Kubernetes' kubelet, position-independent, has some 300,000. */
const MAX_ENTRIES = 8_000_000;

/** Calls with each word that the loader will write, and the ELF address it will hold. `visit` returns whether to go on. */
function eachRelocation(elf: ElfFile, visit: (address: number, value: number) => boolean): void {
  const relative = RELATIVE.get(elf.machine);
  for (const { type, fileOffset, size } of elf.sections) {
    if (type !== SHT_RELA) continue;
    const count = Math.min(MAX_ENTRIES, Math.floor(size / ENTRY_BYTES));
    for (let first = 0; first < count; first += WINDOW_ENTRIES) {
      const entries = Math.min(WINDOW_ENTRIES, count - first);
      const window = elf.source.read(fileOffset + first * ENTRY_BYTES, entries * ENTRY_BYTES);
      if (window === undefined) break;
      for (let at = 0; at < window.length; at += ENTRY_BYTES) {
        // The symbol, in the upper half of r_info, is none.
        if (u64(window, at + 8) === relative && !visit(u64(window, at), u64(window, at + 16))) return;
      }
    }
  }
}

/** Addresses of the words that the loader will make point to `value`; at most so many. */
export function relocatedWordsOf(elf: ElfFile, value: number, most: number): readonly number[] {
  const addresses: number[] = [];
  eachRelocation(elf, (address, found) => {
    if (found === value) addresses.push(address);
    return addresses.length < most;
  });
  return addresses;
}

/** The words from `address` on as they are once the program is loaded, at load address 0; undefined outside the file. */
export function loadedWords(elf: ElfFile, address: number, count: number): readonly number[] | undefined {
  const offset = toFileOffset(elf, address);
  const bytes = offset === undefined ? undefined : elf.source.read(offset, count * 8);
  if (bytes === undefined) return undefined;
  const words = Array.from({ length: count }, (_, index) => u64(bytes, index * 8));
  eachRelocation(elf, (word, value) => {
    const index = (word - address) / 8;
    if (Number.isInteger(index) && index >= 0 && index < count) words[index] = value;
    return true;
  });
  return words;
}
