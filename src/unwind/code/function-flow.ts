import {
  branchOf,
  CALLS,
  conditionOf,
  GOES_ON,
  JUMPS,
  JUMPS_INDIRECTLY,
  MAY_JUMP,
  RETURNS,
  STOPS,
  targetOf,
} from "./branches.js";
import { type CodeMap, type CodeRegion, ENTRY, INSIDE, MINE } from "./code-map.js";
import { Instruction, MAP_ONE, MAP_TWO, RBP, RBX, RIP, RSP } from "./instruction.js";
import { type JumpTable, RegisterFacts } from "./register-facts.js";
import type { Returning } from "./returning.js";
import { afterCall, apply, matters } from "./stack-effects.js";
import { entryState, meet, SAME, type StackState, type StackStates, UNKNOWN } from "./stack-states.js";

/** The number of a function's entry state. */
const AT_ENTRY = 1;
/** Of one function. The largest of all, an interpreter's loop, has forty thousand. */
const MAX_INSTRUCTIONS = 100_000;
const MAX_ATTEMPTS = 8;

/** What a walk came to. */
const GOOD = 0;
const BAD = 1;
/** A call was found not to return: once more, without what lies behind it. */
const AGAIN = 2;

interface Path {
  readonly address: number;
  readonly state: number;
  readonly facts: RegisterFacts;
  /** The last call on the way behind which a function may begin, or -1. */
  readonly boundary: number;
}

/** What a walk needs beside the code. */
export interface FlowModules {
  readonly code: CodeMap;
  readonly states: StackStates;
  readonly returning: Returning;
  /** The addresses that a table has; undefined where it is none. */
  readonly readTable: (table: JumpTable) => number[] | undefined;
}

/**
 * Follows one function from its entry along all its branches and notes the stack's state before each instruction, in the
 * regions' columns. Where paths come together that do not agree, what they disagree on is unknown from there on. A function
 * whose stack does not come out right at a return is taken back as a whole.
 */
export class FunctionFlow {
  readonly #modules: FlowModules;
  readonly #instruction = new Instruction();
  readonly #state: StackState = entryState();
  readonly #other: StackState = entryState();
  #waiting: Path[] = [];
  /** Addresses that this walk gave a state, which are marked in their region. */
  #mine: number[] = [];
  /** Of these, the ones that came from the call right before, by that. */
  #origins = new Map<number, number>();
  /** Where there was another state before. */
  #replaced = new Map<number, number>();
  #callees = new Set<number>();
  #cut = new Set<number>();
  #entry = 0;
  #isCertain = false;
  /** Ways out at which the stack was as it has to be. */
  #exits = 0;
  /** Instructions that all walks may still take. */
  fuel: number;

  constructor(modules: FlowModules, fuel: number) {
    this.#modules = modules;
    this.fuel = fuel;
  }

  /**
   * Follows the function at an address; the functions that it calls, or undefined where nothing came of it. What is not
   * certain to be a function has to prove it: each way out of it must leave the stack as a function does.
   */
  follow(entry: number, isCertain: boolean): ReadonlySet<number> | undefined {
    this.#entry = entry;
    this.#isCertain = isCertain;
    this.#cut.clear();
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      this.#origins.clear();
      this.#replaced.clear();
      this.#callees = new Set();
      this.#exits = 0;
      const outcome = this.#walkAll();
      const isKept = outcome === GOOD && (isCertain || this.#exits > 0 || this.#savesFirst());
      this.#finish(isKept);
      if (isKept) return this.#callees;
      if (outcome !== AGAIN) break;
    }
    return undefined;
  }

  /** Whether the first instruction saves a register of the caller's: a function that never returns has no better proof. */
  #savesFirst(): boolean {
    const { bytes, start } = this.#modules.code.find(this.#entry)!;
    const instruction = this.#instruction;
    return instruction.decode(bytes, this.#entry - start, bytes.length) && isSave(instruction);
  }

  #walkAll(): number {
    this.#waiting = [{ address: this.#entry, state: AT_ENTRY, facts: new RegisterFacts(), boundary: -1 }];
    for (let path = this.#waiting.pop(); path !== undefined; path = this.#waiting.pop()) {
      const outcome = this.#walk(path);
      if (outcome !== GOOD) return outcome;
    }
    return GOOD;
  }

  /** Follows one path until it ends, or comes to where another has been. */
  #walk({ address, state: number, facts, boundary }: Path): number {
    const { code, states } = this.#modules;
    const instruction = this.#instruction;
    const state = this.#state;
    let call = -1;
    let heldIsEnd = false;
    // The number that the state has which is at hand.
    let loaded = 0;
    // Whether the instruction before lies right before.
    let isBehind = false;
    for (;;) {
      const region = code.find(address);
      // Nothing falls out of the code that is looked at.
      if (region === undefined) return isBehind ? this.#cutAt(boundary) : this.#leave(number, boundary);
      if (address !== this.#entry && (region.marks[address - region.start] & ENTRY) !== 0) {
        return this.#leave(number, boundary, true);
      }
      const at = address - region.start;
      const before = region.states[at];
      if (before === INSIDE) return this.#isCertain ? GOOD : BAD;
      if (before !== 0) {
        if (before === number) {
          if ((region.marks[at] & MINE) === 0) this.#exits++;
          return GOOD;
        }
        const isMine = (region.marks[at] & MINE) !== 0;
        const isOther = this.#contradict(before, number);
        loaded = 0;
        // A call that comes to where the stack is another does not return.
        if (call >= 0 && isOther) return GOOD;
        const origin = isMine && isOther ? this.#origins.get(address) : undefined;
        if (origin !== undefined) return this.#cutAt(origin);
        if (!isMine && !this.#isCertain) return BAD;
        if (address === this.#entry) return this.#isCertain ? GOOD : BAD;
        const met = this.#meet(before, number);
        if (met === before) return GOOD;
        if (!isMine && !this.#replaced.has(address)) this.#replaced.set(address, before);
        number = met;
      }
      if (number === 0 || --this.fuel < 0 || this.#mine.length > MAX_INSTRUCTIONS) return BAD;
      if (!instruction.decode(region.bytes, at, region.bytes.length)) return this.#cutAt(boundary);
      if (call >= 0 && isBoundary(instruction)) boundary = call;
      region.states[at] = number;
      if (before === 0) {
        region.marks[at] |= MINE;
        this.#mine.push(address);
      }
      if (call >= 0) this.#origins.set(address, call);
      else if (before !== 0) this.#origins.delete(address);
      const next = address + instruction.length;
      for (let i = at + 1; i < at + instruction.length; i++) if (region.states[i] === 0) region.states[i] = INSIDE;
      call = -1;

      isBehind = true;
      const branch = branchOf(instruction);
      if (branch === GOES_ON) {
        facts.observe(instruction, next);
        if (number !== loaded) states.get(number, state);
        heldIsEnd = isStackEndCompare(instruction, state);
        if (matters(instruction, state)) {
          const { end } = state;
          apply(instruction, state);
          number = states.add(state);
          // From the instruction on that clears rbp there is no caller.
          if (state.end !== end) region.states[at] = number;
        }
        loaded = number;
        address = next;
        continue;
      }
      if (branch === STOPS) return GOOD;
      if (number !== loaded) states.get(number, state);
      loaded = number;
      if (branch === RETURNS) return this.#return(boundary);
      if (branch === JUMPS_INDIRECTLY) return this.#jumpIndirectly(instruction, number, facts, boundary);
      if (branch === JUMPS) {
        isBehind = false;
        address = targetOf(instruction, next);
        continue;
      }
      if (branch === MAY_JUMP) {
        const condition = conditionOf(instruction);
        const taken = facts.fork();
        taken.condition(condition, true);
        facts.condition(condition, false);
        this.#waiting.push({ address: targetOf(instruction, next), state: number, facts: taken, boundary });
        // A loop that probes each page of a large frame ends where rsp is what it is compared with.
        if (heldIsEnd && condition === 5) {
          state.sp = state.heldAt;
          loaded = number = states.add(state);
        }
        address = next;
        continue;
      }
      // The first frame of a stack: nothing returns to it that is to be unwound.
      if (state.end === 1) return GOOD;
      if (this.#cut.has(address)) return GOOD;
      const target = branch === CALLS ? targetOf(instruction, next) : address;
      if (branch === CALLS && target === next) {
        // What takes its own address so pops it again.
        state.sp = state.sp === UNKNOWN ? UNKNOWN : state.sp + 8;
        loaded = number = states.add(state);
        address = next;
        continue;
      }
      if (branch === CALLS) this.#callees.add(target);
      const { returning } = this.#modules;
      if (!(branch === CALLS ? returning.returns(target) : returning.returnsIndirectly(instruction, next))) return GOOD;
      if (this.#beginsFunction(region, next - region.start)) return GOOD;
      facts.afterCall();
      afterCall(state);
      loaded = number = states.add(state);
      call = address;
      address = next;
    }
  }

  /** Whether padding lies here, and behind it a function begins as they mostly do. The call before it then does not return. */
  #beginsFunction({ bytes }: CodeRegion, from: number): boolean {
    const instruction = this.#instruction;
    let at = from;
    while (instruction.decode(bytes, at, bytes.length) && isPadding(instruction)) at += instruction.length;
    if (at === from || !instruction.decode(bytes, at, bytes.length)) return false;
    const { map, opcode, rm, reg } = instruction;
    if (map === MAP_TWO) return opcode === 0x1e;
    if (map === MAP_ONE && (opcode === 0x83 || opcode === 0x81)) return rm === RSP && reg === 5;
    return isSave(instruction);
  }

  /** Into another function, or out of the code that is looked at. */
  #leave(number: number, boundary: number, isEntry = false): number {
    if (number === AT_ENTRY) {
      this.#exits++;
      return GOOD;
    }
    const state = this.#other;
    this.#modules.states.get(number, state);
    if (state.sp === 8 && state.end === 0 && state.bxSaved === SAME && state.fpSaved === SAME) {
      this.#exits++;
      return GOOD;
    }
    if (boundary >= 0 && isEntry && state.sp !== UNKNOWN) return this.#cutAt(boundary);
    return this.#isCertain ? GOOD : BAD;
  }

  #return(boundary: number): number {
    const { sp, end, fpSaved, bxSaved } = this.#state;
    if (end === 1 || (sp !== 8 && sp !== UNKNOWN)) return this.#cutAt(boundary);
    if (sp === 8 && fpSaved === SAME && bxSaved === SAME) this.#exits++;
    else if (!this.#isCertain) return BAD;
    return GOOD;
  }

  #jumpIndirectly(instruction: Instruction, number: number, facts: RegisterFacts, boundary: number): number {
    const table = facts.tableOf(instruction);
    const targets = table && this.#modules.readTable(table);
    if (targets !== undefined) {
      for (const address of new Set(targets)) {
        this.#waiting.push({ address, state: number, facts: facts.fork(), boundary });
      }
      return GOOD;
    }
    const { sp, end, fpSaved, bxSaved } = this.#state;
    const isTail = sp === 8 && end === 0 && fpSaved === SAME && bxSaved === SAME;
    // A stub of an import, whose slot is next to the code. Any other jump may be one within a function.
    if (isTail && instruction.base === RIP) this.#exits++;
    return isTail || this.#isCertain ? GOOD : BAD;
  }

  /** The walk came to where it cannot have come: the call that may be to blame does not return. */
  #cutAt(call: number): number {
    if (call < 0 || this.#cut.has(call)) return BAD;
    this.#cut.add(call);
    return AGAIN;
  }

  /** Whether two states cannot both be of one place: it is not that one of both knows less. */
  #contradict(one: number, other: number): boolean {
    const [a, b] = [this.#state, this.#other];
    this.#modules.states.get(one, a);
    this.#modules.states.get(other, b);
    const isMoved = a.sp !== b.sp && a.sp !== UNKNOWN && b.sp !== UNKNOWN && (a.fp === UNKNOWN || a.fp !== b.fp);
    return isMoved || a.fpSaved !== b.fpSaved || a.bxSaved !== b.bxSaved || a.end !== b.end;
  }

  #meet(one: number, other: number): number {
    const { states } = this.#modules;
    states.get(one, this.#state);
    states.get(other, this.#other);
    return meet(this.#state, this.#other) ? states.add(this.#state) : one;
  }

  /** Ends a walk: what it found stays, or the code is left as it was. */
  #finish(isKept: boolean): void {
    const { code } = this.#modules;
    for (const address of this.#mine) {
      const { states, marks, start } = code.find(address)!;
      let at = address - start;
      marks[at] &= ~MINE;
      if (isKept) continue;
      states[at++] = 0;
      while (at < states.length && states[at] === INSIDE) states[at++] = 0;
    }
    this.#mine.length = 0;
    if (isKept) return;
    for (const [address, before] of this.#replaced) {
      const { states, start } = code.find(address)!;
      states[address - start] = before;
    }
  }
}

/** Whether functions begin so, or end in padding so: behind a call, which may then not return. */
function isBoundary(instruction: Instruction): boolean {
  const { map, opcode, rm } = instruction;
  if (isPadding(instruction)) return true;
  if (map === MAP_ONE) return (opcode >= 0x50 && opcode < 0x58) || (opcode === 0x83 && rm === RSP);
  return map === MAP_TWO && opcode === 0x1e;
}

/** push of a register that a function has to give back. */
function isSave({ map, opcode, rm }: Instruction): boolean {
  return map === MAP_ONE && (opcode & 0xf8) === 0x50 && (rm === RBP || rm === RBX || rm >= 12);
}

function isPadding({ map, opcode }: Instruction): boolean {
  return (map === MAP_ONE && opcode === 0x90) || (map === MAP_TWO && opcode === 0x1f);
}

/** cmp of rsp with the register that holds the end of the stack's growth. */
function isStackEndCompare({ map, opcode, reg, rm }: Instruction, { held }: StackState): boolean {
  if (map !== MAP_ONE || held < 0 || (opcode !== 0x39 && opcode !== 0x3b)) return false;
  return (reg === RSP && rm === held) || (rm === RSP && reg === held);
}
