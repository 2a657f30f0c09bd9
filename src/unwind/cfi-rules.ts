import {
  BASE_REGISTER,
  CFA_ADDEND,
  CFA_BASE,
  CFA_DEREFERENCE,
  CFA_KIND,
  CFA_OFFSET,
  CFA_INDEXED as STATE_CFA_INDEXED,
  CFA_PLT as STATE_CFA_PLT,
  CFA_REGISTER,
  CFA_UNDEFINED,
  FRAME_POINTER,
  type FollowedRegisters,
  type FrameState,
  RETURN_ADDRESS,
  RULE_AT_REGISTER,
  RULE_OFFSET,
  RULE_SAME,
  RULE_UNDEFINED,
  RULE_UNSPECIFIED,
  RULE_VALUE_OFFSET,
  STACK_POINTER,
  STATE_WORDS,
} from "../dwarf/frame-state.js";
import {
  CFA_BX,
  CFA_DEREF_FP,
  CFA_DEREF_SP,
  CFA_FP,
  CFA_INDEXED,
  CFA_LEAF,
  CFA_PLT,
  CFA_SP,
  emptyRule,
  isFramePointerRule,
  LAST_LEAF_REGISTER,
  RULE_END,
  RULE_FIRST_FREE,
  RULE_FRAME_POINTER,
  RULE_UNSUPPORTED,
  SAVE_CFA,
  SAVE_FP,
  SAVE_SAME,
  SAVE_SP,
  SAVE_UNKNOWN,
  type UnwindRule,
} from "./rule.js";
import { RuleSet } from "./rule-set.js";

/** A power of two. At twice as many slots as states, chains stay short. */
const SLOTS = 1 << 16;
const MAX_STATES = SLOTS / 2;

/**
 * Turns rows of call frame information into rule indices of one file. A file has a million rows and a thousand distinct
 * ones, so rows are interned first, as the interpreter has them, and only a row not met before is translated.
 */
export class CfiRules {
  readonly registers: FollowedRegisters;
  /** What rows are translated into; indices start at RULE_FIRST_FREE. */
  readonly rules = new RuleSet();
  /** Whether a return address that no rule mentions is in the link register. */
  readonly #hasLinkRegister: boolean;
  readonly #slots = new Int32Array(SLOTS).fill(-1);
  #states = new Int32Array(STATE_WORDS * 256);
  #stateRules = new Uint16Array(256);
  #stateCount = 0;
  readonly #rule: UnwindRule = emptyRule();
  #savedKind = 0;
  #savedOffset = 0;

  constructor(registers: FollowedRegisters, hasLinkRegister: boolean) {
    this.registers = registers;
    this.#hasLinkRegister = hasLinkRegister;
  }

  /** The rule index of a row. */
  intern(state: FrameState): number {
    let hash = 0;
    for (let word = 0; word < STATE_WORDS; word++) {
      hash = Math.imul(hash ^ state[word], 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    let slot = hash & (SLOTS - 1);
    for (let index = this.#slots[slot]; index >= 0; index = this.#slots[slot]) {
      if (this.#isState(index, state)) return this.#stateRules[index];
      slot = (slot + 1) & (SLOTS - 1);
    }
    if (this.#stateCount === MAX_STATES) return RULE_UNSUPPORTED;
    return this.#addState(slot, state);
  }

  #isState(index: number, state: FrameState): boolean {
    const base = index * STATE_WORDS;
    for (let word = 0; word < STATE_WORDS; word++) {
      if (this.#states[base + word] !== state[word]) return false;
    }
    return true;
  }

  #addState(slot: number, state: FrameState): number {
    const index = this.#stateCount++;
    if (index === this.#stateRules.length) {
      const states = new Int32Array(this.#states.length * 2);
      const stateRules = new Uint16Array(this.#stateRules.length * 2);
      states.set(this.#states);
      stateRules.set(this.#stateRules);
      this.#states = states;
      this.#stateRules = stateRules;
    }
    this.#slots[slot] = index;
    this.#states.set(state, index * STATE_WORDS);
    const rule = this.#translate(state);
    this.#stateRules[index] = rule;
    return rule;
  }

  #translate(state: FrameState): number {
    const returnAddress = state[RETURN_ADDRESS];
    if (returnAddress === RULE_UNDEFINED) return RULE_END;
    const rule = this.#rule;
    if (!this.#translateCfa(state, rule)) return RULE_UNSUPPORTED;
    // The CFA is the caller's sp by definition; code that says otherwise switches stacks.
    const stackPointer = state[STACK_POINTER];
    const isCfa =
      stackPointer === RULE_UNSPECIFIED || (stackPointer === RULE_VALUE_OFFSET && state[STACK_POINTER + 2] === 0);
    if (!isCfa) return RULE_UNSUPPORTED;

    this.#translateSaved(state, RETURN_ADDRESS, rule);
    rule.raKind = this.#savedKind;
    rule.raOffset = this.#savedOffset;
    if (rule.raKind === SAVE_UNKNOWN || (rule.raKind === SAVE_SAME && !this.#hasLinkRegister)) return RULE_UNSUPPORTED;
    this.#translateSaved(state, FRAME_POINTER, rule);
    rule.fpKind = this.#savedKind;
    rule.fpOffset = this.#savedOffset;
    this.#translateSaved(state, BASE_REGISTER, rule);
    rule.bxKind = this.#savedKind;
    rule.bxOffset = this.#savedOffset;
    if (isFramePointerRule(rule)) return RULE_FRAME_POINTER;
    const index = this.rules.add(rule);
    return index < 0 ? RULE_UNSUPPORTED : RULE_FIRST_FREE + index;
  }

  /** False when no CFA kind can say it. */
  #translateCfa(state: FrameState, rule: UnwindRule): boolean {
    const { framePointer, stackPointer, base } = this.registers;
    const register = state[CFA_BASE];
    rule.cfaRegister = 0;
    rule.cfaOffset = state[CFA_OFFSET];
    rule.cfaAddend = 0;
    switch (state[CFA_KIND]) {
      case CFA_REGISTER:
        if (register === stackPointer) rule.cfaKind = CFA_SP;
        else if (register === framePointer) rule.cfaKind = CFA_FP;
        else if (register === base) rule.cfaKind = CFA_BX;
        else if (register <= LAST_LEAF_REGISTER) {
          rule.cfaKind = CFA_LEAF;
          rule.cfaRegister = register;
        } else return false;
        return true;
      case CFA_DEREFERENCE:
        if (register === stackPointer) rule.cfaKind = CFA_DEREF_SP;
        else if (register === framePointer) rule.cfaKind = CFA_DEREF_FP;
        else return false;
        rule.cfaAddend = state[CFA_ADDEND];
        return isInt16(rule.cfaAddend);
      case STATE_CFA_INDEXED:
        rule.cfaKind = CFA_INDEXED;
        rule.cfaRegister = register;
        rule.cfaAddend = state[CFA_ADDEND];
        return isInt16(rule.cfaAddend);
      case STATE_CFA_PLT:
        rule.cfaKind = CFA_PLT;
        rule.cfaAddend = state[CFA_ADDEND];
        return true;
      case CFA_UNDEFINED:
      default:
        return false;
    }
  }

  /** Where a register is saved: kind and offset, into the two fields. What no kind can say is unknown. */
  #translateSaved(state: FrameState, column: number, { cfaKind, cfaOffset }: UnwindRule): void {
    const { framePointer, stackPointer } = this.registers;
    let kind: number = SAVE_UNKNOWN;
    let offset = state[column + 2];
    switch (state[column]) {
      case RULE_UNSPECIFIED:
      case RULE_SAME:
        kind = SAVE_SAME;
        break;
      case RULE_OFFSET:
        kind = SAVE_CFA;
        // arm64 saves registers at the bottom of a frame: of a large one, too far from the CFA, but close to sp.
        if (!isInt16(offset) && (cfaKind === CFA_SP || cfaKind === CFA_FP)) {
          kind = cfaKind === CFA_SP ? SAVE_SP : SAVE_FP;
          offset += cfaOffset;
        }
        break;
      case RULE_AT_REGISTER:
        if (state[column + 1] === framePointer) kind = SAVE_FP;
        else if (state[column + 1] === stackPointer) kind = SAVE_SP;
        break;
    }
    const isSaid = kind !== SAVE_UNKNOWN && isInt16(offset);
    this.#savedKind = isSaid ? kind : SAVE_UNKNOWN;
    this.#savedOffset = isSaid ? offset : 0;
  }
}

function isInt16(value: number): boolean {
  return (value << 16) >> 16 === value;
}
