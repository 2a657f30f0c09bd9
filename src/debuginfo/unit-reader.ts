import { Cursor } from "../dwarf/cursor.js";
import { type Abbreviations, readAbbreviations, rowOf } from "./abbreviations.js";
import type { Attributes } from "./attributes.js";
import { SLOT } from "./attributes.js";
import { DW_FORM, DW_TAG, DW_UT } from "./constants.js";
import { readForm } from "./forms.js";
import type { DebugSections } from "./sections.js";
import type { SectionWindow } from "./section-window.js";
import { readId, readUnitHeader, type UnitHeader } from "./unit-header.js";

/** A unit with what its own entry says, which all others in it depend on. */
export interface Unit extends UnitHeader {
  readonly abbreviations: Abbreviations;
  /** A unit of code, or of entries that others refer to. */
  readonly tag: number;
  /** ELF address that its range lists count from. */
  readonly lowPc: number;
  readonly compDir: string;
  /** Of its line number program, -1 when it has none. */
  readonly lineOffset: number;
  readonly strOffsetsBase: number;
  readonly addrBase: number;
  readonly rnglistsBase: number;
  /** Offsets of range lists before DWARF 5 count from here. */
  readonly rangesBase: number;
  /** The same for what was split off from the unit. */
  readonly splitRangesBase: number;
  /** The file that has the rest of it, "" when nothing is split off. */
  readonly dwoName: string;
}

/** An entry is looked at by itself when another unit refers to it; its names may stand in it. */
const ENTRY_BYTES = 8 * 1024;
/** Tables kept: those of a unit and of the units that it refers to. */
const MAX_TABLE_BYTES = 2 * 1024 * 1024;

/** Sections of other files that a file's entries refer to. */
export interface OtherSections {
  /** The linked file's, of one that was split off. */
  readonly addresses?: DebugSections;
  /** The supplementary file's. */
  readonly supplementary?: DebugSections | undefined;
}

/** Reads units and single entries of one file's .debug_info, and what their attributes stand for. */
export class UnitReader {
  readonly sections: DebugSections;
  readonly #info: SectionWindow;
  readonly #others: OtherSections;
  readonly #tables = new Map<string, Abbreviations | undefined>();
  #tableBytes = 0;

  constructor(sections: DebugSections, info: SectionWindow, others: OtherSections = {}) {
    this.sections = sections;
    this.#info = info;
    this.#others = others;
  }

  get bytes(): number {
    return this.#tableBytes;
  }

  /** Bytes of .debug_info. */
  get size(): number {
    return this.#info.size;
  }

  header(offset: number): ReturnType<typeof readUnitHeader> {
    return readUnitHeader(this.#info, offset);
  }

  /** Fills `target` with the section's bytes from `offset` on; the count of bytes filled. */
  readInto(offset: number, target: Uint8Array): number {
    return this.#info.readInto(offset, target);
  }

  /**
   * The unit of a header and its own entry's attributes; undefined when they make no sense. `forIndex` spares most of its
   * abbreviations: {@link Unit.abbreviations} is then not complete.
   */
  open(header: UnitHeader, attributes: Attributes, forIndex = false): Unit | undefined {
    const first = forIndex ? this.#abbreviations(header, true) : undefined;
    return this.#openWith(first, header, attributes) ?? this.#openWith(this.#abbreviations(header), header, attributes);
  }

  #openWith(table: Abbreviations | undefined, header: UnitHeader, attributes: Attributes): Unit | undefined {
    if (table === undefined) return undefined;
    const cursor = this.cursorAt(header.entryOffset, header.end);
    const tag = this.readEntry(cursor, header.entryOffset, header, table, attributes);
    if (tag === undefined) return undefined;
    const bare: Unit = {
      ...header,
      abbreviations: table,
      tag,
      lowPc: 0,
      compDir: "",
      lineOffset: attributes.has(SLOT.stmtList) ? attributes.number(SLOT.stmtList) : -1,
      // Where the attribute is missing, as in split units, the tables start behind the section's header.
      strOffsetsBase: attributes.has(SLOT.strOffsetsBase)
        ? attributes.number(SLOT.strOffsetsBase)
        : tableHeader(header),
      addrBase: attributes.has(SLOT.addrBase) ? attributes.number(SLOT.addrBase) : 0,
      rnglistsBase: attributes.has(SLOT.rnglistsBase) ? attributes.number(SLOT.rnglistsBase) : 0,
      rangesBase: 0,
      splitRangesBase: attributes.number(SLOT.gnuRangesBase),
      dwoName: "",
    };
    return {
      ...bare,
      lowPc: this.address(bare, attributes, SLOT.lowPc) ?? 0,
      compDir: this.text(bare, attributes, SLOT.compDir) ?? "",
      dwoName: this.text(bare, attributes, SLOT.dwoName) ?? "",
      dwoId: attributes.has(SLOT.gnuDwoId) ? this.#gnuId(header, table) : header.dwoId,
    };
  }

  /** The identity that a unit's own entry tells; as a number it would be rounded. */
  #gnuId(header: UnitHeader, table: Abbreviations): string {
    const cursor = this.cursorAt(header.entryOffset, header.end);
    const row = rowOf(table, cursor.uleb());
    for (let spec = table.specStarts[row]; spec < table.specStarts[row + 1]; spec++) {
      if (table.specSlots[spec] === SLOT.gnuDwoId) break;
      readForm(cursor, table.specForms[spec], 0, header);
    }
    return readId(cursor);
  }

  /** A cursor on an entry, wherever it lies. Its bytes are valid until the next read of .debug_info. */
  cursorAt(offset: number, end: number): Cursor {
    return new Cursor(this.#info.view(offset, Math.min(ENTRY_BYTES, end - offset)));
  }

  /**
   * Reads the entry at the cursor, which stands at `offset` of the section; gives its tag, undefined for an empty or a bad
   * one. References become offsets into the section, and strings that stand in the entry too.
   */
  readEntry(
    cursor: Cursor,
    offset: number,
    unit: UnitHeader,
    table: Abbreviations,
    attributes: Attributes,
  ): number | undefined {
    attributes.clear();
    const base = offset - cursor.at;
    const row = rowOf(table, cursor.uleb());
    if (row < 0) return undefined;
    readAttributes(cursor, base, unit, table, row, attributes);
    return cursor.failed ? undefined : table.tags[row];
  }

  /** The ELF address that an attribute tells; undefined when it tells none. */
  address(unit: Unit, attributes: Attributes, slot: number): number | undefined {
    if (!attributes.has(slot)) return undefined;
    const value = attributes.values[slot];
    const form = attributes.forms[slot];
    if (form === DW_FORM.addr) return value;
    return isIndex(form) ? this.indexedAddress(unit, value) : undefined;
  }

  /** An address of the unit's table in .debug_addr. */
  indexedAddress(unit: Unit, index: number): number | undefined {
    const bytes = (this.#others.addresses ?? this.sections).get("addr")?.view(unit.addrBase + index * 8, 8);
    return bytes?.length === 8 ? new Cursor(bytes).u64() : undefined;
  }

  /** The text that an attribute tells. */
  text(unit: Unit, attributes: Attributes, slot: number): string | undefined {
    const value = attributes.values[slot];
    switch (attributes.forms[slot]) {
      case 0:
        return undefined;
      case DW_FORM.string:
        return this.#info.text(value);
      case DW_FORM.strp:
        return this.sections.get("str")?.text(value);
      case DW_FORM.lineStrp:
        return this.sections.get("line_str")?.text(value);
      case DW_FORM.gnuStrpAlt:
      case DW_FORM.strpSup:
        return this.#others.supplementary?.get("str")?.text(value);
      case DW_FORM.strx:
      case DW_FORM.strx1:
      case DW_FORM.strx2:
      case DW_FORM.strx3:
      case DW_FORM.strx4:
      case DW_FORM.gnuStrIndex:
        return this.#indexedText(unit, value);
      default:
        return undefined;
    }
  }

  #indexedText(unit: Unit, index: number): string | undefined {
    const { offsetBytes } = unit;
    const bytes = this.sections.get("str_offsets")?.view(unit.strOffsetsBase + index * offsetBytes, offsetBytes);
    if (bytes?.length !== offsetBytes) return undefined;
    const cursor = new Cursor(bytes);
    return this.sections.get("str")?.text(offsetBytes === 8 ? cursor.u64() : cursor.u32());
  }

  #abbreviations(header: UnitHeader, firstRowOnly = false): Abbreviations | undefined {
    const section = this.sections.get("abbrev");
    if (section === undefined) return undefined;
    const { abbreviationsOffset, offsetBytes, version } = header;
    if (firstRowOnly) return readAbbreviations(section, abbreviationsOffset, header, true);
    const key = `${abbreviationsOffset} ${offsetBytes} ${version <= 2}`;
    if (!this.#tables.has(key)) {
      const table = readAbbreviations(section, abbreviationsOffset, header);
      if (this.#tableBytes > MAX_TABLE_BYTES) {
        this.#tables.clear();
        this.#tableBytes = 0;
      }
      this.#tables.set(key, table);
      this.#tableBytes += table?.bytes ?? 0;
    }
    return this.#tables.get(key);
  }
}

/** Reads the attributes of an entry; `base` is the offset into .debug_info of the cursor's first byte. */
export function readAttributes(
  cursor: Cursor,
  base: number,
  unit: UnitHeader,
  table: Abbreviations,
  row: number,
  attributes: Attributes,
): void {
  for (let spec = table.specStarts[row]; spec < table.specStarts[row + 1] && !cursor.failed; spec++) {
    const form = table.specForms[spec];
    const value = readForm(cursor, form, table.specImplicits[spec], unit);
    const slot = table.specSlots[spec];
    // An abstract origin says more than a specification behind it, and a linkage name than the same again.
    if (slot === SLOT.none || (slot !== SLOT.sibling && attributes.forms[slot] !== 0)) continue;
    attributes.forms[slot] = form;
    attributes.values[slot] = isUnitReference(form)
      ? unit.offset + value
      : form === DW_FORM.string
        ? base + value
        : value;
  }
}

function isUnitReference(form: number): boolean {
  return form >= DW_FORM.ref1 && form <= DW_FORM.refUdata;
}

function isIndex(form: number): boolean {
  return form === DW_FORM.addrx || (form >= DW_FORM.addrx1 && form <= DW_FORM.addrx4) || form === DW_FORM.gnuAddrIndex;
}

function tableHeader({ version, offsetBytes }: UnitHeader): number {
  return version < 5 ? 0 : offsetBytes === 8 ? 16 : 8;
}

/** Whether the unit can have code: not one of types, nor of entries for others to refer to. */
export function mayHaveCode({ type, version }: UnitHeader, tag: number): boolean {
  const isUnit = tag === DW_TAG.compileUnit || tag === DW_TAG.skeletonUnit;
  return isUnit && (version < 5 || type === DW_UT.compile || type === DW_UT.skeleton || type === DW_UT.splitCompile);
}
