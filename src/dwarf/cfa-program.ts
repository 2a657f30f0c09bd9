import type { Cursor } from "./cursor.js";
import { type PointerBases, readEncodedPointer } from "./encoded-pointer.js";
import {
  type ExpressionShape,
  recognizeExpression,
  SHAPE_DEREFERENCE,
  SHAPE_INDEXED,
  SHAPE_OTHER,
  SHAPE_PLT,
  SHAPE_REGISTER,
} from "./expression.js";
import {
  BASE_REGISTER,
  CFA_ADDEND,
  CFA_BASE,
  CFA_DEREFERENCE,
  CFA_INDEXED,
  CFA_KIND,
  CFA_OFFSET,
  CFA_OTHER,
  CFA_PLT,
  CFA_REGISTER,
  copyState,
  FRAME_POINTER,
  type FollowedRegisters,
  type FrameState,
  RETURN_ADDRESS,
  RULE_AT_REGISTER,
  RULE_OFFSET,
  RULE_OTHER,
  RULE_REGISTER,
  RULE_SAME,
  RULE_UNDEFINED,
  RULE_UNSPECIFIED,
  RULE_VALUE_OFFSET,
  STACK_POINTER,
  STATE_WORDS,
} from "./frame-state.js";

/** Compilers nest one deep. A program that goes deeper than this is refused. */
const MAX_REMEMBERED = 32;

/** What a program needs to know of its CIE. */
export interface ProgramContext {
  readonly codeAlignment: number;
  readonly dataAlignment: number;
  readonly returnAddressRegister: number;
  readonly pointerEncoding: number;
  /** The row after the CIE's own instructions; what DW_CFA_restore goes back to. */
  readonly initial: FrameState;
}

/** Takes the rows of a program as they come, in ascending order of location. */
export interface RowSink {
  /**
   * From `location` (bytes past the function's start) on, `state` holds. Called only where something may have changed.
   * The state is the interpreter's own: copy what is kept.
   */
  row(location: number, state: FrameState): void;
}

/** Runs the call frame instructions of CIEs and FDEs (DWARF 5, 6.4.2; GNU and Arm extensions). */
export class CfaProgram {
  readonly state: FrameState = new Int32Array(STATE_WORDS);
  readonly #registers: FollowedRegisters;
  readonly #remembered = new Int32Array(STATE_WORDS * MAX_REMEMBERED);
  readonly #shape: ExpressionShape = { shape: SHAPE_OTHER, register: 0, offset: 0, addend: 0 };
  #depth = 0;

  constructor(registers: FollowedRegisters) {
    this.#registers = registers;
  }

  /**
   * Runs the cursor's bytes to their end from `context.initial` and gives each row that lies before `size` to the
   * sink. `start` is the function's ELF address, `origin` that of cursor.bytes[0], both for DW_CFA_set_loc.
   * False when the program makes no sense; rows given until then are to be thrown away.
   */
  run(
    cursor: Cursor,
    context: ProgramContext,
    start: number,
    size: number,
    origin: number,
    bases: PointerBases,
    sink: RowSink,
  ): boolean {
    const { state } = this;
    copyState(state, 0, context.initial, 0);
    this.#depth = 0;
    let location = 0;
    let changed = true;
    while (cursor.at < cursor.end) {
      const byte = cursor.bytes[cursor.at++];
      const operand = byte & 0x3f;
      let next = -1;
      switch (byte >> 6) {
        case 1: // DW_CFA_advance_loc
          next = location + operand * context.codeAlignment;
          break;
        case 2: // DW_CFA_offset
          this.#setSaved(operand, cursor.uleb() * context.dataAlignment, RULE_OFFSET, context);
          changed = true;
          break;
        case 3: // DW_CFA_restore
          this.#restore(operand, context);
          changed = true;
          break;
        default:
          switch (operand) {
            case 0x01: // DW_CFA_set_loc
              next = readEncodedPointer(cursor, context.pointerEncoding, origin, bases) - start;
              if (!(next >= location)) return false;
              break;
            case 0x02: // DW_CFA_advance_loc1
              next = location + cursor.u8() * context.codeAlignment;
              break;
            case 0x03: // DW_CFA_advance_loc2
              next = location + cursor.u16() * context.codeAlignment;
              break;
            case 0x04: // DW_CFA_advance_loc4
              next = location + cursor.u32() * context.codeAlignment;
              break;
            case 0x1d: // DW_CFA_MIPS_advance_loc8
              next = location + cursor.u64() * context.codeAlignment;
              break;
            default:
              if (!this.#execute(operand, cursor, context)) return false;
              changed = true;
          }
      }
      if (next > location) {
        if (changed) {
          sink.row(location, state);
          changed = false;
        }
        location = next;
        if (location >= size) return !cursor.failed;
      }
    }
    if (changed) sink.row(location, state);
    return !cursor.failed;
  }

  /** Instructions with an opcode in the low bits, other than those that move the location. False: unknown or absurd. */
  #execute(opcode: number, cursor: Cursor, context: ProgramContext): boolean {
    const { state } = this;
    const scale = context.dataAlignment;
    switch (opcode) {
      case 0x00: // DW_CFA_nop
      case 0x2c: // DW_CFA_AARCH64_negate_ra_state_with_pc
      case 0x2d: // DW_CFA_AARCH64_negate_ra_state: the unwinder strips signatures from every return address
        return true;
      case 0x05: // DW_CFA_offset_extended
        this.#setSaved(cursor.uleb(), cursor.uleb() * scale, RULE_OFFSET, context);
        return true;
      case 0x06: // DW_CFA_restore_extended
        this.#restore(cursor.uleb(), context);
        return true;
      case 0x07: // DW_CFA_undefined
        this.#set(cursor.uleb(), RULE_UNDEFINED, 0, 0, context);
        return true;
      case 0x08: // DW_CFA_same_value
        this.#set(cursor.uleb(), RULE_SAME, 0, 0, context);
        return true;
      case 0x09: // DW_CFA_register
        this.#set(cursor.uleb(), RULE_REGISTER, cursor.uleb(), 0, context);
        return true;
      case 0x0a: // DW_CFA_remember_state
        if (this.#depth === MAX_REMEMBERED) return false;
        copyState(this.#remembered, STATE_WORDS * this.#depth++, state, 0);
        return true;
      case 0x0b: // DW_CFA_restore_state
        if (this.#depth === 0) return false;
        copyState(state, 0, this.#remembered, STATE_WORDS * --this.#depth);
        return true;
      case 0x0c: // DW_CFA_def_cfa
        this.#setCfa(CFA_REGISTER, cursor.uleb(), cursor.uleb(), 0);
        return true;
      case 0x0d: // DW_CFA_def_cfa_register
        if (state[CFA_KIND] === CFA_REGISTER) this.#setCfa(CFA_REGISTER, cursor.uleb(), state[CFA_OFFSET], 0);
        else this.#setCfa(CFA_OTHER, cursor.uleb(), 0, 0);
        return true;
      case 0x0e: // DW_CFA_def_cfa_offset
        this.#setCfaOffset(cursor.uleb());
        return true;
      case 0x0f: // DW_CFA_def_cfa_expression
        recognizeExpression(cursor, cursor.uleb(), this.#shape);
        this.#setCfaFromShape();
        return true;
      case 0x10: // DW_CFA_expression
        this.#setFromExpression(cursor.uleb(), cursor, context);
        return true;
      case 0x11: // DW_CFA_offset_extended_sf
        this.#setSaved(cursor.uleb(), cursor.sleb() * scale, RULE_OFFSET, context);
        return true;
      case 0x12: // DW_CFA_def_cfa_sf
        this.#setCfa(CFA_REGISTER, cursor.uleb(), cursor.sleb() * scale, 0);
        return true;
      case 0x13: // DW_CFA_def_cfa_offset_sf
        this.#setCfaOffset(cursor.sleb() * scale);
        return true;
      case 0x14: // DW_CFA_val_offset
        this.#setSaved(cursor.uleb(), cursor.uleb() * scale, RULE_VALUE_OFFSET, context);
        return true;
      case 0x15: // DW_CFA_val_offset_sf
        this.#setSaved(cursor.uleb(), cursor.sleb() * scale, RULE_VALUE_OFFSET, context);
        return true;
      case 0x16: // DW_CFA_val_expression
        this.#set(cursor.uleb(), RULE_OTHER, 0, 0, context);
        cursor.skip(cursor.uleb());
        return true;
      case 0x2e: // DW_CFA_GNU_args_size
        cursor.uleb();
        return true;
      case 0x2f: // DW_CFA_GNU_negative_offset_extended
        this.#setSaved(cursor.uleb(), -cursor.uleb() * scale, RULE_OFFSET, context);
        return true;
      default:
        return false;
    }
  }

  #setCfa(kind: number, register: number, offset: number, addend: number): void {
    const { state } = this;
    const fits = register <= 0xff && (offset | 0) === offset && (addend | 0) === addend;
    state[CFA_KIND] = fits ? kind : CFA_OTHER;
    state[CFA_BASE] = fits ? register : 0;
    state[CFA_OFFSET] = fits ? offset : 0;
    state[CFA_ADDEND] = fits ? addend : 0;
  }

  #setCfaOffset(offset: number): void {
    const { state } = this;
    this.#setCfa(state[CFA_KIND] === CFA_REGISTER ? CFA_REGISTER : CFA_OTHER, state[CFA_BASE], offset, 0);
  }

  #setCfaFromShape(): void {
    const { shape, register, offset, addend } = this.#shape;
    if (shape === SHAPE_REGISTER) this.#setCfa(CFA_REGISTER, register, offset, 0);
    else if (shape === SHAPE_DEREFERENCE) this.#setCfa(CFA_DEREFERENCE, register, offset, addend);
    else if (shape === SHAPE_INDEXED) this.#setCfa(CFA_INDEXED, register, offset, addend);
    else if (shape === SHAPE_PLT && register === this.#registers.stackPointer) {
      this.#setCfa(CFA_PLT, register, offset, addend);
    } else this.#setCfa(CFA_OTHER, 0, 0, 0);
  }

  #setFromExpression(register: number, cursor: Cursor, context: ProgramContext): void {
    recognizeExpression(cursor, cursor.uleb(), this.#shape);
    const { shape, register: base, offset } = this.#shape;
    if (shape === SHAPE_REGISTER && (offset | 0) === offset) {
      this.#set(register, RULE_AT_REGISTER, base, offset, context);
    } else this.#set(register, RULE_OTHER, 0, 0, context);
  }

  #setSaved(register: number, offset: number, kind: number, context: ProgramContext): void {
    const fits = (offset | 0) === offset;
    this.#set(register, fits ? kind : RULE_OTHER, 0, fits ? offset : 0, context);
  }

  #set(register: number, kind: number, operand: number, offset: number, context: ProgramContext): void {
    const column = this.#column(register, context);
    if (column === 0) return;
    const { state } = this;
    state[column] = kind;
    state[column + 1] = operand;
    state[column + 2] = offset;
  }

  #restore(register: number, context: ProgramContext): void {
    const column = this.#column(register, context);
    if (column === 0) return;
    const { state } = this;
    state[column] = context.initial[column];
    state[column + 1] = context.initial[column + 1];
    state[column + 2] = context.initial[column + 2];
  }

  /** The register's first word in the state, 0 when it is not followed. */
  #column(register: number, context: ProgramContext): number {
    if (register === context.returnAddressRegister) return RETURN_ADDRESS;
    const { framePointer, base, stackPointer } = this.#registers;
    if (register === framePointer) return FRAME_POINTER;
    if (register === base) return BASE_REGISTER;
    if (register === stackPointer) return STACK_POINTER;
    return 0;
  }
}

/** Where a CIE's own instructions start from: nothing is known of any register. */
export function unspecifiedState(): FrameState {
  return new Int32Array(STATE_WORDS).fill(RULE_UNSPECIFIED);
}
