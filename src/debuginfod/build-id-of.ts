import { fstatSync } from "node:fs";
import { readBuildId } from "../elf/build-id.js";
import { FileSource } from "../elf/byte-source.js";
import { type ElfFile, isRefusal } from "../elf/elf-file.js";
import { parseElf } from "../elf/parser.js";

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
