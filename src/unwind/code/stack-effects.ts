import { type Instruction, MAP_ONE, MAP_TWO, RBP, RBX, RSP } from "./instruction.js";
import { bounded, LOST, SAME, type StackState, UNKNOWN } from "./stack-states.js";

/** Registers that a function must give back as they were: all others are gone after a call. */
const KEPT_OVER_CALLS = (1 << 3) | (1 << 4) | (1 << 5) | (0xf << 12);

/** Opcodes of one byte that move rsp or rbp without having them among the registers that they write, or save and restore others. */
const FOLLOWED = new Uint8Array(256);
FOLLOWED.fill(1, 0x50, 0x60);
for (const opcode of [0x68, 0x6a, 0x8f, 0x89, 0x9c, 0x9d, 0xc8, 0xc9, 0xff]) FOLLOWED[opcode] = 1;
const WATCHED = (1 << RSP) | (1 << RBP) | (1 << RBX);

/** Whether an instruction can change the state at all; nine of ten cannot. */
export function matters({ map, opcode, written, base, rm }: Instruction, { held, sp, fp }: StackState): boolean {
  if ((written & WATCHED) !== 0 || (held >= 0 && (written & (1 << held)) !== 0)) return true;
  if (map === MAP_ONE) {
    if (FOLLOWED[opcode] === 1) return true;
    // An address of the stack, into another register.
    if (opcode === 0x8d) return base === RSP || base === RBP || (base >= 0 && base === held);
    return opcode === 0x8b && (rm === RSP || rm === RBP) && (sp !== UNKNOWN || fp !== UNKNOWN);
  }
  return map === MAP_TWO && (opcode & 0xf6) === 0xa0;
}

/** What an instruction other than a branch makes of the stack's state. */
export function apply(instruction: Instruction, state: StackState): void {
  if (instruction.map === MAP_ONE && applyKnown(instruction, state)) return;
  if (instruction.map === MAP_TWO && (instruction.opcode & 0xf6) === 0xa0) {
    // push and pop of fs and gs: 0F A0, A1, A8, A9.
    if ((instruction.opcode & 1) === 0) push(state, UNKNOWN);
    else pop(state, UNKNOWN);
    return;
  }
  write(state, instruction.written);
}

/** A call has returned: the registers of the callee's are gone. */
export function afterCall(state: StackState): void {
  if (state.held >= 0 && ((1 << state.held) & KEPT_OVER_CALLS) === 0) state.held = state.heldAt = UNKNOWN;
}

/** True where the instruction was one that is followed. */
function applyKnown(instruction: Instruction, state: StackState): boolean {
  const { opcode, written, isShort } = instruction;
  if (opcode >= 0x50 && opcode < 0x60) {
    if (isShort) state.sp = UNKNOWN;
    if (opcode < 0x58) push(state, instruction.rm);
    else pop(state, instruction.rm);
    return true;
  }
  switch (opcode) {
    case 0x68: // push of an immediate
    case 0x6a:
    case 0x9c: // pushf
      if (isShort) state.sp = UNKNOWN;
      push(state, UNKNOWN);
      return true;
    case 0x9d: // popf
      pop(state, UNKNOWN);
      return true;
    case 0x8f: // pop into memory
      pop(state, instruction.rm);
      return true;
    case 0xff:
      if ((instruction.reg & 7) !== 6) return false;
      push(state, instruction.rm);
      return true;
    case 0x31:
    case 0x33: // xor
      if (written !== 1 << RBP || instruction.rm !== RBP || instruction.reg !== RBP) return false;
      // Hand-written helpers that clear it have taken other registers before, too.
      if (state.fpSaved === SAME && state.bxSaved === SAME && state.fp === UNKNOWN) state.end = 1;
      return false;
    case 0x81:
    case 0x83: // add and sub of an immediate; and, which aligns
      return instruction.rm === RSP && instruction.isWide && addImmediate(instruction, state);
    case 0x89:
      return (
        instruction.isWide &&
        (instruction.rm >= 0 ? move(state, instruction.rm, instruction.reg) : store(instruction, state))
      );
    case 0x8b:
      return (
        instruction.isWide &&
        (instruction.rm >= 0 ? move(state, instruction.reg, instruction.rm) : load(instruction, state))
      );
    case 0x8d:
      return instruction.isWide && loadAddress(instruction, state);
    case 0xc8: // enter
      push(state, RBP);
      setFramePointer(state, state.sp);
      setStackPointer(state, instruction.immediate < 0 || state.sp < 0 ? UNKNOWN : state.sp + instruction.immediate);
      return true;
    case 0xc9: // leave
      setStackPointer(state, state.fp);
      pop(state, RBP);
      return true;
    default:
      return false;
  }
}

function push(state: StackState, register: number): void {
  if (state.sp !== UNKNOWN) state.sp = bounded(state.sp + 8);
  if (state.sp === UNKNOWN) return;
  saveRegister(state, register, state.sp);
}

function pop(state: StackState, register: number): void {
  const place = state.sp;
  const sp = place === UNKNOWN || place < 16 ? UNKNOWN : place - 8;
  if (register >= 0) restoreRegister(state, register, place);
  setStackPointer(state, register === RSP ? UNKNOWN : sp);
}

/** A register is written to the stack: the caller's value is now there, if the register still had it. */
function saveRegister(state: StackState, register: number, place: number): void {
  if (register === RBP && state.fpSaved === SAME) state.fpSaved = place;
  if (register === RBX && state.bxSaved === SAME) state.bxSaved = place;
}

/** A register is read from a place of the stack (UNKNOWN: from anywhere). */
function restoreRegister(state: StackState, register: number, place: number): void {
  const isRestored = place !== UNKNOWN && place === (register === RBP ? state.fpSaved : state.bxSaved);
  write(state, 1 << register);
  if (!isRestored) return;
  if (register === RBP) state.fpSaved = SAME;
  if (register === RBX) state.bxSaved = SAME;
}

/** Registers have got values that nothing is known of. */
function write(state: StackState, registers: number): void {
  if (registers === 0) return;
  if ((registers & (1 << RSP)) !== 0) state.sp = UNKNOWN;
  if ((registers & (1 << RBP)) !== 0) {
    state.fp = UNKNOWN;
    if (state.fpSaved === SAME) state.fpSaved = LOST;
  }
  if ((registers & (1 << RBX)) !== 0 && state.bxSaved === SAME) state.bxSaved = LOST;
  if (state.held >= 0 && (registers & (1 << state.held)) !== 0) state.held = state.heldAt = UNKNOWN;
}

/** What lies below rsp is anybody's: a register that was saved there, and not read back, is lost. */
function setStackPointer(state: StackState, sp: number): void {
  const grows = sp !== UNKNOWN && state.sp !== UNKNOWN && sp > state.sp;
  state.sp = sp === UNKNOWN || sp < 8 ? UNKNOWN : bounded(sp);
  if (state.sp === UNKNOWN || grows) return;
  if (state.fpSaved > state.sp) state.fpSaved = LOST;
  if (state.bxSaved > state.sp) state.bxSaved = LOST;
}

function setFramePointer(state: StackState, fp: number): void {
  write(state, 1 << RBP);
  state.fp = fp === UNKNOWN ? UNKNOWN : bounded(fp);
}

/** Where a register points to, below the CFA. */
function placeOf(state: Readonly<StackState>, register: number): number {
  if (register === RSP) return state.sp;
  if (register === RBP) return state.fp;
  return register >= 0 && register === state.held ? state.heldAt : UNKNOWN;
}

/** A register is an address of the stack from now on; false where it is any other value. */
function setPlace(state: StackState, register: number, place: number): boolean {
  if (place === UNKNOWN || place < 0) return false;
  if (register === RSP) setStackPointer(state, place);
  else if (register === RBP) setFramePointer(state, place);
  else {
    write(state, 1 << register);
    state.held = register;
    state.heldAt = place;
  }
  return true;
}

function move(state: StackState, to: number, from: number): boolean {
  return setPlace(state, to, placeOf(state, from));
}

function loadAddress(instruction: Instruction, state: StackState): boolean {
  const { base, index, displacement, reg } = instruction;
  const place = index < 0 ? placeOf(state, base) : UNKNOWN;
  return place !== UNKNOWN && setPlace(state, reg, place - displacement);
}

function addImmediate({ reg, immediate }: Instruction, state: StackState): boolean {
  const group = reg & 7;
  // Compares change nothing.
  if (group === 7) return true;
  if (state.sp === UNKNOWN || (group !== 0 && group !== 5)) {
    state.sp = UNKNOWN;
    return true;
  }
  setStackPointer(state, group === 0 ? state.sp - immediate : state.sp + immediate);
  return true;
}

/** mov of a register into the frame: a save. It writes no register. */
function store(instruction: Instruction, state: StackState): boolean {
  const { reg, base, index, displacement } = instruction;
  const place = index < 0 ? placeOf(state, base) : UNKNOWN;
  if (place !== UNKNOWN && place - displacement >= 16) saveRegister(state, reg, place - displacement);
  return true;
}

function load(instruction: Instruction, state: StackState): boolean {
  const { reg, base, index, displacement } = instruction;
  if (reg !== RBP && reg !== RBX) return false;
  const place = index < 0 ? placeOf(state, base) : UNKNOWN;
  restoreRegister(state, reg, place === UNKNOWN ? UNKNOWN : place - displacement);
  return true;
}
