import { u32 } from "../elf/little-endian.js";
import type { SectionWindow } from "./section-window.js";

const HEADER_BYTES = 16;
const ID_BYTES = 8;
/** Chrome's has some fifty thousand units, and twice as many slots at most. */
const MAX_UNITS = 1_000_000;
const MAX_SLOTS = 4_194_304;
/** Versions know eight kinds of sections. */
const MAX_COLUMNS = 16;
/** A third of the slots is free, or more, so that chains of a dozen are rare. */
const MAX_PROBES = 1024;

/** What the columns are of, by DW_SECT of DWARF 5 (7.3.5.3) and of GNU's packages before; others are not looked at. */
const OLD_SECTIONS = new Map([
  [1, ".debug_info.dwo"],
  [3, ".debug_abbrev.dwo"],
  [6, ".debug_str_offsets.dwo"],
]);
const SECTIONS = new Map([...OLD_SECTIONS, [8, ".debug_rnglists.dwo"]]);

/** Of a section, in bytes from its start. */
export interface SectionPart {
  readonly offset: number;
  readonly size: number;
}

/**
 * Which parts of a .dwp file's sections are of which unit, read from .debug_cu_index as a unit is asked for. What is not
 * apportioned, strings, belongs to all.
 */
export class PackageIndex {
  readonly #section: SectionWindow;
  readonly #names: ReadonlyMap<number, string>;
  readonly #columns: number;
  readonly #units: number;
  readonly #slots: number;

  private constructor(section: SectionWindow, version: 2 | 5, columns: number, units: number, slots: number) {
    this.#section = section;
    this.#names = version === 2 ? OLD_SECTIONS : SECTIONS;
    this.#columns = columns;
    this.#units = units;
    this.#slots = slots;
  }

  /** Undefined when it is no index, or one of more than any package has. */
  static open(section: SectionWindow): PackageIndex | undefined {
    const header = section.view(0, HEADER_BYTES);
    if (header.length < HEADER_BYTES) return undefined;
    // Four bytes before DWARF 5, two and two of padding since.
    const version = u32(header, 0);
    const [columns, units, slots] = [u32(header, 4), u32(header, 8), u32(header, 12)];
    if (version !== 2 && version !== 5) return undefined;
    if (columns > MAX_COLUMNS || units > MAX_UNITS || slots > MAX_SLOTS || (slots & (slots - 1)) !== 0) {
      return undefined;
    }
    return new PackageIndex(section, version, columns, units, slots);
  }

  /** By section name, the parts of a unit of that identity, 16 hex digits; undefined when the package has none. */
  partsOf(dwoId: string): ReadonlyMap<string, SectionPart> | undefined {
    const row = this.#rowOf(Number.parseInt(dwoId.slice(0, 8), 16), Number.parseInt(dwoId.slice(8), 16));
    if (row < 1 || row > this.#units) return undefined;
    const parts = new Map<string, SectionPart>();
    const headings = HEADER_BYTES + this.#slots * (ID_BYTES + 4);
    const rowBytes = this.#columns * 4;
    for (let column = 0; column < this.#columns; column++) {
      const name = this.#names.get(this.#number(headings + column * 4));
      const offset = this.#number(headings + row * rowBytes + column * 4);
      const size = this.#number(headings + (this.#units + row) * rowBytes + column * 4);
      if (name !== undefined) parts.set(name, { offset, size });
    }
    return parts;
  }

  /** Counts from one; 0 for none. The slots are a hash table, by the identity's low bits, and in steps by its high ones. */
  #rowOf(high: number, low: number): number {
    const mask = this.#slots - 1;
    const step = (high & mask) | 1;
    for (let slot = low & mask, probes = 0; probes < Math.min(this.#slots, MAX_PROBES); probes++) {
      const row = this.#number(HEADER_BYTES + this.#slots * ID_BYTES + slot * 4);
      if (row === 0) return 0;
      const id = HEADER_BYTES + slot * ID_BYTES;
      if (this.#number(id) === low && this.#number(id + 4) === high) return row;
      slot = (slot + step) & mask;
    }
    return 0;
  }

  #number(offset: number): number {
    const bytes = this.#section.view(offset, 4);
    return bytes.length === 4 ? u32(bytes, 0) : 0;
  }
}
