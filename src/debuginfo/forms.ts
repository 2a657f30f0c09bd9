import type { Cursor } from "../dwarf/cursor.js";
import { DW_FORM } from "./constants.js";

/** What the size of a form depends on. */
export interface FormSizes {
  readonly version: number;
  /** 4, or 8 in 64-bit DWARF. */
  readonly offsetBytes: 4 | 8;
}

/** Of a form that is not known. */
export const UNKNOWN_SIZE = -2;
/** Of a form whose size stands in the entry. */
export const VARIABLE_SIZE = -1;

/** An indirect form that names an indirect form, and so on. */
const MAX_INDIRECTIONS = 4;

/** Bytes that a form takes, {@link VARIABLE_SIZE}, or {@link UNKNOWN_SIZE}. Addresses have eight. */
export function sizeOfForm(form: number, { version, offsetBytes }: FormSizes): number {
  switch (form) {
    case DW_FORM.implicitConst:
    case DW_FORM.flagPresent:
      return 0;
    case DW_FORM.data1:
    case DW_FORM.flag:
    case DW_FORM.ref1:
    case DW_FORM.strx1:
    case DW_FORM.addrx1:
      return 1;
    case DW_FORM.data2:
    case DW_FORM.ref2:
    case DW_FORM.strx2:
    case DW_FORM.addrx2:
      return 2;
    case DW_FORM.strx3:
    case DW_FORM.addrx3:
      return 3;
    case DW_FORM.data4:
    case DW_FORM.ref4:
    case DW_FORM.refSup4:
    case DW_FORM.strx4:
    case DW_FORM.addrx4:
      return 4;
    case DW_FORM.addr:
    case DW_FORM.data8:
    case DW_FORM.ref8:
    case DW_FORM.refSig8:
    case DW_FORM.refSup8:
      return 8;
    case DW_FORM.data16:
      return 16;
    case DW_FORM.refAddr:
      return version <= 2 ? 8 : offsetBytes;
    case DW_FORM.strp:
    case DW_FORM.lineStrp:
    case DW_FORM.secOffset:
    case DW_FORM.strpSup:
    case DW_FORM.gnuRefAlt:
    case DW_FORM.gnuStrpAlt:
      return offsetBytes;
    case DW_FORM.string:
    case DW_FORM.block:
    case DW_FORM.block1:
    case DW_FORM.block2:
    case DW_FORM.block4:
    case DW_FORM.exprloc:
    case DW_FORM.sdata:
    case DW_FORM.udata:
    case DW_FORM.refUdata:
    case DW_FORM.strx:
    case DW_FORM.addrx:
    case DW_FORM.loclistx:
    case DW_FORM.rnglistx:
    case DW_FORM.gnuAddrIndex:
    case DW_FORM.gnuStrIndex:
    case DW_FORM.indirect:
      return VARIABLE_SIZE;
    default:
      return UNKNOWN_SIZE;
  }
}

/**
 * Reads a value: a number, or where it stands (an index of the cursor's bytes) for strings, blocks and 16 bytes. A form that
 * is not known fails the cursor.
 */
export function readForm(cursor: Cursor, form: number, implicit: number, sizes: FormSizes): number {
  const start = cursor.at;
  switch (form) {
    case DW_FORM.implicitConst:
      return implicit;
    case DW_FORM.flagPresent:
      return 1;
    case DW_FORM.sdata:
      return readSigned(cursor);
    case DW_FORM.udata:
    case DW_FORM.refUdata:
    case DW_FORM.strx:
    case DW_FORM.addrx:
    case DW_FORM.loclistx:
    case DW_FORM.rnglistx:
    case DW_FORM.gnuAddrIndex:
    case DW_FORM.gnuStrIndex:
      return cursor.uleb();
    case DW_FORM.string:
      skipString(cursor);
      return start;
    case DW_FORM.block:
    case DW_FORM.exprloc:
      cursor.skip(cursor.uleb());
      return start;
    case DW_FORM.block1:
      cursor.skip(cursor.u8());
      return start;
    case DW_FORM.block2:
      cursor.skip(cursor.u16());
      return start;
    case DW_FORM.block4:
      cursor.skip(cursor.u32());
      return start;
    case DW_FORM.data16:
      cursor.skip(16);
      return start;
    case DW_FORM.indirect:
      return readForm(cursor, readIndirect(cursor), 0, sizes);
    default:
      return readFixed(cursor, sizeOfForm(form, sizes));
  }
}

/** The form that an entry names itself. Those that need more than the entry has are refused (DWARF 5, 7.5.3). */
export function readIndirect(cursor: Cursor): number {
  for (let depth = 0; depth < MAX_INDIRECTIONS; depth++) {
    const form = cursor.uleb();
    if (form === DW_FORM.implicitConst) break;
    if (form !== DW_FORM.indirect) return form;
  }
  return 0;
}

function readFixed(cursor: Cursor, bytes: number): number {
  switch (bytes) {
    case 1:
      return cursor.u8();
    case 2:
      return cursor.u16();
    case 3:
      return cursor.u16() | (cursor.u8() << 16);
    case 4:
      return cursor.u32();
    case 8:
      return cursor.u64();
    default:
      cursor.failed = true;
      return 0;
  }
}

/** A signed LEB128 of up to 64 bits, such as constants of the program have; rounded above 2^53. */
export function readSigned(cursor: Cursor): number {
  let value = 0;
  for (let scale = 1; scale < 2 ** 70; scale *= 2 ** 7) {
    const byte = cursor.u8();
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return (byte & 0x40) === 0 ? value : value - scale * 2 ** 7;
  }
  cursor.failed = true;
  return 0;
}

/**
 * An unsigned LEB128 that is added to an address: from 2^63 on it stands for a negative number, for the sum wraps around. Go's
 * linker has units whose first function does not come first.
 */
export function readWrapped(cursor: Cursor): number {
  let low = 0;
  let middle = 0;
  let high = 0;
  for (let at = 0; at < 10; at++) {
    const byte = cursor.u8();
    if (at < 4) low |= (byte & 0x7f) << (at * 7);
    else if (at < 8) middle |= (byte & 0x7f) << ((at - 4) * 7);
    else high |= (byte & 0x7f) << ((at - 8) * 7);
    if (byte < 0x80) return ((high << 24) >> 24) * 2 ** 56 + middle * 2 ** 28 + low;
  }
  cursor.failed = true;
  return 0;
}

/** Moves past a string and the zero at its end. */
export function skipString(cursor: Cursor): void {
  const end = cursor.bytes.indexOf(0, cursor.at);
  if (end < 0 || end >= cursor.end) {
    cursor.failed = true;
    cursor.at = cursor.end;
  } else {
    cursor.at = end + 1;
  }
}

/** An offset into a section, of four or eight bytes. */
export function readOffset(cursor: Cursor, offsetBytes: 4 | 8): number {
  return offsetBytes === 8 ? cursor.u64() : cursor.u32();
}
