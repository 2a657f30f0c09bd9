import { type Instruction, MAP_ONE, MAP_TWO, RIP } from "./instruction.js";

/** Entries of a jump table; compilers make none larger. */
const MAX_ENTRIES = 4096;
const AFTER_CALL = (1 << 3) | (1 << 4) | (1 << 5) | (0xf << 12);

const NOTHING = 0;
/** An address in the file. */
const ADDRESS = 1;
/** An entry of a table at {@link Fact.value}, the distance of its target from there. */
const DISTANCE = 2;
/** The sum of both, and an entry that is its target itself. */
const TARGET = 3;
const POINTER = 4;

/** What is known of a register: what it holds, and the highest number that it can be, -1 where there is none. */
interface Fact {
  readonly kind: number;
  readonly value: number;
  readonly bound: number;
}

const UNKNOWN: Fact = { kind: NOTHING, value: 0, bound: -1 };

/** Where a jump through a table leads. */
export interface JumpTable {
  readonly address: number;
  readonly entries: number;
  /** Entries are 32-bit distances from the table; else 64-bit addresses. */
  readonly isRelative: boolean;
}

/**
 * What compilers' jumps through tables are told by: a comparison bounds the index, `lea` gives the table, `movslq` an entry,
 * `add` the target. Followed along one path; what is copied is shared until one of both changes.
 */
export class RegisterFacts {
  #facts: Fact[] = [];
  #known = 0;
  #isShared = false;
  #compared = -1;
  #with = 0;

  /** The same facts, for another path. */
  fork(): RegisterFacts {
    const other = new RegisterFacts();
    other.#facts = this.#facts;
    other.#known = this.#known;
    other.#compared = this.#compared;
    other.#with = this.#with;
    this.#isShared = other.#isShared = true;
    return other;
  }

  /** An instruction that is no branch; `next` is the address of the one after it. */
  observe(instruction: Instruction, next: number): void {
    const { map, opcode, reg, rm, written } = instruction;
    if (!keepsFlags(map, opcode)) this.#compared = -1;
    if (map === MAP_ONE) {
      const isWide = instruction.isWide;
      switch (opcode) {
        case 0x8d: // lea
          if (instruction.base !== RIP) break;
          return this.#set(reg, { kind: ADDRESS, value: next + instruction.displacement, bound: -1 });
        case 0x63: // movsxd
          if (rm >= 0) return this.#copyBound(reg, rm);
          return this.#set(reg, isWide ? this.#entry(instruction, 4, DISTANCE) : UNKNOWN);
        case 0x8b:
          if (rm >= 0) return this.#copy(reg, rm);
          return this.#set(reg, isWide ? this.#entry(instruction, 8, POINTER) : UNKNOWN);
        case 0x89:
          if (rm >= 0) return this.#copy(rm, reg);
          return;
        case 0x01: // add
          if (rm >= 0) return this.#add(rm, reg);
          return;
        case 0x03:
          if (rm >= 0) return this.#add(reg, rm);
          break;
        case 0x80:
        case 0x81:
        case 0x83:
          if (rm >= 0 && (reg & 7) === 7) return this.#compare(rm, instruction.immediate);
          if (rm >= 0 && (reg & 7) === 4 && instruction.immediate > 0) {
            return this.#set(rm, { kind: NOTHING, value: 0, bound: instruction.immediate });
          }
          break;
        case 0x3c:
        case 0x3d:
          return this.#compare(0, instruction.immediate);
      }
    } else if (map === MAP_TWO && (opcode === 0xb6 || opcode === 0xb7) && rm >= 0) {
      return this.#copyBound(reg, rm);
    }
    this.#forget(written);
  }

  /** A conditional jump, by its condition (the opcode's low four bits): what it says on the path that goes on. */
  condition(code: number, isTaken: boolean): void {
    if (this.#compared < 0 || this.#with < 0) return;
    // above, above or equal, below or equal, below: unsigned.
    const high = code === (isTaken ? 6 : 7) ? this.#with : code === (isTaken ? 2 : 3) ? this.#with - 1 : -1;
    if (high < 0) return;
    const { kind, value } = this.#of(this.#compared);
    this.#set(this.#compared, { kind, value, bound: high }, this.#compared);
  }

  afterCall(): void {
    this.#forget(0xffff & ~AFTER_CALL);
  }

  /** The table that a jump goes through, if it is known with its length. */
  tableOf(instruction: Instruction): JumpTable | undefined {
    const { rm, base, index, scale, displacement } = instruction;
    if (rm >= 0) {
      const { kind, value, bound } = this.#of(rm);
      if ((kind !== TARGET && kind !== POINTER) || bound < 0) return undefined;
      return { address: value, entries: bound + 1, isRelative: kind === TARGET };
    }
    if (index < 0 || scale !== 8) return undefined;
    const table = base < 0 ? { kind: ADDRESS, value: displacement } : this.#of(base);
    const { bound } = this.#of(index);
    if (table.kind !== ADDRESS || bound < 0 || bound >= MAX_ENTRIES) return undefined;
    return { address: base < 0 ? displacement : table.value + displacement, entries: bound + 1, isRelative: false };
  }

  #of(register: number): Fact {
    return register >= 0 && register < 16 && (this.#known & (1 << register)) !== 0 ? this.#facts[register] : UNKNOWN;
  }

  /** The entry of a table that a load reads. */
  #entry({ base, index, scale, displacement }: Instruction, size: number, kind: number): Fact {
    const { bound } = this.#of(index);
    if (index < 0 || scale !== size || bound < 0 || bound >= MAX_ENTRIES) return UNKNOWN;
    if (base < 0) return kind === POINTER ? { kind, value: displacement, bound } : UNKNOWN;
    const table = this.#of(base);
    // The distance is from the table's beginning, so none may be added to that.
    if (table.kind !== ADDRESS || (kind === DISTANCE && displacement !== 0)) return UNKNOWN;
    return { kind, value: table.value + displacement, bound };
  }

  #add(to: number, from: number): void {
    const one = this.#of(to);
    const other = this.#of(from);
    const [distance, address] = one.kind === DISTANCE ? [one, other] : [other, one];
    const isTarget = distance.kind === DISTANCE && address.kind === ADDRESS && distance.value === address.value;
    this.#set(to, isTarget ? { kind: TARGET, value: distance.value, bound: distance.bound } : UNKNOWN);
  }

  #compare(register: number, value: number): void {
    this.#compared = register;
    this.#with = value;
  }

  #copy(to: number, from: number): void {
    this.#set(to, this.#of(from));
  }

  #copyBound(to: number, from: number): void {
    this.#set(to, { kind: NOTHING, value: 0, bound: this.#of(from).bound });
  }

  #set(register: number, fact: Fact, compared = -1): void {
    if (this.#compared === register && compared !== register) this.#compared = -1;
    if (fact.kind === NOTHING && fact.bound < 0) {
      this.#known &= ~(1 << register);
      return;
    }
    if (this.#isShared) {
      this.#facts = this.#facts.slice();
      this.#isShared = false;
    }
    this.#facts[register] = fact;
    this.#known |= 1 << register;
  }

  #forget(registers: number): void {
    this.#known &= ~registers;
    if (this.#compared >= 0 && (registers & (1 << this.#compared)) !== 0) this.#compared = -1;
  }
}

/** Moves, which stand between a comparison and its jump. Where in doubt, no. */
function keepsFlags(map: number, opcode: number): boolean {
  if (map === MAP_ONE) {
    if (opcode >= 0x88) {
      return opcode <= 0x90 || (opcode >= 0xb0 && opcode < 0xc0) || opcode === 0xc6 || opcode === 0xc7;
    }
    return opcode === 0x63 || (opcode >= 0x50 && opcode < 0x60);
  }
  if (map !== MAP_TWO) return false;
  if (opcode < 0x20 || (opcode >= 0x40 && opcode < 0x50)) return opcode >= 0x10;
  return opcode === 0xb6 || opcode === 0xb7 || opcode === 0xbe || opcode === 0xbf || opcode === 0x6f || opcode === 0x7f;
}
