import { SHF_COMPRESSED } from "../elf/constants.js";
import type { ElfFile, ElfSection } from "../elf/elf-file.js";
import { PackageIndex, type SectionPart } from "./package-index.js";
import { DebugSections } from "./sections.js";

/** A .dwp file: the .dwo files of an executable in one, opened. */
export class DebugPackage {
  readonly #elf: ElfFile;
  readonly #index: PackageIndex;

  private constructor(elf: ElfFile, index: PackageIndex) {
    this.#elf = elf;
    this.#index = index;
  }

  /** Undefined when the file is no package. */
  static open(elf: ElfFile, maxInflatedBytes: number): DebugPackage | undefined {
    const section = new DebugSections(elf, maxInflatedBytes).get("cu_index");
    const index = section && PackageIndex.open(section);
    return index && new DebugPackage(elf, index);
  }

  /**
   * The .dwo file that the unit of that identity, 16 hex digits, was in: the package with its sections cut to what is the
   * unit's. Undefined when it has none, or when they are compressed, as no packager leaves them.
   */
  fileOf(dwoId: string): ElfFile | undefined {
    const parts = this.#index.partsOf(dwoId);
    if (parts === undefined) return undefined;
    const sections = this.#elf.sections.map((section) => {
      const part = parts.get(section.name);
      return part === undefined ? section : cut(section, part);
    });
    return sections.includes(undefined) ? undefined : { ...this.#elf, sections: sections as ElfSection[] };
  }
}

function cut(section: ElfSection, { offset, size }: SectionPart): ElfSection | undefined {
  const isInside = offset + size <= section.size && (section.flags & SHF_COMPRESSED) === 0;
  return isInside ? { ...section, fileOffset: section.fileOffset + offset, size } : undefined;
}
