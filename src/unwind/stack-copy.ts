import type { StackMemory } from "./step.js";

/** A piece of a user stack, as a first-sight record carries it. */
export class StackCopy implements StackMemory {
  readonly #start: number;
  readonly #view: DataView;
  #readBeyond = false;

  /** `start`: user address of the first byte. The bytes are used in place. */
  constructor(start: number, bytes: Uint8Array) {
    this.#start = start;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Whether a read has failed just because the copy ends before the stack does. */
  get readBeyond(): boolean {
    return this.#readBeyond;
  }

  word(address: number): number | undefined {
    const index = this.#index(address);
    if (index === undefined) return undefined;
    return this.#view.getUint32(index + 4, true) * 0x1_0000_0000 + this.#view.getUint32(index, true);
  }

  low48(address: number): number | undefined {
    const index = this.#index(address);
    if (index === undefined) return undefined;
    return this.#view.getUint16(index + 4, true) * 0x1_0000_0000 + this.#view.getUint32(index, true);
  }

  #index(address: number): number | undefined {
    const index = address - this.#start;
    if (index >= 0 && index + 8 <= this.#view.byteLength && Number.isInteger(index)) return index;
    // A garbage register points anywhere; what lies within a stack's size above the copy would have been copied.
    if (index >= 0 && index < MAX_STACK_BYTES) this.#readBeyond = true;
    return undefined;
  }
}

/** The default limit of a main thread's stack, and the most that glibc maps for a thread. */
const MAX_STACK_BYTES = 8 * 1024 * 1024;
