import { registersLayout } from "../native/abi.generated.js";
import type { StackBytes } from "../native/first-sight.js";
import type { Registers, StackMemory } from "../unwind/step.js";

const LEAF_REGISTERS = 17;
const WORD = 2 ** 32;

/** Copied bytes of stacks, read by virtual address. */
export class StackCopy implements StackMemory {
  private readonly parts: readonly { readonly start: number; readonly view: DataView }[];
  /** Whether a word above the first copy was asked for: the stack goes on, the copy does not. */
  missedAbove = false;
  /** Where the word begins in the copy that {@link viewOf} gave. */
  private at = 0;

  /** The first is the one in use; there are two at most. */
  constructor(stacks: readonly StackBytes[]) {
    this.parts = stacks.map(({ start, bytes }) => ({
      start,
      view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    }));
  }

  word(address: number): number | undefined {
    const view = this.viewOf(address);
    const { at } = this;
    return view && view.getUint32(at + 4, true) * WORD + view.getUint32(at, true);
  }

  low48(address: number): number | undefined {
    const view = this.viewOf(address);
    const { at } = this;
    return view && view.getUint16(at + 4, true) * WORD + view.getUint32(at, true);
  }

  /** The copy that has all of the word at an address. */
  private viewOf(address: number): DataView | undefined {
    for (const { start, view } of this.parts) {
      this.at = address - start;
      if (this.at >= 0 && this.at + 8 <= view.byteLength) return view;
    }
    this.missedAbove ||= address >= this.parts[0].start;
    return undefined;
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
