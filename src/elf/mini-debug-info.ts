import { decompressXz } from "../xz/decompress.js";
import { MemorySource } from "./byte-source.js";
import { type ElfFile, type ElfRefusal, findSection, isRefusal } from "./elf-file.js";
import { parseElf } from "./parser.js";
import { openSection } from "./section-source.js";

export interface MiniDebugLimits {
  /** Of the file inside; it is in memory for as long as its {@link ElfFile} is. */
  readonly maxInflatedBytes: number;
}

/**
 * The ELF file inside of .gnu_debugdata: the functions' .symtab, xz-compressed, of a program that is else stripped, as Fedora
 * builds them ("MiniDebugInfo"). Its addresses are the program's own. Undefined when there is none. Inflating takes some
 * 25 ms a MiB.
 */
export function openMiniDebugInfo(
  elf: ElfFile,
  { maxInflatedBytes }: MiniDebugLimits,
): ElfFile | ElfRefusal | undefined {
  const section = findSection(elf, ".gnu_debugdata");
  if (section === undefined) return undefined;
  const stored = openSection(elf, section, maxInflatedBytes);
  if (isRefusal(stored)) return stored;
  const bytes = decompressXz(stored, maxInflatedBytes);
  if ("problem" in bytes) {
    const detail = `.gnu_debugdata: ${bytes.detail}`;
    if (stored.failure !== undefined) return { problem: "read-failed", detail: `${detail} (${stored.failure})` };
    return { problem: bytes.problem === "limit-exceeded" ? "limit-exceeded" : "malformed", detail };
  }
  const inner = parseElf(new MemorySource(bytes));
  if (isRefusal(inner)) return { problem: "malformed", detail: `.gnu_debugdata: ${inner.detail}` };
  // It has headers of code without any: which addresses are code is for the executable to say.
  return inner.machine === elf.machine
    ? { ...inner, segments: elf.segments }
    : { problem: "malformed", detail: `.gnu_debugdata is of another machine, ${inner.machine}` };
}
