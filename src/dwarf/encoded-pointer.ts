import type { Cursor } from "./cursor.js";

/** Pointer encodings: Linux Standard Base Core 5.0, 10.5.1; low four bits format, next three application. */
export const DW_EH_PE_absptr = 0x00;
export const DW_EH_PE_uleb128 = 0x01;
export const DW_EH_PE_udata2 = 0x02;
export const DW_EH_PE_udata4 = 0x03;
export const DW_EH_PE_udata8 = 0x04;
export const DW_EH_PE_sleb128 = 0x09;
export const DW_EH_PE_sdata2 = 0x0a;
export const DW_EH_PE_sdata4 = 0x0b;
export const DW_EH_PE_sdata8 = 0x0c;
export const DW_EH_PE_pcrel = 0x10;
export const DW_EH_PE_textrel = 0x20;
export const DW_EH_PE_datarel = 0x30;
export const DW_EH_PE_aligned = 0x50;
export const DW_EH_PE_indirect = 0x80;
export const DW_EH_PE_omit = 0xff;

/** ELF addresses that relative pointers count from; NaN where there is none, which refuses such pointers. */
export interface PointerBases {
  readonly text: number;
  readonly data: number;
}

export const NO_BASES: PointerBases = { text: NaN, data: NaN };

/**
 * An encoded pointer as an ELF address; NaN when it cannot be one. `origin` is the ELF address of cursor.bytes[0].
 * Indirect pointers are refused: what they point at is filled in by the dynamic linker, not in the file.
 */
export function readEncodedPointer(cursor: Cursor, encoding: number, origin: number, bases: PointerBases): number {
  if (encoding === DW_EH_PE_omit) return NaN;
  const field = origin + cursor.at;
  if (encoding === DW_EH_PE_aligned) {
    cursor.skip((8 - (field % 8)) % 8);
    return cursor.u64();
  }
  const application = encoding & 0x70;
  const value = readEncodedValue(cursor, encoding, application !== 0);
  // As libgcc has it: a null pointer is null whatever it is relative to.
  if (value === 0) return (encoding & DW_EH_PE_indirect) === 0 ? 0 : NaN;
  return value + applicationBase(encoding, field, bases);
}

/** The number itself. Eight unsigned bytes that will be added to a base wrap at 2^64, so they are read as signed. */
export function readEncodedValue(cursor: Cursor, encoding: number, isRelative: boolean): number {
  switch (encoding & 0x0f) {
    case DW_EH_PE_sdata4:
      return cursor.s32();
    case DW_EH_PE_udata4:
      return cursor.u32();
    case DW_EH_PE_absptr:
    case DW_EH_PE_udata8:
      return isRelative ? cursor.s64() : cursor.u64();
    case DW_EH_PE_sdata8:
      return cursor.s64();
    case DW_EH_PE_udata2:
      return cursor.u16();
    case DW_EH_PE_sdata2:
      return (cursor.u16() << 16) >> 16;
    case DW_EH_PE_uleb128:
      return cursor.uleb();
    case DW_EH_PE_sleb128:
      return cursor.sleb();
    default:
      return NaN;
  }
}

function applicationBase(encoding: number, field: number, bases: PointerBases): number {
  switch (encoding & 0xf0) {
    case DW_EH_PE_pcrel:
      return field;
    case DW_EH_PE_absptr:
      return 0;
    case DW_EH_PE_textrel:
      return bases.text;
    case DW_EH_PE_datarel:
      return bases.data;
    // Function-relative makes no sense for what names a function; indirect is refused.
    default:
      return NaN;
  }
}
