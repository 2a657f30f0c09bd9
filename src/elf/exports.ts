import { DT_GNU_HASH, DT_HASH, DT_STRTAB, DT_SYMTAB, SHN_UNDEF } from "./constants.js";
import { readDynamic } from "./dynamic.js";
import { type ElfFile, toFileOffset } from "./elf-file.js";

/** A symbol that a file exports. */
export interface ExportedSymbol {
  /** st_value. */
  readonly elfAddress: number;
  readonly size: number;
}

/** The dynamic symbols of a file, found by name through its hash table: some reads each, however many there are. */
export interface Exports {
  find(name: string): ExportedSymbol | undefined;
}

const SYMBOL_BYTES = 24;
/** Symbols of one chain that are looked at: a hash table made to be slow gets no further. */
const MAX_CHAIN = 256;
const NOTHING: Exports = { find: () => undefined };

/** What finds a file's symbols (System V gABI "Hash Table"; DT_GNU_HASH as glibc's dl-lookup.c reads it). Nothing without a table. */
export function openExports(elf: ElfFile): Exports {
  const dynamic = readDynamic(elf);
  const symbols = offsetOf(elf, dynamic.get(DT_SYMTAB));
  const strings = offsetOf(elf, dynamic.get(DT_STRTAB));
  if (symbols === undefined || strings === undefined) return NOTHING;
  const gnu = offsetOf(elf, dynamic.get(DT_GNU_HASH));
  const sysv = offsetOf(elf, dynamic.get(DT_HASH));
  const candidates =
    gnu !== undefined
      ? (name: string) => gnuChain(elf, gnu, name)
      : sysv !== undefined
        ? (name: string) => sysvChain(elf, sysv, name)
        : undefined;
  if (candidates === undefined) return NOTHING;
  return {
    find(name) {
      for (const index of candidates(name)) {
        const symbol = readSymbol(elf, symbols + index * SYMBOL_BYTES, strings, name);
        if (symbol !== undefined) return symbol;
      }
      return undefined;
    },
  };
}

function offsetOf(elf: ElfFile, elfAddress: number | undefined): number | undefined {
  return elfAddress === undefined ? undefined : toFileOffset(elf, elfAddress);
}

function* gnuChain({ source }: ElfFile, table: number, name: string): Generator<number> {
  const header = source.read(table, 16);
  if (header === undefined) return;
  const [buckets, first, bloomWords] = [0, 4, 8].map((at) => header.readUInt32LE(at));
  const shift = header.readUInt32LE(12);
  if (buckets === 0 || bloomWords === 0) return;
  const hash = gnuHash(name);
  const bloom = source.read(table + 16 + 8 * (Math.floor(hash / 64) % bloomWords), 8)?.readBigUInt64LE(0);
  if (bloom === undefined) return;
  const bits = (1n << BigInt(hash % 64)) | (1n << BigInt((shift > 31 ? 0 : hash >>> shift) % 64));
  if ((bloom & bits) !== bits) return;
  const bucketsAt = table + 16 + 8 * bloomWords;
  const bucket = source.read(bucketsAt + 4 * (hash % buckets), 4)?.readUInt32LE(0);
  if (bucket === undefined || bucket < first) return;
  const chainAt = bucketsAt + 4 * buckets;
  for (let index = bucket; index < bucket + MAX_CHAIN; index++) {
    const entry = source.read(chainAt + 4 * (index - first), 4)?.readUInt32LE(0);
    if (entry === undefined) return;
    if ((entry | 1) >>> 0 === (hash | 1) >>> 0) yield index;
    if ((entry & 1) === 1) return;
  }
}

function* sysvChain({ source }: ElfFile, table: number, name: string): Generator<number> {
  const buckets = source.read(table, 4)?.readUInt32LE(0);
  if (buckets === undefined || buckets === 0) return;
  let index = source.read(table + 8 + 4 * (sysvHash(name) % buckets), 4)?.readUInt32LE(0);
  for (let length = 0; length < MAX_CHAIN && index !== undefined && index !== 0; length++) {
    yield index;
    index = source.read(table + 8 + 4 * (buckets + index), 4)?.readUInt32LE(0);
  }
}

function readSymbol({ source }: ElfFile, at: number, strings: number, name: string): ExportedSymbol | undefined {
  const symbol = source.read(at, SYMBOL_BYTES);
  if (symbol === undefined || symbol.readUInt16LE(6) === SHN_UNDEF) return undefined;
  const nameAt = strings + symbol.readUInt32LE(0);
  const found = { elfAddress: Number(symbol.readBigUInt64LE(8)), size: Number(symbol.readBigUInt64LE(16)) };
  const text = source.read(nameAt, name.length + 1);
  return text?.toString("latin1") === `${name}\0` ? found : undefined;
}

function gnuHash(name: string): number {
  let hash = 5381;
  for (let at = 0; at < name.length; at++) hash = (Math.imul(hash, 33) + name.charCodeAt(at)) >>> 0;
  return hash;
}

function sysvHash(name: string): number {
  let hash = 0;
  for (let at = 0; at < name.length; at++) {
    hash = ((hash << 4) + name.charCodeAt(at)) >>> 0;
    const high = (hash & 0xf0000000) >>> 0;
    hash = (hash ^ (high >>> 24)) & ~high;
  }
  return hash >>> 0;
}
