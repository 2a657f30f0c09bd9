import { type Instruction, MAP_ONE, MAP_TWO } from "./instruction.js";

/** What comes after an instruction. */
export const GOES_ON = 0;
export const RETURNS = 1;
/** A call, a jump or a conditional one of a known target, {@link targetOf}. */
export const CALLS = 2;
export const JUMPS = 3;
export const MAY_JUMP = 4;
/** The target is in a register or in memory. */
export const CALLS_INDIRECTLY = 5;
export const JUMPS_INDIRECTLY = 6;
/** Nothing: hlt, ud2, int3. */
export const STOPS = 7;

/** Where the code goes on after an instruction. */
export function branchOf({ map, opcode, reg, rm }: Instruction): number {
  if (map === MAP_TWO) {
    if ((opcode & 0xf0) === 0x80) return MAY_JUMP;
    return opcode === 0x0b || opcode === 0xb9 || opcode === 0xff ? STOPS : GOES_ON;
  }
  if (map !== MAP_ONE) return GOES_ON;
  if ((opcode & 0xf0) === 0x70 || (opcode & 0xfc) === 0xe0) return MAY_JUMP;
  switch (opcode) {
    case 0xc2:
    case 0xc3:
    case 0xca:
    case 0xcb:
    case 0xcf:
      return RETURNS;
    case 0xe8:
      return CALLS;
    case 0xe9:
    case 0xeb:
      return JUMPS;
    case 0xc7: // xbegin: where to go on when the transaction is given up
      return rm === 0 && reg === 7 ? MAY_JUMP : GOES_ON;
    case 0xcc:
    case 0xf1:
    case 0xf4:
      return STOPS;
    case 0xff: {
      const group = reg & 7;
      if (group === 2 || group === 3) return CALLS_INDIRECTLY;
      return group === 4 || group === 5 ? JUMPS_INDIRECTLY : GOES_ON;
    }
    default:
      return GOES_ON;
  }
}

/** The condition of a conditional jump, in four bits; -1 where it is none of the flags. */
export function conditionOf({ map, opcode }: Instruction): number {
  return map === MAP_TWO || (opcode & 0xf0) === 0x70 ? opcode & 15 : -1;
}

/** Where a branch of a known target leads; `next` is the address after it. */
export function targetOf(instruction: Instruction, next: number): number {
  return next + instruction.immediate;
}
