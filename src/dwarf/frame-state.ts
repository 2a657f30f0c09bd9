/**
 * One row of the table that call frame information describes (DWARF 5, 6.4.1): how to find the CFA, and the caller's
 * values of the registers that are followed. It is a flat Int32Array so that remembering, restoring, comparing and
 * hashing a row are loops over {@link STATE_WORDS} integers.
 *
 *   [0] kind of CFA   [1] register   [2] offset   [3] addend
 *   then three words for each followed register: [kind of rule, register, offset]
 */
export type FrameState = Int32Array;

/** enum of state[CFA_KIND]. */
export const CFA_UNDEFINED = 0;
/** register + offset. */
export const CFA_REGISTER = 1;
/** *(register + offset) + addend. */
export const CFA_DEREFERENCE = 2;
/** register + offset + ((ip & 15) >= addend ? 8 : 0), which linkers write for .plt; register is the stack pointer. */
export const CFA_PLT = 3;
/** An expression of another shape, or an offset that does not fit. */
export const CFA_OTHER = 4;
/** *(the stack pointer + offset + 8 * register) + addend: libcrypto's bn_mul_mont. */
export const CFA_INDEXED = 5;

/** enum of a followed register's kind. */
export const RULE_UNSPECIFIED = 0;
export const RULE_UNDEFINED = 1;
export const RULE_SAME = 2;
/** Saved at CFA + offset. */
export const RULE_OFFSET = 3;
/** Is CFA + offset. */
export const RULE_VALUE_OFFSET = 4;
/** In another register. */
export const RULE_REGISTER = 5;
/** Saved at register + offset: an expression of that shape. */
export const RULE_AT_REGISTER = 6;
/** An expression of another shape, or an offset that does not fit. */
export const RULE_OTHER = 7;

export const CFA_KIND = 0;
export const CFA_BASE = 1;
export const CFA_OFFSET = 2;
export const CFA_ADDEND = 3;

/** Index of the first word of each followed register. */
export const RETURN_ADDRESS = 4;
export const FRAME_POINTER = 7;
export const BASE_REGISTER = 10;
export const STACK_POINTER = 13;
export const STATE_WORDS = 16;

/** DWARF numbers of the registers that are followed beside the return address, which each CIE names itself. */
export interface FollowedRegisters {
  readonly framePointer: number;
  readonly stackPointer: number;
  /** rbx on x86-64; -1 for none. */
  readonly base: number;
}

/** System V psABI for x86-64, figure 3.36. */
export const X86_64_REGISTERS: FollowedRegisters = { framePointer: 6, stackPointer: 7, base: 3 };
/** DWARF for the Arm 64-bit architecture, 4.1. */
export const AARCH64_REGISTERS: FollowedRegisters = { framePointer: 29, stackPointer: 31, base: -1 };

export function copyState(to: Int32Array, toIndex: number, from: Int32Array, fromIndex: number): void {
  for (let word = 0; word < STATE_WORDS; word++) to[toIndex + word] = from[fromIndex + word];
}
