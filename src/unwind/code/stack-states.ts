import {
  CFA_FP,
  CFA_SP,
  emptyRule,
  isFramePointerRule,
  RULE_END,
  RULE_FIRST_FREE,
  RULE_FRAME_POINTER,
  RULE_NONE,
  SAVE_CFA,
  SAVE_SAME,
  SAVE_UNKNOWN,
  type UnwindRule,
} from "../rule.js";
import type { RuleSet } from "../rule-set.js";

/** A distance that is not known. */
export const UNKNOWN = -1;
/** Where a register's value at the entry is: still in the register; nowhere; else so many bytes below the CFA. */
export const SAME = 0;
export const LOST = -1;
/** Frames beyond this are not followed. Offsets of saved registers have 16 bits. */
const MAX_DEPTH = 1 << 24;
const MAX_SAVED = 0x7fff;

/** Sixteen bits number the states of a file; a large library of C has three thousand. */
const MAX_STATES = 0xfff0;
const WORDS = 7;
/** A power of two, at least twice as many. */
const SLOTS = 1 << 17;

/** What is known of the stack before an instruction, in bytes below the CFA. */
export interface StackState {
  /** How far rsp is below the CFA, 8 at a function's entry. */
  sp: number;
  /** How far rbp is, where it is the frame's base. */
  fp: number;
  /** Where the caller's rbp and rbx are. */
  fpSaved: number;
  bxSaved: number;
  /** Another register that holds an address of this stack, and how far that is below the CFA (a realigned frame's is 0). */
  held: number;
  heldAt: number;
  /** 1 where rbp was cleared without having been saved: what starts a stack does so (psABI, "Initial Stack and Register State"). */
  end: number;
}

export function entryState(): StackState {
  return { sp: 8, fp: UNKNOWN, fpSaved: SAME, bxSaved: SAME, held: UNKNOWN, heldAt: UNKNOWN, end: 0 };
}

/** The distinct states of one file, numbered from 1 in the order they came; 0 is none. Number 1 is a function's entry. */
export class StackStates {
  readonly #slots = new Uint16Array(SLOTS);
  #words = new Int32Array(WORDS * 256);
  #count = 1;
  readonly #rules: RuleSet;
  readonly #rule = emptyRule();
  readonly #ruleOfState: number[] = [];

  constructor(rules: RuleSet) {
    this.#rules = rules;
    this.add(entryState());
  }

  /** The number of a state; 0 when there are too many. */
  add(state: Readonly<StackState>): number {
    let hash = Math.imul(state.sp, 0x9e3779b1) ^ Math.imul(state.fp + 5, 0x85ebca6b) ^ (state.fpSaved << 3);
    hash ^=
      Math.imul(state.bxSaved + 3, 0xc2b2ae35) ^ Math.imul(state.heldAt + state.held * 64, 0x27d4eb2f) ^ state.end;
    let slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    for (let number = this.#slots[slot]; number !== 0; number = this.#slots[slot]) {
      if (this.#isState(number * WORDS, state)) return number;
      slot = (slot + 1) & (SLOTS - 1);
    }
    if (this.#count === MAX_STATES) return 0;
    const number = this.#count++;
    this.#slots[slot] = number;
    if (this.#count * WORDS > this.#words.length) {
      const words = new Int32Array(this.#words.length * 2);
      words.set(this.#words);
      this.#words = words;
    }
    const { sp, fp, fpSaved, bxSaved, held, heldAt, end } = state;
    this.#words.set([sp, fp, fpSaved, bxSaved, held, heldAt, end], number * WORDS);
    return number;
  }

  /** Reads a state into `into`. */
  get(number: number, into: StackState): void {
    const words = this.#words;
    const at = number * WORDS;
    into.sp = words[at];
    into.fp = words[at + 1];
    into.fpSaved = words[at + 2];
    into.bxSaved = words[at + 3];
    into.held = words[at + 4];
    into.heldAt = words[at + 5];
    into.end = words[at + 6];
  }

  /** The rule index that says a state; RULE_NONE where the CFA is not known. */
  ruleOf(number: number): number {
    return (this.#ruleOfState[number] ??= this.#makeRule(number));
  }

  #isState(at: number, state: Readonly<StackState>): boolean {
    const words = this.#words;
    return (
      words[at] === state.sp &&
      words[at + 1] === state.fp &&
      words[at + 2] === state.fpSaved &&
      words[at + 3] === state.bxSaved &&
      words[at + 4] === state.held &&
      words[at + 5] === state.heldAt &&
      words[at + 6] === state.end
    );
  }

  #makeRule(number: number): number {
    const state = entryState();
    this.get(number, state);
    if (state.end === 1) return RULE_END;
    const rule = Object.assign(this.#rule, emptyRule(), { raKind: SAVE_CFA, raOffset: -8 });
    // By the frame pointer, pushes need no rows.
    if (state.fp >= 16) {
      rule.cfaKind = CFA_FP;
      rule.cfaOffset = state.fp;
    } else if (state.sp >= 8) {
      rule.cfaKind = CFA_SP;
      rule.cfaOffset = state.sp;
    } else {
      return RULE_NONE;
    }
    save(rule, "fp", state.fpSaved);
    save(rule, "bx", state.bxSaved);
    if (isFramePointerRule(rule)) return RULE_FRAME_POINTER;
    const index = this.#rules.add(rule);
    return index < 0 ? RULE_NONE : RULE_FIRST_FREE + index;
  }
}

/** What two paths to one instruction agree on, into the first; false where that is the first already. */
export function meet(state: StackState, other: Readonly<StackState>): boolean {
  let changed = false;
  if (state.sp !== other.sp && state.sp !== UNKNOWN) {
    state.sp = UNKNOWN;
    changed = true;
  }
  if (state.fp !== other.fp && state.fp !== UNKNOWN) {
    state.fp = UNKNOWN;
    changed = true;
  }
  if (state.fpSaved !== other.fpSaved && state.fpSaved !== LOST) {
    state.fpSaved = LOST;
    changed = true;
  }
  if (state.bxSaved !== other.bxSaved && state.bxSaved !== LOST) {
    state.bxSaved = LOST;
    changed = true;
  }
  if ((state.held !== other.held || state.heldAt !== other.heldAt) && state.held !== UNKNOWN) {
    state.held = state.heldAt = UNKNOWN;
    changed = true;
  }
  if (state.end !== other.end && state.end === 1) {
    state.end = 0;
    state.sp = state.fp = UNKNOWN;
    changed = true;
  }
  return changed;
}

/** A distance below the CFA that is worth following. */
export function bounded(depth: number): number {
  return depth >= 0 && depth <= MAX_DEPTH ? depth : UNKNOWN;
}

function save(rule: UnwindRule, register: "fp" | "bx", saved: number): void {
  const isSaid = saved >= 16 && saved <= MAX_SAVED;
  rule[`${register}Kind`] = saved === SAME ? SAVE_SAME : isSaid ? SAVE_CFA : SAVE_UNKNOWN;
  rule[`${register}Offset`] = isSaid ? -saved : 0;
}
