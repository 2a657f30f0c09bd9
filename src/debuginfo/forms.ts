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

/** How a value is written: in so many bytes, one to sixteen, or in one of these ways. */
const KIND = {
  unknown: 0,
  /** Its value stands in the abbreviation. */
  implicit: 17,
  /** That it is there is its value. */
  present: 18,
  /** Four bytes, or eight in 64-bit DWARF. */
  offset: 19,
  /** The same, but an address before DWARF 3. */
  reference: 20,
  unsigned: 21,
  signed: 22,
  string: 23,
  /** A length, as LEB128 or in so many bytes, and then what is so long. */
  block: 24,
  block1: 25,
  block2: 26,
  block4: 27,
  indirect: 28,
} as const;

const F = DW_FORM;
const FORMS_OF_KIND: readonly (readonly [kind: number, ...forms: readonly number[]])[] = [
  [1, F.data1, F.flag, F.ref1, F.strx1, F.addrx1],
  [2, F.data2, F.ref2, F.strx2, F.addrx2],
  [3, F.strx3, F.addrx3],
  [4, F.data4, F.ref4, F.refSup4, F.strx4, F.addrx4],
  [8, F.addr, F.data8, F.ref8, F.refSig8, F.refSup8],
  [16, F.data16],
  [KIND.implicit, F.implicitConst],
  [KIND.present, F.flagPresent],
  [KIND.offset, F.strp, F.lineStrp, F.secOffset, F.strpSup, F.gnuRefAlt, F.gnuStrpAlt],
  [KIND.reference, F.refAddr],
  [KIND.unsigned, F.udata, F.refUdata, F.strx, F.addrx, F.loclistx, F.rnglistx, F.gnuAddrIndex, F.gnuStrIndex],
  [KIND.signed, F.sdata],
  [KIND.string, F.string],
  [KIND.block, F.block, F.exprloc],
  [KIND.block1, F.block1],
  [KIND.block2, F.block2],
  [KIND.block4, F.block4],
  [KIND.indirect, F.indirect],
];

const FIRST_GNU = 0x1f00;
const STANDARD = 0x2d;
const GNU = 0x22;
const KINDS = new Uint8Array(STANDARD + GNU);
for (const [kind, ...forms] of FORMS_OF_KIND) for (const form of forms) KINDS[placeOf(form)] = kind;

/** GNU's forms stand behind those of DWARF 5. */
function placeOf(form: number): number {
  return form < STANDARD ? form : form >= FIRST_GNU && form < FIRST_GNU + GNU ? form - FIRST_GNU + STANDARD : 0;
}

/** Bytes that a form takes, {@link VARIABLE_SIZE}, or {@link UNKNOWN_SIZE}. Addresses have eight. */
export function sizeOfForm(form: number, { version, offsetBytes }: FormSizes): number {
  const kind = KINDS[placeOf(form)];
  switch (kind) {
    case KIND.unknown:
      return UNKNOWN_SIZE;
    case KIND.implicit:
    case KIND.present:
      return 0;
    case KIND.offset:
      return offsetBytes;
    case KIND.reference:
      return version <= 2 ? 8 : offsetBytes;
    default:
      return kind <= 16 ? kind : VARIABLE_SIZE;
  }
}

/**
 * Reads a value: a number, or where it stands (an index of the cursor's bytes) for strings, blocks and 16 bytes. A form that
 * is not known fails the cursor.
 */
export function readForm(cursor: Cursor, form: number, implicit: number, sizes: FormSizes): number {
  const start = cursor.at;
  switch (KINDS[placeOf(form)]) {
    case KIND.implicit:
      return implicit;
    case KIND.present:
      return 1;
    case KIND.signed:
      return readSigned(cursor);
    case KIND.unsigned:
      return cursor.uleb();
    case KIND.string:
      skipString(cursor);
      return start;
    case KIND.block:
      cursor.skip(cursor.uleb());
      return start;
    case KIND.block1:
      cursor.skip(cursor.u8());
      return start;
    case KIND.block2:
      cursor.skip(cursor.u16());
      return start;
    case KIND.block4:
      cursor.skip(cursor.u32());
      return start;
    case 16:
      cursor.skip(16);
      return start;
    case KIND.indirect:
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
