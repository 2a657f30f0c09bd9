import type { Machine } from "../elf/elf-file.js";
import { distanceOf, ruleOf } from "./lookup.js";
import {
  CFA_BX,
  CFA_DEREF_FP,
  CFA_DEREF_SP,
  CFA_FP,
  CFA_FP_SWITCH,
  CFA_INDEXED,
  CFA_LEAF,
  CFA_PLT,
  CFA_SP,
  LAST_LEAF_REGISTER,
  RULE_END,
  RULE_NONE,
  RULE_SIGNAL,
  RULE_UNSUPPORTED,
  SAVE_CFA,
  SAVE_FP,
  SAVE_PUSHED,
  SAVE_SP,
  SAVE_UNKNOWN,
  type UnwindRule,
} from "./rule.js";

/*
 * One step of unwinding, from a frame's registers to its caller's: the twin of bpf/unwind/step.h, which says the same
 * in C and is held to the same answers by one set of recordings. A change belongs in both.
 *
 *   Where to look       the rule of ip - 1 when ip is a return address, since a call may be its function's last
 *                       instruction; of ip itself in the leaf and in what a signal interrupted.
 *   RULE_END            the root: complete.
 *   RULE_UNSUPPORTED    unsupported-rule.
 *   RULE_NONE           follow the frame pointer. fp = 0 is the root by the psABI: complete. It must be at or above
 *                       sp and a multiple of 8, and both its words readable, else no-frame-pointer.
 *   RULE_SIGNAL         every register from the context that the kernel saved at sp. sp need not grow, since the
 *                       handler may run on a stack of its own. ip is exact.
 *   a rule of its own   CFA first; it must lie above sp, or in an exact frame at it, else stack-not-growing. Then
 *                       the return address, fp and bx, from this frame's registers; what cannot be read ends the
 *                       stack as stack-unreadable. sp becomes the CFA.
 *   a run               of pushes or pops is one row: how many lie behind the address says how far the CFA is. A
 *                       register saved below sp is not pushed yet, or popped already: unchanged.
 *   then                a return address of 0 is the root: complete.
 *
 * A word of the stack can be anything, registers that come from it too. User addresses end below 2^56 (2^47 without
 * five-level paging), so numbers hold every address that means something; words from 2^53 up are rounded to some
 * other address that nothing is mapped at, and fail where C's would.
 */

/** struct abi_registers. */
export interface Registers {
  ip: number;
  sp: number;
  /** rbp, x29. */
  fp: number;
  /** rbx, x19. */
  bx: number;
  /** x30; x86-64: 0. */
  lr: number;
  /** Of the leaf, by DWARF number, 0 to 16. */
  readonly leaf: Float64Array;
  /** True until a signal frame was passed: what it interrupted had other values in them. */
  leafValid: boolean;
  /** ip is where a call returns to. */
  returnAddress: boolean;
}

/** Why a step was the last; enum abi_outcome by name. */
export type StepOutcome =
  "complete" | "unsupported-rule" | "stack-unreadable" | "stack-not-growing" | "no-frame-pointer";

/** The user stack, live or copied. Both give undefined where it cannot be read, whatever number the address is. */
export interface StackMemory {
  /** The u64 at a user address, rounded from 2^53 up. */
  word(address: number): number | undefined;
  /** Its low 48 bits, exact: arm64's return addresses, less the signature above them. */
  low48(address: number): number | undefined;
}

/** Distances from sp at the signal trampoline to the saved registers. */
interface SignalFrame {
  readonly ip: number;
  readonly sp: number;
  readonly fp: number;
  readonly bx: number;
  readonly lr: number;
}

/** struct ucontext at sp: arch/x86/include/uapi/asm/sigcontext.h. No link register: any word will do. */
const X86_64_SIGNAL_FRAME: SignalFrame = { fp: 120, bx: 128, sp: 160, ip: 168, lr: 168 };

/** struct rt_sigframe at sp: 128 bytes of siginfo, mcontext at 176 of ucontext, fault address first. */
const aarch64Register = (n: number) => 128 + 176 + 8 + 8 * n;
const AARCH64_SIGNAL_FRAME: SignalFrame = {
  fp: aarch64Register(29),
  bx: aarch64Register(19),
  lr: aarch64Register(30),
  sp: aarch64Register(31),
  ip: aarch64Register(32),
};

/** By DWARF number: what a function may change. rax, rdx, rcx, rsi, rdi, r8 to r11 (psABI, figure 3.4); x0 to x17. */
const X86_64_SCRATCH_REGISTERS = 0xf37;
const AARCH64_SCRATCH_REGISTERS = 0x3_ffff;

/** The address whose rule and whose name are the frame's. */
export function lookupAddress(registers: Registers): number {
  return registers.ip - (registers.returnAddress ? 1 : 0);
}

/** Turns a frame's registers into its caller's by the rule of the match; undefined: the stack goes on. */
export function step(
  machine: Machine,
  registers: Registers,
  match: number,
  rule: Readonly<UnwindRule>,
  memory: StackMemory,
): StepOutcome | undefined {
  switch (ruleOf(match)) {
    case RULE_NONE:
      return stepFramePointer(machine, registers, memory);
    case RULE_END:
      return "complete";
    case RULE_UNSUPPORTED:
      return "unsupported-rule";
    case RULE_SIGNAL:
      return stepSignal(machine === "x86-64" ? X86_64_SIGNAL_FRAME : AARCH64_SIGNAL_FRAME, registers, memory);
    default:
      return stepRule(machine, registers, rule, distanceOf(match), memory);
  }
}

function stepFramePointer(machine: Machine, registers: Registers, memory: StackMemory): StepOutcome | undefined {
  const { fp } = registers;
  if (fp === 0) return "complete";
  if (fp < registers.sp || fp % 8 !== 0) return "no-frame-pointer";
  const callerFp = memory.word(fp);
  const returnAddress = addressAt(machine, memory, fp + 8);
  if (callerFp === undefined || returnAddress === undefined) return "no-frame-pointer";
  registers.fp = callerFp;
  return toCaller(registers, returnAddress, fp + 16);
}

function stepSignal(frame: SignalFrame, registers: Registers, memory: StackMemory): StepOutcome | undefined {
  const { sp } = registers;
  const ip = memory.word(sp + frame.ip);
  const callerSp = memory.word(sp + frame.sp);
  const fp = memory.word(sp + frame.fp);
  const bx = memory.word(sp + frame.bx);
  const lr = memory.word(sp + frame.lr);
  if (ip === undefined || callerSp === undefined || fp === undefined || bx === undefined || lr === undefined) {
    return "stack-unreadable";
  }
  Object.assign(registers, { ip, sp: callerSp, fp, bx, lr, leafValid: false, returnAddress: false });
  return ip === 0 ? "complete" : undefined;
}

function stepRule(
  machine: Machine,
  registers: Registers,
  rule: Readonly<UnwindRule>,
  distance: number,
  memory: StackMemory,
): StepOutcome | undefined {
  const cfa = canonicalFrameAddress(machine, registers, rule, distance, memory);
  if (typeof cfa !== "number") return cfa;
  // Lost is not the same as none, which has a rule of its own.
  if (rule.raKind === SAVE_UNKNOWN) return "unsupported-rule";
  // A leaf may not have moved sp yet (arm64); any other frame holds at least its return address. The stack that a switch
  // comes from may lie anywhere; a circle of switches ends as one that is too deep.
  const isSwitch = rule.cfaKind === CFA_FP_SWITCH;
  if (!isSwitch && (cfa < registers.sp || (cfa === registers.sp && registers.returnAddress))) {
    return "stack-not-growing";
  }
  const raSlot = slot(registers, cfa, rule.raKind, rule.raOffset);
  const returnAddress = raSlot === undefined ? registers.lr : addressAt(machine, memory, raSlot);
  const fp = restore(registers, cfa, rule.fpKind, rule.fpOffset, registers.fp, memory);
  const bx = restore(registers, cfa, rule.bxKind, rule.bxOffset, registers.bx, memory);
  if (returnAddress === undefined || fp === undefined || bx === undefined) return "stack-unreadable";
  registers.fp = fp;
  registers.bx = bx;
  return toCaller(registers, returnAddress, cfa);
}

/**
 * A register of the leaf. A compiler bases a CFA on such a register in a leaf only. Hand-written assembly does so in a
 * caller too (libcrypto's AES-GCM, whose CFA is in rax): with a helper that by agreement leaves the register alone,
 * though anyone else may change it. What a function must give back is in the hands of the callee, and unknown.
 */
function leafRegister(machine: Machine, registers: Registers, number: number): number | undefined {
  if (!registers.leafValid || number > LAST_LEAF_REGISTER) return undefined;
  const scratch = machine === "x86-64" ? X86_64_SCRATCH_REGISTERS : AARCH64_SCRATCH_REGISTERS;
  if (registers.returnAddress && ((scratch >> number) & 1) === 0) return undefined;
  return registers.leaf[number];
}

function canonicalFrameAddress(
  machine: Machine,
  registers: Registers,
  rule: Readonly<UnwindRule>,
  distance: number,
  memory: StackMemory,
): number | StepOutcome {
  const { cfaKind, cfaOffset, cfaAddend, cfaRegister } = rule;
  switch (cfaKind) {
    case CFA_SP:
      return wrap(registers.sp + cfaOffset + runOf(cfaRegister, cfaAddend, distance));
    case CFA_FP:
    case CFA_FP_SWITCH:
      return wrap(registers.fp + cfaOffset);
    case CFA_BX:
      return wrap(registers.bx + cfaOffset);
    case CFA_LEAF: {
      const leaf = leafRegister(machine, registers, cfaRegister);
      return leaf === undefined ? "unsupported-rule" : wrap(leaf + cfaOffset);
    }
    case CFA_INDEXED: {
      const leaf = leafRegister(machine, registers, cfaRegister);
      if (leaf === undefined) return "unsupported-rule";
      const word = memory.word(wrap(registers.sp + cfaOffset + 8 * leaf));
      return word === undefined ? "stack-unreadable" : wrap(word + cfaAddend);
    }
    case CFA_DEREF_SP:
    case CFA_DEREF_FP: {
      const base = cfaKind === CFA_DEREF_SP ? registers.sp : registers.fp;
      const word = memory.word(wrap(base + cfaOffset));
      return word === undefined ? "stack-unreadable" : wrap(word + cfaAddend);
    }
    case CFA_PLT:
      return wrap(registers.sp + cfaOffset + (registers.ip % 16 >= cfaAddend ? 8 : 0));
    default:
      return "unsupported-rule";
  }
}

/**
 * How far a run of pushes or pops has moved the CFA at an address `distance` bytes (at most 16) into its row: 8 or -8 for
 * each that lies behind it, 0 where there is no run.
 */
function runOf(change: number, ends: number, distance: number): number {
  let count = 0;
  for (let behind = ends & ((1 << distance) - 1); behind !== 0; behind &= behind - 1) count++;
  return count * ((change << 24) >> 24);
}

/** What a lost register holds: no frame pointer, for it is odd; and not 0, which as a frame pointer says "the root". */
const LOST = 1;

/** The caller's value of a register whose value here is `same`; undefined when it cannot be read. */
function restore(
  registers: Registers,
  cfa: number,
  kind: number,
  offset: number,
  same: number,
  memory: StackMemory,
): number | undefined {
  if (kind === SAVE_UNKNOWN) return LOST;
  const address = slot(registers, cfa, kind, offset);
  return address === undefined ? same : memory.word(address);
}

/** Where a register is saved; undefined when it is where it was. */
function slot(registers: Registers, cfa: number, kind: number, offset: number): number | undefined {
  switch (kind) {
    case SAVE_CFA:
      return wrap(cfa + offset);
    case SAVE_PUSHED:
      return wrap(cfa + offset) < registers.sp ? undefined : wrap(cfa + offset);
    case SAVE_FP:
      return wrap(registers.fp + offset);
    case SAVE_SP:
      return wrap(registers.sp + offset);
    default:
      return undefined;
  }
}

function addressAt(machine: Machine, memory: StackMemory, at: number): number | undefined {
  return machine === "aarch64" ? memory.low48(at) : memory.word(at);
}

/** As C's u64 does. */
function wrap(address: number): number {
  if (address < 0) return address + 2 ** 64;
  return address < 2 ** 64 ? address : address - 2 ** 64;
}

/** The registers are now the caller's, by way of an ordinary call. */
function toCaller(registers: Registers, returnAddress: number, sp: number): StepOutcome | undefined {
  registers.ip = returnAddress;
  registers.sp = sp;
  registers.returnAddress = true;
  return registers.ip === 0 ? "complete" : undefined;
}
