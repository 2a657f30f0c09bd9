import { u32 } from "../../elf/little-endian.js";

const REGISTERS = 32;
/** As a base or destination the stack pointer, as a stored value zero. */
const ZERO = 31;
const PAGE = 4096;

/**
 * Follows constants through straight pieces of A64 code to where they are stored (Arm Architecture Reference Manual, C4.1): ADRP, ADD
 * and MOVZ make them, STR and STP store them. Any other instruction makes its destination unknown; a branch makes all of them.
 */
export class Arm64Stores {
  /** NaN where unknown. */
  private readonly registers = new Float64Array(REGISTERS).fill(NaN);

  constructor(private readonly store: (elfAddress: number, value: number) => void) {}

  /** Whole instructions that lie at an ELF address; goes on where the last call ended. */
  run(code: Uint8Array, elfAddress: number): void {
    for (let at = 0; at + 4 <= code.length; at += 4) this.step(u32(code, at), elfAddress + at);
  }

  private step(word: number, elfAddress: number): void {
    const { registers } = this;
    const rd = word & 31;
    const rn = (word >>> 5) & 31;
    const top = word >>> 24;
    if (((word >>> 26) & 7) === 5) {
      registers.fill(NaN); // branches, exceptions, system: op0 101x
    } else if ((top & 0x9f) === 0x90) {
      const pages = (((word >> 5) << 2) & 0x1ffffc) | ((word >>> 29) & 3);
      this.set(rd, (Math.floor(elfAddress / PAGE) + ((pages << 11) >> 11)) * PAGE); // ADRP
    } else if ((word & 0xff800000) >>> 0 === 0x91000000) {
      const immediate = (word >>> 10) & 0xfff;
      this.set(rd, registers[rn] + ((word & (1 << 22)) === 0 ? immediate : immediate * PAGE)); // ADD, immediate
    } else if ((word & 0x7f800000) === 0x52800000) {
      this.set(rd, ((word >>> 5) & 0xffff) * 2 ** (16 * ((word >>> 21) & 3))); // MOVZ
    } else if ((word & 0xffc00000) >>> 0 === 0xf9000000) {
      this.write(registers[rn] + ((word >>> 10) & 0xfff) * 8, rd); // STR, unsigned offset
    } else if ((word & 0xffc00000) >>> 0 === 0xa9000000) {
      const offset = ((word << 10) >> 25) * 8;
      this.write(registers[rn] + offset, rd); // STP, signed offset
      this.write(registers[rn] + offset + 8, (word >>> 10) & 31);
    } else {
      this.forget(word, rd, rn);
    }
  }

  private forget(word: number, rd: number, rn: number): void {
    this.set(rd, NaN);
    const isLoadOrStore = (word & 0x0a000000) === 0x08000000;
    if (!isLoadOrStore) return;
    this.set(rn, NaN); // it may write its base back
    this.set((word >>> 10) & 31, NaN); // the second of a pair
  }

  private set(register: number, value: number): void {
    if (register !== ZERO) this.registers[register] = value;
  }

  private write(elfAddress: number, register: number): void {
    const value = register === ZERO ? 0 : this.registers[register];
    if (!Number.isNaN(elfAddress) && !Number.isNaN(value)) this.store(elfAddress, value);
  }
}
