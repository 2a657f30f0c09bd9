import { Cursor } from "../dwarf/cursor.js";
import { DW_UT } from "./constants.js";
import { readOffset } from "./forms.js";
import type { SectionWindow } from "./section-window.js";

/** Length, version, type, abbreviations, address size, and the eight bytes of a skeleton's or a type's identity and offset. */
const MAX_HEADER_BYTES = 12 + 2 + 1 + 1 + 8 + 8 + 8;
const DWARF64 = 0xffff_ffff;
const FIRST_RESERVED = 0xffff_fff0;

/** The header of a unit of .debug_info (DWARF 5, 7.5.1). Offsets are into the section. */
export interface UnitHeader {
  readonly offset: number;
  /** Past the unit. */
  readonly end: number;
  readonly version: number;
  readonly offsetBytes: 4 | 8;
  /** DW_UT of DWARF 5; older ones are taken for compile units. */
  readonly type: number;
  readonly abbreviationsOffset: number;
  /** Of the unit's own entry. */
  readonly entryOffset: number;
  /** What pairs a skeleton with its split unit, hex; "" when it has none here. */
  readonly dwoId: string;
}

/** A header that cannot be used, but whose unit can be passed over. */
export interface UnknownUnit {
  readonly offset: number;
  readonly end: number;
  readonly version: undefined;
}

/** The header at an offset; undefined where none can be, so that nothing after it can be found either. */
export function readUnitHeader(section: SectionWindow, offset: number): UnitHeader | UnknownUnit | undefined {
  const cursor = new Cursor(section.view(offset, MAX_HEADER_BYTES));
  const first = cursor.u32();
  if (first >= FIRST_RESERVED && first !== DWARF64) return undefined;
  const offsetBytes = first === DWARF64 ? 8 : 4;
  const length = first === DWARF64 ? cursor.u64() : first;
  const end = offset + cursor.at + length;
  const version = cursor.u16();
  if (cursor.failed || !(end <= section.size) || length < 2) return undefined;
  if (version < 2 || version > 5) return { offset, end, version: undefined };

  const type = version >= 5 ? cursor.u8() : DW_UT.compile;
  const addressFirst = version >= 5 ? cursor.u8() : 0;
  const abbreviationsOffset = readOffset(cursor, offsetBytes);
  const addressBytes = version >= 5 ? addressFirst : cursor.u8();
  const hasId = type === DW_UT.skeleton || type === DW_UT.splitCompile;
  const dwoId = hasId ? readId(cursor) : "";
  if (type === DW_UT.type || type === DW_UT.splitType) cursor.skip(8 + offsetBytes);
  if (cursor.failed || addressBytes !== 8 || offset + cursor.at > end) return { offset, end, version: undefined };
  return { offset, end, version, offsetBytes, type, abbreviationsOffset, entryOffset: offset + cursor.at, dwoId };
}

/** Eight bytes that say which unit it is, as 16 hex digits. */
export function readId(cursor: Cursor): string {
  const high = (low: number) => cursor.u32().toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
  return high(cursor.u32());
}
