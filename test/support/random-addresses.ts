import { type ElfFile, findSection } from "#src/elf/elf-file.js";

/** Addresses anywhere in the file's .text, distinct and ascending; the same ones for the same seed. */
export function randomAddresses(elf: ElfFile, count: number, seed = 1): Float64Array {
  const text = findSection(elf, ".text");
  if (text === undefined) throw new Error("the program has no .text");
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  const addresses = new Set<number>();
  while (addresses.size < Math.min(count, text.size / 4)) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    addresses.add(text.elfAddress + Math.floor((state / 2 ** 32) * text.size));
  }
  return Float64Array.from(addresses).sort();
}
