import type { ElfFile } from "../elf/elf-file.js";
import { isRefusal } from "../elf/elf-file.js";
import type { SearchMemory } from "../debugfiles/debug-files.js";
import { type GoPlace, type GoTable, openGoTable } from "../gopclntab/go-table.js";
import type { Sized } from "../util/lru.js";
import { SymtabResolver } from "./symtab.js";

/** Its objects. */
const OWN_BYTES = 400;

/** What is kept of an executable from batch to batch; descriptors come and go. */
export class KnownExecutable implements Sized {
  readonly resolver: SymtabResolver;
  /** Of the search for debug files. */
  searchMemory: SearchMemory | undefined;
  #goPlace: GoPlace | undefined;

  constructor(elf: ElfFile) {
    this.resolver = new SymtabResolver(elf);
  }

  get bytes(): number {
    return OWN_BYTES + this.resolver.bytes;
  }

  /** The table of a Go program, to be read through this batch's descriptor; undefined where the file has none. */
  goTable(elf: ElfFile): GoTable | undefined {
    const table = openGoTable(elf, this.#goPlace);
    if (table === undefined || isRefusal(table)) return undefined;
    this.#goPlace = table.place;
    return table;
  }
}
