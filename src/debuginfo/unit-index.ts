import { Cursor } from "../dwarf/cursor.js";
import { Attributes } from "./attributes.js";
import { extentAround, findInterval, type IntervalTable, IntervalTableBuilder } from "./interval-table.js";
import type { RangeReader } from "./ranges.js";
import { mayHaveCode, type UnitReader } from "./unit-reader.js";
import type { UnitHeader } from "./unit-header.js";

/** The largest programs have some ten thousand. */
const MAX_UNITS = 1_000_000;
/** Of .debug_aranges; each takes 16 bytes. */
const MAX_ARANGES = 2_000_000;
const HEADER_BYTES = 24;
const TUPLE_BYTES = 16;
const TUPLES_AT_ONCE = 512;

/**
 * Which unit has an address, and which has an entry. What .debug_aranges says is believed; of units that it does not name, for
 * many files have none or one of some of their units, their own entry is asked, once.
 */
export class UnitIndex {
  readonly #reader: UnitReader;
  readonly #ranges: RangeReader;
  readonly #base: number;
  #aranges: IntervalTable | undefined;
  #units: IntervalTable | undefined;
  #offsets: Float64Array | undefined;

  /** `base`: ELF address of the first code. */
  constructor(reader: UnitReader, ranges: RangeReader, base: number) {
    this.#reader = reader;
    this.#ranges = ranges;
    this.#base = base;
  }

  get bytes(): number {
    return (this.#aranges?.bytes ?? 0) + (this.#units?.bytes ?? 0) + (this.#offsets?.byteLength ?? 0);
  }

  /** Offset of the unit that has code at an address; -1 when none has. */
  unitAt(address: number): number {
    this.#aranges ??= this.#readAranges();
    const listed = findInterval(this.#aranges, address);
    if (listed >= 0) return this.#aranges.owners[listed];
    this.#units ??= this.#readUnits(this.#aranges);
    const found = findInterval(this.#units, address);
    return found < 0 ? -1 : this.#units.owners[found];
  }

  /** Around an address that no unit has, those that none has either. */
  gapAround(address: number): { from: number; limit: number } {
    let from = -Infinity;
    let limit = Infinity;
    for (const table of [this.#aranges, this.#units]) {
      if (table === undefined) continue;
      const extent = extentAround(table, address);
      from = Math.max(from, extent.from);
      limit = Math.min(limit, extent.limit);
    }
    return { from, limit };
  }

  /** Offset of the unit in which an offset of .debug_info lies; -1 when there is none. */
  unitOf(offset: number): number {
    this.#offsets ??= this.#readOffsets();
    let low = 0;
    let high = this.#offsets.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#offsets[middle] <= offset) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? -1 : this.#offsets[low - 1];
  }

  #readOffsets(): Float64Array {
    const offsets: number[] = [];
    this.#forEachUnit((header) => offsets.push(header.offset));
    return Float64Array.from(offsets);
  }

  #forEachUnit(take: (header: UnitHeader) => void): void {
    let offset = 0;
    for (let count = 0; count < MAX_UNITS && offset < this.#reader.size; count++) {
      const header = this.#reader.header(offset);
      if (header === undefined) return;
      if (header.version !== undefined) take(header);
      offset = header.end;
    }
  }

  /** The code of units that no range of `aranges` names: reading the own entries of libc's 4,126 units takes 200 ms (measured). */
  #readUnits(aranges: IntervalTable): IntervalTable {
    const named = new Set(aranges.owners);
    const builder = new IntervalTableBuilder(this.#base);
    const attributes = new Attributes();
    const offsets: number[] = [];
    this.#forEachUnit((header) => {
      offsets.push(header.offset);
      if (named.has(header.offset)) return;
      const unit = this.#reader.open(header, attributes, true);
      if (unit === undefined || !mayHaveCode(header, unit.tag)) return;
      this.#ranges.read(unit, attributes, (start, limit) => {
        builder.add(start, limit, header.offset);
      });
    });
    this.#offsets ??= Float64Array.from(offsets);
    return builder.finish();
  }

  /** DWARF 5, 6.1.2. A set that makes no sense ends the section, for the next cannot be found. */
  #readAranges(): IntervalTable {
    const builder = new IntervalTableBuilder(this.#base);
    const section = this.#reader.sections.get("aranges");
    let left = MAX_ARANGES;
    for (let at = 0; section !== undefined && at < section.size && left > 0;) {
      const cursor = new Cursor(section.view(at, HEADER_BYTES));
      const first = cursor.u32();
      const is64Bit = first === 0xffff_ffff;
      const length = is64Bit ? cursor.u64() : first;
      const end = at + cursor.at + length;
      const version = cursor.u16();
      const unit = is64Bit ? cursor.u64() : cursor.u32();
      const addressBytes = cursor.u8();
      const selectorBytes = cursor.u8();
      if (cursor.failed || !(end <= section.size) || length === 0) break;
      // Tuples are aligned to their size, counted from the set's start.
      let tuple = at + Math.ceil(cursor.at / TUPLE_BYTES) * TUPLE_BYTES;
      at = end;
      if (version !== 2 || addressBytes !== 8 || selectorBytes !== 0) continue;
      while (tuple + TUPLE_BYTES <= end && left > 0) {
        const bytes = section.view(tuple, Math.min(TUPLES_AT_ONCE * TUPLE_BYTES, end - tuple));
        const tuples = new Cursor(bytes);
        while (tuples.at + TUPLE_BYTES <= bytes.length && left-- > 0) {
          const start = tuples.u64();
          const size = tuples.u64();
          if (start > 0 && size > 0) builder.add(start, start + size, unit);
        }
        if (tuples.at === 0) break;
        tuple += tuples.at;
      }
    }
    return builder.finish();
  }
}
