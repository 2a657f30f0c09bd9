import { closeSync, fstatSync } from "node:fs";
import { readBuildId } from "../elf/build-id.js";
import { FileSource } from "../elf/byte-source.js";
import { type ElfFile, isRefusal } from "../elf/elf-file.js";
import { parseElf } from "../elf/parser.js";
import { findDownloaded } from "./find-downloaded.js";

/** An open debug file. */
export interface DownloadedFile {
  readonly elf: ElfFile;
  readonly close: () => void;
}

/** Finds debug files in the folder of downloads, by build ID; an ELF file that has it, or undefined. */
export function downloadedFiles(directory: string): (buildId: string) => DownloadedFile | undefined {
  return (buildId) => {
    const fd = findDownloaded(directory, buildId);
    if (fd === undefined) return undefined;
    const elf = elfOf(fd);
    if (elf !== undefined && readBuildId(elf) === buildId) return { elf, close: () => closeSync(fd) };
    closeSync(fd);
    return undefined;
  };
}

/** The build ID of an open file, "" where there is none. */
export function buildIdOf(fd: number): string {
  const elf = elfOf(fd);
  return elf === undefined ? "" : readBuildId(elf);
}

function elfOf(fd: number): ElfFile | undefined {
  let size: number;
  try {
    size = fstatSync(fd).size;
  } catch {
    return undefined; // as good as a file that cannot be read
  }
  const elf = parseElf(new FileSource(fd, size));
  return isRefusal(elf) ? undefined : elf;
}
