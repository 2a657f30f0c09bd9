import type { Cursor } from "./cursor.js";

/**
 * DWARF expressions in call frame information, recognised by shape instead of being executed: compilers, linkers and
 * hand-written assembly use very few. DRAP frames of gcc (`breg; deref` and `breg`), libcrypto (`breg; deref;
 * plus_uconst`, and with an index in bn_mul_mont), and what every linker emits for .plt.
 */
export const SHAPE_OTHER = 0;
/** register + offset. */
export const SHAPE_REGISTER = 1;
/** *(register + offset) + addend. */
export const SHAPE_DEREFERENCE = 2;
/** register + offset + ((ip & 15) >= addend ? 8 : 0). */
export const SHAPE_PLT = 3;
/** *(stack pointer + offset + 8 * register) + addend. */
export const SHAPE_INDEXED = 4;

/** What {@link recognizeExpression} found; one object that is written over, as expressions are met by the thousand. */
export interface ExpressionShape {
  shape: number;
  register: number;
  offset: number;
  addend: number;
}

const DW_OP_deref = 0x06;
const DW_OP_and = 0x1a;
const DW_OP_mul = 0x1e;
const DW_OP_plus = 0x22;
const DW_OP_plus_uconst = 0x23;
const DW_OP_shl = 0x24;
const DW_OP_ge = 0x2a;
const DW_OP_lit0 = 0x30;
const DW_OP_lit3 = 0x33;
const DW_OP_lit8 = 0x38;
const DW_OP_lit15 = 0x3f;
const DW_OP_lit31 = 0x4f;
const DW_OP_breg0 = 0x70;
const DW_OP_breg31 = 0x8f;
/** rip: only the PLT expression reads it. */
const DW_OP_breg16 = 0x80;
/** rsp: libcrypto writes an index for x86-64 only. */
const STACK_POINTER = 7;

/** Reads the expression of `length` bytes at the cursor and moves past it. */
export function recognizeExpression(cursor: Cursor, length: number, into: ExpressionShape): void {
  into.shape = SHAPE_OTHER;
  into.register = into.offset = into.addend = 0;
  const start = cursor.at;
  const { bytes } = cursor;
  cursor.skip(length);
  if (cursor.failed || length < 2) return;
  const after = cursor.at;
  const outerEnd = cursor.end;
  // Operands are read inside the expression's own bounds.
  cursor.at = start;
  cursor.end = after;
  const opcode = cursor.u8();
  if (opcode >= DW_OP_breg0 && opcode <= DW_OP_breg31) {
    into.register = opcode - DW_OP_breg0;
    into.offset = cursor.sleb();
    if (isPltTail(bytes, cursor.at, after)) {
      into.shape = SHAPE_PLT;
      into.addend = bytes[cursor.at + 4] - DW_OP_lit0;
    } else if (into.register === STACK_POINTER && isIndexedTail(bytes, cursor.at, after)) {
      into.register = bytes[cursor.at] - DW_OP_breg0;
      cursor.at += INDEXED_TAIL_BYTES;
      into.addend = cursor.uleb();
      if (cursor.at === after) into.shape = SHAPE_INDEXED;
    } else {
      recognizeTail(cursor, into);
    }
  }
  if (cursor.failed) into.shape = SHAPE_OTHER;
  cursor.failed = false;
  cursor.at = after;
  cursor.end = outerEnd;
}

/** After `breg register offset`: nothing, plus_uconst, deref, or deref and plus_uconst. */
function recognizeTail(cursor: Cursor, into: ExpressionShape): void {
  let shape = SHAPE_REGISTER;
  if (cursor.at < cursor.end && cursor.bytes[cursor.at] === DW_OP_deref) {
    shape = SHAPE_DEREFERENCE;
    cursor.at++;
  }
  if (cursor.at < cursor.end && cursor.bytes[cursor.at] === DW_OP_plus_uconst) {
    cursor.at++;
    const addend = cursor.uleb();
    if (shape === SHAPE_REGISTER) into.offset += addend;
    else into.addend = addend;
  }
  if (cursor.at === cursor.end) into.shape = shape;
}

/**
 * `breg16 0; lit15; and; lit<n>; ge; lit3; shl; plus`. The push in a PLT entry ends 11 bytes in, or 10 where the jump
 * before it is short of a prefix, so n is 11 or 10 (GNU ld's elf64-x86-64.c and lld have both).
 */
function isPltTail(bytes: Uint8Array, at: number, end: number): boolean {
  return (
    end - at === 9 &&
    bytes[at] === DW_OP_breg16 &&
    bytes[at + 1] === 0 &&
    bytes[at + 2] === DW_OP_lit15 &&
    bytes[at + 3] === DW_OP_and &&
    bytes[at + 4] >= DW_OP_lit0 &&
    bytes[at + 4] <= DW_OP_lit31 &&
    bytes[at + 5] === DW_OP_ge &&
    bytes[at + 6] === DW_OP_lit3 &&
    bytes[at + 7] === DW_OP_shl &&
    bytes[at + 8] === DW_OP_plus
  );
}

/** Before the operand of plus_uconst. */
const INDEXED_TAIL_BYTES = 7;

/** `breg<n> 0; lit8; mul; plus; deref; plus_uconst`: bn_mul_mont keeps its caller's sp behind an array of r9 words. */
function isIndexedTail(bytes: Uint8Array, at: number, end: number): boolean {
  return (
    end - at > INDEXED_TAIL_BYTES &&
    bytes[at] >= DW_OP_breg0 &&
    bytes[at] < DW_OP_breg16 &&
    bytes[at + 1] === 0 &&
    bytes[at + 2] === DW_OP_lit8 &&
    bytes[at + 3] === DW_OP_mul &&
    bytes[at + 4] === DW_OP_plus &&
    bytes[at + 5] === DW_OP_deref &&
    bytes[at + 6] === DW_OP_plus_uconst
  );
}
