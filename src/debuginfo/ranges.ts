import { Cursor } from "../dwarf/cursor.js";
import { type Attributes, SLOT } from "./attributes.js";
import { DW_FORM, DW_RLE } from "./constants.js";
import { readWrapped } from "./forms.js";
import type { SectionWindow } from "./section-window.js";
import type { Unit, UnitReader } from "./unit-reader.js";

/** Takes one range of ELF addresses: from `start` up to, and without, `limit`. */
export type RangeSink = (start: number, limit: number) => void;

/** Of one list: functions that were taken apart have some; a unit has one for each function. */
const MAX_LIST_ENTRIES = 1_000_000;
const ALL_ONES = 2 ** 64 - 1;
/** The longest entry: an instruction and two numbers of ten bytes. */
const ENTRY_BYTES = 32;

/** Reads which addresses entries cover. */
export class RangeReader {
  readonly #reader: UnitReader;
  readonly #cursor = new Cursor(new Uint8Array(0));
  /** Entries that may still be read: many functions can name one long list. */
  #left: number;

  constructor(reader: UnitReader, maxEntries: number) {
    this.#reader = reader;
    this.#left = maxEntries;
  }

  /** Whether the count of entries ran out, so that ranges are missing. */
  get exhausted(): boolean {
    return this.#left <= 0;
  }

  /** The ranges of the entry whose attributes these are, empty and impossible ones left out. */
  read(unit: Unit, attributes: Attributes, sink: RangeSink): void {
    if (attributes.has(SLOT.ranges)) {
      this.#readList(unit, attributes, (start, limit) => {
        if (start > 0 && start < limit && limit <= Number.MAX_SAFE_INTEGER) sink(start, limit);
      });
      return;
    }
    const low = this.#reader.address(unit, attributes, SLOT.lowPc);
    if (low === undefined || !attributes.has(SLOT.highPc)) return;
    // An address, or, in any other form, the size (DWARF 4, 2.17.2).
    const high = this.#reader.address(unit, attributes, SLOT.highPc) ?? low + attributes.number(SLOT.highPc);
    // What the linker left out starts at 0, or at the end of the address space.
    if (low > 0 && low < high && high <= Number.MAX_SAFE_INTEGER) sink(low, high);
  }

  #readList(unit: Unit, attributes: Attributes, sink: RangeSink): void {
    const value = attributes.number(SLOT.ranges);
    if (unit.version < 5) {
      const section = this.#reader.sections.get("ranges");
      if (section !== undefined) this.#readPairs(section, value + unit.rangesBase, unit, sink);
      return;
    }
    const section = this.#reader.sections.get("rnglists");
    if (section === undefined) return;
    if (attributes.forms[SLOT.ranges] !== DW_FORM.rnglistx) {
      this.#readEntries(section, value, unit, sink);
      return;
    }
    const { offsetBytes, rnglistsBase } = unit;
    this.#cursor.reset(section.view(rnglistsBase + value * offsetBytes, offsetBytes), 0, offsetBytes);
    const offset = offsetBytes === 8 ? this.#cursor.u64() : this.#cursor.u32();
    if (!this.#cursor.failed) this.#readEntries(section, rnglistsBase + offset, unit, sink);
  }

  /** DWARF 4, 2.17.3: pairs of offsets from a base, which a pair may change. */
  #readPairs(section: SectionWindow, offset: number, unit: Unit, sink: RangeSink): void {
    let base = unit.lowPc;
    for (let at = offset, count = 0; count < MAX_LIST_ENTRIES && this.#left-- > 0; at += 16, count++) {
      const bytes = section.view(at, 16);
      this.#cursor.reset(bytes, 0, bytes.length);
      const first = this.#cursor.u64();
      const second = this.#cursor.u64();
      if (this.#cursor.failed || (first === 0 && second === 0)) return;
      if (first >= ALL_ONES) base = second;
      else sink(base + first, base + second);
    }
  }

  /** DWARF 5, 2.17.3. */
  #readEntries(section: SectionWindow, offset: number, unit: Unit, sink: RangeSink): void {
    const cursor = this.#cursor;
    const indexed = (index: number) => this.#reader.indexedAddress(unit, index) ?? NaN;
    let base = unit.lowPc;
    let at = offset;
    for (let count = 0; count < MAX_LIST_ENTRIES && this.#left-- > 0; count++) {
      const bytes = section.view(at, ENTRY_BYTES);
      cursor.reset(bytes, 0, bytes.length);
      switch (cursor.u8()) {
        case DW_RLE.baseAddressx:
          base = indexed(cursor.uleb());
          break;
        case DW_RLE.startxEndx:
          sink(indexed(cursor.uleb()), indexed(cursor.uleb()));
          break;
        case DW_RLE.startxLength: {
          const start = indexed(cursor.uleb());
          sink(start, start + cursor.uleb());
          break;
        }
        case DW_RLE.offsetPair:
          sink(base + readWrapped(cursor), base + readWrapped(cursor));
          break;
        case DW_RLE.baseAddress:
          base = cursor.u64();
          break;
        case DW_RLE.startEnd:
          sink(cursor.u64(), cursor.u64());
          break;
        case DW_RLE.startLength: {
          const start = cursor.u64();
          sink(start, start + cursor.uleb());
          break;
        }
        default: // the end of the list, an instruction that is not known, or the end of the section
          return;
      }
      if (cursor.failed) return;
      at += cursor.at;
    }
  }
}
