import { registersLayout } from "../native/abi.generated.js";
import type { Registers, StackMemory } from "../unwind/step.js";

const LEAF_REGISTERS = 17;
const WORD = 2 ** 32;

/** The copied bytes of a user stack, read by virtual address. */
export class StackCopy implements StackMemory {
  private readonly view: DataView;
  /** Whether a word above the copy was asked for: the stack goes on, the copy does not. */
  missedAbove = false;

  constructor(
    private readonly start: number,
    bytes: Uint8Array,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  word(address: number): number | undefined {
    const at = this.offsetOf(address);
    return at < 0 ? undefined : this.view.getUint32(at + 4, true) * WORD + this.view.getUint32(at, true);
  }

  low48(address: number): number | undefined {
    const at = this.offsetOf(address);
    return at < 0 ? undefined : this.view.getUint16(at + 4, true) * WORD + this.view.getUint32(at, true);
  }

  /** Where the word at an address begins in the copy, -1 when not all of it is there. */
  private offsetOf(address: number): number {
    const at = address - this.start;
    if (at >= 0 && at + 8 <= this.view.byteLength) {
      return at;
    }
    this.missedAbove ||= at >= 0;
    return -1;
  }
}

/** struct abi_registers as the step wants it. */
export function readRegisters(view: DataView): Registers {
  const word = (offset: number) => view.getUint32(offset + 4, true) * WORD + view.getUint32(offset, true);
  const leaf = new Float64Array(LEAF_REGISTERS);
  for (let i = 0; i < LEAF_REGISTERS; i++) {
    leaf[i] = word(registersLayout.leaf + 8 * i);
  }
  return {
    ip: word(registersLayout.ip),
    sp: word(registersLayout.sp),
    fp: word(registersLayout.fp),
    bx: word(registersLayout.bx),
    lr: word(registersLayout.lr),
    leaf,
    leafValid: view.getUint32(registersLayout.leafValid, true) !== 0,
    returnAddress: view.getUint32(registersLayout.returnAddress, true) !== 0,
  };
}
