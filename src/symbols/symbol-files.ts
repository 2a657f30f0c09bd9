import { hasSymbols } from "../debugfiles/check.js";
import type { DebugFileSearch } from "../debugfiles/debug-files.js";
import { hasDebugInfo } from "../debuginfo/debug-info.js";
import type { ElfFile } from "../elf/elf-file.js";

/** Whose symbols a file has: the executable's own, or what was taken out of it. */
export type SymbolFileOrigin = "own" | "debugfile" | "minidebuginfo";

/** A file with symbols or debug information of one executable, by the executable's ELF addresses. */
export interface SymbolFile {
  readonly origin: SymbolFileOrigin;
  readonly elf: ElfFile;
  /** Of the origin's file; another one has another, and what was read of the one before is of no use. */
  readonly identity: string;
}

/** Other files that tell of an executable, each found when it is asked for. */
export interface OtherFiles {
  readonly search: DebugFileSearch | undefined;
  readonly miniDebugInfo: () => ElfFile | undefined;
}

/**
 * The files that tell of an executable, in the order in which they are believed: itself; its debug file where it lacks a
 * symbol table, or debug information and a Go table that would do as well; and without either, the compressed rest of a symbol
 * table that a distribution leaves in it.
 */
export function symbolFilesOf(elf: ElfFile, hasGoTable: boolean, { search, miniDebugInfo }: OtherFiles): SymbolFile[] {
  const files: SymbolFile[] = [{ origin: "own", elf, identity: "" }];
  if (!hasSymbols(elf) || (!hasGoTable && !hasDebugInfo(elf))) {
    const found = search?.file;
    if (found !== undefined) files.push({ ...found, origin: "debugfile", elf: asLoaded(found.elf, elf) });
  }
  const mini = files.some((file) => hasSymbols(file.elf)) ? undefined : miniDebugInfo();
  if (mini !== undefined) files.push({ origin: "minidebuginfo", elf: mini, identity: "" });
  return files;
}

/** A file that has the symbols and not the code: which addresses are code is for the executable to say. */
export function asLoaded(file: ElfFile, { segments }: Pick<ElfFile, "segments">): ElfFile {
  return { ...file, segments };
}
