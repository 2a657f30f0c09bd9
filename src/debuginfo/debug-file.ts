import { findSection, isRefusal, type ElfFile } from "../elf/elf-file.js";
import { openSection } from "../elf/section-source.js";
import { type LineHeader, readLineHeader } from "./line-header.js";
import { RangeReader } from "./ranges.js";
import type { DebugSections } from "./sections.js";
import { UnitIndex } from "./unit-index.js";
import type { UnitReader } from "./unit-reader.js";
import { type Unit } from "./unit-reader.js";

/** Line number headers that are kept, for where functions of other units begin. */
const MAX_HEADERS = 64;
const MAX_LINK_BYTES = 4096 + 64;

/** Another file that a file's debug information refers to, as it says; nothing in it is to be trusted. */
export interface FileLink {
  /** A path, or a name. */
  readonly name: string;
  /** Of the file that is meant, hex. */
  readonly buildId: string;
}

/** One file of debug information, and what of it is kept while a batch is looked up. */
export class DebugFile {
  readonly sections: DebugSections;
  readonly reader: UnitReader;
  readonly ranges: RangeReader;
  readonly index: UnitIndex;
  readonly #headers = new Map<number, LineHeader | undefined>();

  /** `base`: ELF address of the first code. `maxRangeEntries`: range list entries that may be read. */
  constructor(sections: DebugSections, reader: UnitReader, base: number, maxRangeEntries: number) {
    this.sections = sections;
    this.reader = reader;
    this.ranges = new RangeReader(reader, maxRangeEntries);
    this.index = new UnitIndex(reader, this.ranges, base);
  }

  lineHeader(unit: Unit): LineHeader | undefined {
    if (unit.lineOffset < 0) return undefined;
    if (!this.#headers.has(unit.lineOffset)) {
      if (this.#headers.size >= MAX_HEADERS) this.#headers.clear();
      this.#headers.set(unit.lineOffset, readLineHeader(this.sections, unit.lineOffset, unit.compDir));
    }
    return this.#headers.get(unit.lineOffset);
  }
}

/** The supplementary file that dwz has put what several files share into: what .gnu_debugaltlink says of it. */
export function supplementaryLink(elf: ElfFile): FileLink | undefined {
  const section = findSection(elf, ".gnu_debugaltlink");
  const source = section && openSection(elf, section, MAX_LINK_BYTES);
  if (source === undefined || isRefusal(source) || source.size > MAX_LINK_BYTES) return undefined;
  const bytes = source.read(0, source.size);
  const end = bytes?.indexOf(0) ?? -1;
  if (bytes === undefined || end <= 0) return undefined;
  return { name: bytes.toString("utf8", 0, end), buildId: bytes.toString("hex", end + 1) };
}
