import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { MemorySource } from "#src/elf/byte-source.js";
import { type ElfFile, isRefusal } from "#src/elf/elf-file.js";
import { parseElf } from "#src/elf/parser.js";

export function openImage(bytes: Uint8Array): ElfFile {
  const elf = parseElf(new MemorySource(bytes));
  if (isRefusal(elf)) throw new Error(elf.detail);
  return elf;
}

export function openProgram(file: string): ElfFile {
  return openImage(readFileSync(file));
}

/** A function as readelf has it. */
export interface ReadelfSymbol {
  readonly start: number;
  readonly size: number;
  readonly name: string;
}

/** Defined functions of both symbol tables; names without versions. */
export function readelfFunctions(file: string): ReadelfSymbol[] {
  const text = execFileSync("readelf", ["-sW", file], { encoding: "utf8", maxBuffer: 2 ** 30 });
  const symbols: ReadelfSymbol[] = [];
  const pattern = /^ *\d+: ([0-9a-f]{16}) +(\S+) I?FUNC +\w+ +\w+ +(?:\[.*?\] +)?(\d+|ABS) (\S+)/gm;
  for (const [, value, size, , name] of text.matchAll(pattern)) {
    symbols.push({ start: Number.parseInt(value, 16), size: Number(size), name: name.replace(/@.*/, "") });
  }
  return symbols;
}

/** Those that start at each address. */
export function byStart(functions: readonly ReadelfSymbol[]): Map<number, ReadelfSymbol[]> {
  const groups = new Map<number, ReadelfSymbol[]>();
  for (const symbol of functions) groups.set(symbol.start, [...(groups.get(symbol.start) ?? []), symbol]);
  return groups;
}
