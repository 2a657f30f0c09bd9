import { type ElfFile, toFileOffset } from "../../elf/elf-file.js";
import type { Exports } from "../../elf/exports.js";
import { s32, u64 } from "../../elf/little-endian.js";
import { RelocatedWords } from "../../elf/relative-relocations.js";
import { readInitializerStores, type Extent } from "./initializer-stores.js";

/** What a libjvm.so says of its own structures, for debuggers (hotspot/share/runtime/vmStructs.cpp). */
export interface VmStructs {
  /** Bytes from the start of an object of the type to a field of its own; not of what it inherits. */
  offset(type: string, field: string): number | undefined;
  /** ELF address of a static field. */
  address(type: string, field: string): number | undefined;
  /** sizeof, bytes. */
  size(type: string): number | undefined;
  /** Of an enumeration or a constant, by its name as the source has it. */
  constant(name: string): number | undefined;
  /** Where a static pointer field points in the file, before anything runs; ELF address. */
  pointee(type: string, field: string): number | undefined;
  /** A C string that a static field points to in the file: the version, say. */
  text(type: string, field: string): string | undefined;
  /** A static int's value in the file, before anything runs. */
  int(type: string, field: string): number | undefined;
}

/**
 * The tables, as structures of C that have not changed since JDK 7 (vmStructs.hpp). A file also exports the offsets of their
 * fields, which are set when the library is loaded: in the file they are zero, or else they must be these.
 */
const TABLES = [
  { symbol: "gHotSpotVMStructs", stride: 48, maxEntries: 8192 },
  { symbol: "gHotSpotVMTypes", stride: 40, maxEntries: 4096 },
  { symbol: "gHotSpotVMIntConstants", stride: 16, maxEntries: 4096 },
  { symbol: "gHotSpotVMLongConstants", stride: 16, maxEntries: 4096 },
] as const;
const EXPECTED: readonly (readonly [string, number])[] = [
  ...entries("gHotSpotVMStructEntry", { TypeName: 0, FieldName: 8, TypeString: 16, IsStatic: 24, Offset: 32 }),
  ...entries("gHotSpotVMStructEntry", { Address: 40 }),
  ...entries("gHotSpotVMTypeEntry", { TypeName: 0, SuperclassName: 8, Size: 32 }),
  ...entries("gHotSpotVMIntConstantEntry", { Name: 0, Value: 8 }),
  ...entries("gHotSpotVMLongConstantEntry", { Name: 0, Value: 8 }),
  ["gHotSpotVMStructEntryArrayStride", 48],
  ["gHotSpotVMTypeEntryArrayStride", 40],
  ["gHotSpotVMIntConstantEntryArrayStride", 16],
  ["gHotSpotVMLongConstantEntryArrayStride", 16],
];
/** The longest is a constant's, "java_lang_Class::…", of some 80 characters. */
const MAX_TEXT_BYTES = 128;

/** Undefined for a file that is no libjvm.so, or whose tables cannot be read. Never throws; bounded. */
export function readVmStructs(elf: ElfFile, exports: Exports): VmStructs | undefined {
  const symbols = TABLES.map(({ symbol }) => exports.find(symbol)?.elfAddress);
  if (!symbols.every((address): address is number => address !== undefined)) return undefined;
  if (!EXPECTED.every(([symbol, offset]) => isOrBecomes(elf, exports, symbol, offset))) return undefined;
  const heads = new RelocatedWords(
    elf,
    symbols.map((start) => ({ start, bytes: 8 })),
  );
  const extents = symbols.map((symbol, row) => ({
    start: heads.pointer(symbol) ?? 0,
    bytes: TABLES[row].stride * TABLES[row].maxEntries,
  }));
  return new Tables(elf, extents, readInitializerStores(elf, [extents[0]]));
}

function entries(prefix: string, offsets: Readonly<Record<string, number>>): (readonly [string, number])[] {
  return Object.entries(offsets).map(([field, offset]) => [`${prefix}${field}Offset`, offset] as const);
}

function isOrBecomes(elf: ElfFile, exports: Exports, symbol: string, value: number): boolean {
  const address = exports.find(symbol)?.elfAddress;
  if (address === undefined) return false;
  const there = wordOf(elf, address);
  return there === 0 || there === value;
}

/** 0 where the file has no bytes: .bss. */
function wordOf(elf: ElfFile, elfAddress: number): number {
  const fileOffset = toFileOffset(elf, elfAddress);
  const word = fileOffset === undefined ? undefined : elf.source.read(fileOffset, 8);
  return word === undefined ? 0 : u64(word, 0);
}

class Tables implements VmStructs {
  private readonly offsets = new Map<string, number>();
  private readonly addresses = new Map<string, number>();
  private readonly sizes = new Map<string, number>();
  private readonly constants = new Map<string, number>();
  private readonly texts = new Map<number, string | undefined>();
  private readonly words: RelocatedWords;

  constructor(
    private readonly elf: ElfFile,
    extents: readonly Extent[],
    /** What the file's code stores in the table of fields. */
    private readonly stores: ReadonlyMap<number, number>,
  ) {
    this.words = new RelocatedWords(elf, extents);
    const [structs, types, ints, longs] = extents.map(({ start }) => start);
    this.readStructs(structs);
    this.readTypes(types);
    this.readConstants(ints, (bytes) => s32(bytes, 8));
    // Some versions fill these in when the library is loaded: a zero may be such a one.
    this.readConstants(longs, (bytes) => u64(bytes, 8) || undefined);
    this.texts.clear();
  }

  offset(type: string, field: string): number | undefined {
    return this.offsets.get(`${type}::${field}`);
  }

  address(type: string, field: string): number | undefined {
    return this.addresses.get(`${type}::${field}`);
  }

  size(type: string): number | undefined {
    return this.sizes.get(type);
  }

  constant(name: string): number | undefined {
    return this.constants.get(name);
  }

  pointee(type: string, field: string): number | undefined {
    const address = this.address(type, field);
    if (address === undefined) return undefined;
    return new RelocatedWords(this.elf, [{ start: address, bytes: 8 }]).pointer(address);
  }

  text(type: string, field: string): string | undefined {
    const pointee = this.pointee(type, field);
    return pointee === undefined ? undefined : this.readText(pointee);
  }

  int(type: string, field: string): number | undefined {
    const address = this.address(type, field);
    const bytes = address === undefined ? undefined : this.read(address, 4);
    return bytes && s32(bytes, 0);
  }

  private readStructs(table: number): void {
    const offsets: { readonly key: string; readonly at: number; readonly inFile: number }[] = [];
    for (const [at, bytes] of this.rows(table, TABLES[0])) {
      const type = this.textOf(at);
      const field = this.textOf(at + 8);
      if (type === undefined && field === undefined) break;
      if (type === undefined || field === undefined) continue;
      const key = `${type}::${field}`;
      if (s32(bytes, 24) === 0) {
        offsets.push({ key, at: at + 32, inFile: u64(bytes, 32) });
        continue;
      }
      const address = this.words.pointer(at + 40);
      if (address !== undefined) this.addresses.set(key, address);
    }
    const isFilled = offsets.some(({ inFile }) => inFile !== 0);
    for (const { key, at, inFile } of offsets) {
      const offset = isFilled ? inFile : this.stores.get(at);
      if (offset !== undefined && Number.isSafeInteger(offset)) this.offsets.set(key, offset);
    }
  }

  private readTypes(table: number): void {
    for (const [at, bytes] of this.rows(table, TABLES[1])) {
      const type = this.textOf(at);
      if (type === undefined) return;
      this.sizes.set(type, u64(bytes, 32));
    }
  }

  private readConstants(table: number, valueOf: (bytes: Uint8Array) => number | undefined): void {
    for (const [at, bytes] of this.rows(table, TABLES[2])) {
      const name = this.textOf(at);
      if (name === undefined) return;
      const value = valueOf(bytes);
      if (value !== undefined) this.constants.set(name, value);
    }
  }

  /** Rows of a table, each with its ELF address, as far as there may be any. */
  private *rows(
    table: number,
    { stride, maxEntries }: { readonly stride: number; readonly maxEntries: number },
  ): Generator<readonly [number, Uint8Array]> {
    for (let row = 0; row < maxEntries; row++) {
      const at = table + row * stride;
      const bytes = this.read(at, stride);
      if (bytes === undefined) return;
      yield [at, Uint8Array.from(bytes)]; // the next read moves the window
    }
  }

  private textOf(elfAddress: number): string | undefined {
    const pointer = this.words.pointer(elfAddress);
    if (pointer === undefined || pointer === 0) return undefined;
    if (this.texts.has(pointer)) return this.texts.get(pointer);
    const text = this.readText(pointer);
    this.texts.set(pointer, text);
    return text;
  }

  private readText(elfAddress: number): string | undefined {
    const fileOffset = toFileOffset(this.elf, elfAddress);
    if (fileOffset === undefined) return undefined;
    const length = Math.min(MAX_TEXT_BYTES, this.elf.source.size - fileOffset);
    const bytes = this.elf.source.read(fileOffset, length);
    const end = bytes?.indexOf(0) ?? -1;
    return end < 0 ? undefined : bytes?.toString("latin1", 0, end);
  }

  private read(elfAddress: number, length: number): Buffer | undefined {
    const fileOffset = toFileOffset(this.elf, elfAddress);
    return fileOffset === undefined ? undefined : this.elf.source.read(fileOffset, length);
  }
}
