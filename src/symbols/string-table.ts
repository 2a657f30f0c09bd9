import { type ByteSource, MemorySource } from "../elf/byte-source.js";
import { type ElfFile, type ElfSection, isRefusal } from "../elf/elf-file.js";
import { openSection } from "../elf/section-source.js";

/** Longest mangled names are some kilobytes. */
const MAX_NAME_BYTES = 16 * 1024;
const NAME_PIECE_BYTES = 256;
/** What reading a name by itself takes is as much as reading so many bytes in one piece (measured). */
const BYTES_PER_READ = 8 * 1024;
const MAX_WHOLE_BYTES = 16 * 1024 * 1024;

/**
 * The names of a symbol table. They stay in the file, and are read one by one, until so many were asked for that to read
 * them all is no more work: what 50,000 addresses of libLLVM ask for would be 16,000 reads.
 */
export class StringTable {
  readonly #section: ElfSection;
  #asked = 0;
  #whole: MemorySource | undefined;

  constructor(section: ElfSection) {
    this.#section = section;
  }

  /** Memory that is held. */
  get bytes(): number {
    return this.#whole?.size ?? 0;
  }

  /** The section's bytes: of `elf`, whose descriptor need not be the one of the call before. */
  open(elf: ElfFile): ByteSource | undefined {
    if (this.#whole !== undefined) return this.#whole;
    const source = openSection(elf, this.#section, 0);
    if (isRefusal(source)) return undefined;
    this.#asked++;
    if (this.#asked * BYTES_PER_READ < source.size || source.size > MAX_WHOLE_BYTES) return source;
    const bytes = Buffer.allocUnsafeSlow(source.size);
    if (source.readInto(0, bytes) === bytes.length) this.#whole = new MemorySource(bytes);
    return this.#whole ?? source;
  }
}

/** A string of a string table; undefined when it is not there or has no end within what a name may have. */
export function readName(names: ByteSource, offset: number): string | undefined {
  let name = "";
  while (name.length < MAX_NAME_BYTES) {
    const at = offset + name.length;
    const piece = names.read(at, Math.min(NAME_PIECE_BYTES, names.size - at));
    if (piece === undefined || piece.length === 0) return undefined;
    const end = piece.indexOf(0);
    name += piece.toString("utf8", 0, end < 0 ? piece.length : end);
    if (end >= 0) return name;
  }
  return undefined;
}
