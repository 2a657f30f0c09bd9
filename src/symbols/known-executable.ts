import type { ElfFile } from "../elf/elf-file.js";
import { isRefusal } from "../elf/elf-file.js";
import { openMiniDebugInfo } from "../elf/mini-debug-info.js";
import type { SearchMemory } from "../debugfiles/debug-files.js";
import { type GoPlace, type GoTable, openGoTable } from "../gopclntab/go-table.js";
import type { Sized } from "../util/lru.js";
import { SymtabResolver } from "./symtab.js";

/** Its objects. */
const OWN_BYTES = 400;
/** Half a second of inflating. Fedora's largest hold some 2 MiB. */
const MAX_MINI_BYTES = 16 * 1024 * 1024;

/** What is kept of an executable from batch to batch; descriptors come and go. */
export class KnownExecutable implements Sized {
  readonly resolver: SymtabResolver;
  /** Of the search for debug files. */
  searchMemory: SearchMemory | undefined;
  #goPlace: GoPlace | undefined;
  /** Null when there is none to be had. */
  #mini: ElfFile | null | undefined;

  constructor(elf: ElfFile) {
    this.resolver = new SymtabResolver(elf);
  }

  get bytes(): number {
    return OWN_BYTES + this.resolver.bytes + (this.#mini?.source.size ?? 0);
  }

  /** What a stripped file keeps of its symbols, compressed; undefined where it has none, or none that can be read. */
  miniDebugInfo(elf: ElfFile): ElfFile | undefined {
    if (this.#mini === undefined) {
      const mini = openMiniDebugInfo(elf, { maxInflatedBytes: MAX_MINI_BYTES });
      this.#mini = mini === undefined || isRefusal(mini) ? null : mini;
    }
    return this.#mini ?? undefined;
  }

  /** The table of a Go program, to be read through this batch's descriptor; undefined where the file has none. */
  goTable(elf: ElfFile): GoTable | undefined {
    const table = openGoTable(elf, this.#goPlace);
    if (table === undefined || isRefusal(table)) return undefined;
    this.#goPlace = table.place;
    return table;
  }
}
