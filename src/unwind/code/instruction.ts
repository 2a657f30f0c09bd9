import {
  BYTES,
  EVEX_1,
  EVEX_5,
  IMM16,
  IMM8,
  IMMV,
  IMMZ,
  INVALID,
  MAP_38,
  MAP_3A,
  MODRM,
  MOFFS,
  ONE_BYTE,
  TWO_BYTES,
  VEX_1,
  VEX_2,
  VEX_3,
  WRITES_OPCODE,
  WRITES_REG,
  WRITES_RM,
  WRITES_V,
  XOP_10,
  XOP_8,
  XOP_9,
} from "./opcodes.js";

/** General registers, as instructions number them. */
export const RAX = 0;
export const RBX = 3;
export const RSP = 4;
export const RBP = 5;
export const R11 = 11;
/** {@link Instruction.base} of an address relative to the next instruction. */
export const RIP = 16;

/** {@link Instruction.map}: which table the opcode is of. */
export const MAP_ONE = 0;
export const MAP_TWO = 1;
/** Any other; nothing of those is followed but the registers that they write. */
export const MAP_OTHER = 2;

/** The processor refuses a longer one. */
export const MAX_INSTRUCTION_BYTES = 15;

const NONE = -1;
const PREFIX_66 = 1;
const PREFIX_67 = 2;
const PREFIX_F2 = 4;
const PREFIX_F3 = 8;

/** 1 for a legacy prefix, 2 for REX. */
const PREFIXES = new Uint8Array(256);
for (const byte of [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]) PREFIXES[byte] = 1;
for (let byte = 0x40; byte < 0x50; byte++) PREFIXES[byte] = 2;

/**
 * One x86-64 instruction, decoded as far as following the stack takes: its length, its operands' registers and address, and
 * which general registers it writes. One object decodes many, one after the other.
 */
export class Instruction {
  /** In bytes. */
  length = 0;
  map = MAP_ONE;
  opcode = 0;
  /** REX.W: the operands are 64 bits. */
  isWide = false;
  /** Prefix 66: the operands are 16 bits. */
  isShort = false;
  /** ModRM's reg, which in groups of instructions is a part of the opcode (its low three bits are). */
  reg = NONE;
  /** ModRM's rm where it is a register, else -1; of push and pop the register in the opcode. */
  rm = NONE;
  /** Of an address: base + index * scale + displacement; -1 where there is none. */
  base = NONE;
  index = NONE;
  scale = 1;
  displacement = 0;
  /** The immediate, with its sign; of eight bytes the low four. */
  immediate = 0;
  /** A bit for each general register that the instruction writes, by its operands. */
  written = 0;

  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #prefixes = 0;
  #rex = 0;
  /** What VEX, EVEX and XOP have in place of prefixes: 0 none, 1: 66, 2: F3, 3: F2. */
  #pp = 0;
  #v = 0;

  /** Decodes the instruction at `at`; false where there is none, or where `end` cuts it. */
  decode(bytes: Uint8Array, at: number, end: number): boolean {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = Math.min(end, at + MAX_INSTRUCTION_BYTES, bytes.length);
    this.reg = this.rm = this.base = this.index = NONE;
    this.displacement = this.immediate = this.written = 0;
    this.#prefixes = this.#rex = 0;
    if (!this.#decodePrefixes()) return false;
    const meaning = this.#decodeOpcode();
    if ((meaning & INVALID) !== 0) return false;
    if ((meaning & MODRM) !== 0 && !this.#decodeModrm()) return false;
    if (!this.#decodeImmediate(meaning)) return false;
    this.length = this.#at - at;
    if (this.map === MAP_ONE && (this.opcode & 0xf0) === 0x50) this.rm = (this.opcode & 7) | ((this.#rex & 1) << 3);
    if ((meaning & (WRITES_REG | WRITES_RM | WRITES_OPCODE | WRITES_V)) !== 0) this.#noteWritten(meaning);
    else if (this.map === MAP_TWO) this.#noteWrittenBySystem();
    return true;
  }

  #decodePrefixes(): boolean {
    const bytes = this.#bytes;
    for (; this.#at < this.#end; this.#at++) {
      const byte = bytes[this.#at];
      const kind = PREFIXES[byte];
      if (kind === 0) {
        this.isWide = (this.#rex & 8) !== 0;
        this.isShort = (this.#prefixes & PREFIX_66) !== 0 && !this.isWide;
        return true;
      }
      if (kind === 2) {
        this.#rex = byte;
        continue;
      }
      // A REX prefix counts only next to its opcode.
      this.#rex = 0;
      if (byte === 0x66) this.#prefixes |= PREFIX_66;
      else if (byte === 0x67) this.#prefixes |= PREFIX_67;
      else if (byte === 0xf2) this.#prefixes |= PREFIX_F2;
      else if (byte === 0xf3) this.#prefixes |= PREFIX_F3;
    }
    return false;
  }

  /** The opcode's meaning; INVALID where it is none. The prefixes of vectors are taken for opcodes here. */
  #decodeOpcode(): number {
    const opcode = this.#next();
    this.map = MAP_ONE;
    this.opcode = opcode;
    if (opcode === 0x0f) return this.#decodeEscape();
    if (opcode === 0xc5) return this.#decodeVex2();
    if (opcode === 0xc4) return this.#decodeVex3();
    if (opcode === 0x62) return this.#decodeEvex();
    // XOP shares its first byte with pop, whose ModRM has nothing but zeros where XOP has its map.
    if (opcode === 0x8f && this.#at < this.#end && (this.#bytes[this.#at] & 0x1f) >= 8) return this.#decodeXop();
    return ONE_BYTE[opcode];
  }

  #decodeEscape(): number {
    const opcode = this.#next();
    if (opcode === 0x38 || opcode === 0x3a) {
      this.map = MAP_OTHER;
      this.opcode = this.#next();
      if (this.opcode < 0) return INVALID;
      if (opcode === 0x3a) return MAP_3A[this.opcode];
      // Without F2 this one is movbe's store.
      return this.opcode === 0xf1 && (this.#prefixes & PREFIX_F2) === 0 ? MODRM : MAP_38[this.opcode];
    }
    this.map = MAP_TWO;
    this.opcode = opcode;
    if (opcode < 0) return INVALID;
    // movq between vectors, beside movd to a general register.
    if (opcode === 0x7e && (this.#prefixes & PREFIX_F3) !== 0) return MODRM;
    // AMD's extrq and insertq, with two immediates.
    if (opcode === 0x78 && (this.#prefixes & (PREFIX_66 | PREFIX_F2)) !== 0) return MODRM | IMM16;
    return TWO_BYTES[opcode];
  }

  #decodeVex2(): number {
    const byte = this.#next();
    if (byte < 0) return INVALID;
    this.#rex = byte & 0x80 ? 0 : 4;
    this.#v = (~byte >> 3) & 15;
    this.#pp = byte & 3;
    return this.#vectorOpcode(VEX_1);
  }

  #decodeVex3(): number {
    const map = this.#threeBytes();
    if (map < 0) return INVALID;
    const table = [undefined, VEX_1, VEX_2, VEX_3][map & 0x1f];
    return table === undefined ? INVALID : this.#vectorOpcode(table);
  }

  #decodeXop(): number {
    const map = this.#threeBytes();
    const table = [XOP_8, XOP_9, XOP_10][(map & 0x1f) - 8];
    return map < 0 || table === undefined ? INVALID : this.#vectorOpcode(table);
  }

  #decodeEvex(): number {
    const map = this.#threeBytes();
    // Masking, rounding, and the upper half of 32 vector registers.
    if (map < 0 || this.#next() < 0) return INVALID;
    const table = [undefined, EVEX_1, VEX_2, VEX_3, undefined, EVEX_5, EVEX_5][map & 7];
    // Bit 3 is of a later extension, whose instructions are not known here.
    if (table === undefined || (map & 8) !== 0) return INVALID;
    const meaning = this.#vectorOpcode(table);
    return table === VEX_2 ? meaning & ~(WRITES_REG | WRITES_V) : meaning;
  }

  /** What VEX, XOP and EVEX have in two bytes: inverted register bits and the map; W, the inverted vvvv and pp. */
  #threeBytes(): number {
    const first = this.#next();
    const second = this.#next();
    if (second < 0) return NONE;
    this.#rex = ((~first >> 5) & 7) | ((second & 0x80) >> 4);
    this.#v = (~second >> 3) & 15;
    this.#pp = second & 3;
    return first;
  }

  #vectorOpcode(table: Uint16Array): number {
    this.map = MAP_OTHER;
    this.isWide = (this.#rex & 8) !== 0;
    this.isShort = false;
    this.opcode = this.#next();
    if (this.opcode < 0) return INVALID;
    const meaning = table[this.opcode];
    if (table !== VEX_1 && table !== EVEX_1 && table !== EVEX_5) return meaning;
    const { opcode } = this;
    // Other prefixes make them instructions between vectors.
    const isConversion = opcode === 0x2c || opcode === 0x2d || opcode === 0x78 || opcode === 0x79;
    if ((isConversion && this.#pp < 2) || (opcode === 0x7e && this.#pp !== 1)) {
      return meaning & ~(WRITES_REG | WRITES_RM);
    }
    return meaning;
  }

  #decodeModrm(): boolean {
    const modrm = this.#next();
    if (modrm < 0) return false;
    const mode = modrm >> 6;
    const low = modrm & 7;
    this.reg = ((modrm >> 3) & 7) | ((this.#rex & 4) << 1);
    if (mode === 3) {
      this.rm = low | ((this.#rex & 1) << 3);
      return true;
    }
    let hasBase = true;
    let displacementBytes = mode === 2 ? 4 : mode;
    if (low === 4) {
      const sib = this.#next();
      if (sib < 0) return false;
      const index = ((sib >> 3) & 7) | ((this.#rex & 2) << 2);
      if (index !== RSP) this.index = index;
      this.scale = 1 << (sib >> 6);
      if ((sib & 7) === RBP && mode === 0) {
        hasBase = false;
        displacementBytes = 4;
      } else {
        this.base = (sib & 7) | ((this.#rex & 1) << 3);
      }
    } else if (low === 5 && mode === 0) {
      this.base = RIP;
      displacementBytes = 4;
    } else {
      this.base = low | ((this.#rex & 1) << 3);
    }
    if (!hasBase) this.base = NONE;
    if (displacementBytes === 0) return true;
    this.displacement = displacementBytes === 1 ? (this.#next() << 24) >> 24 : this.#word();
    return this.#at <= this.#end;
  }

  #decodeImmediate(meaning: number): boolean {
    const { opcode, map } = this;
    if (map === MAP_ONE) {
      // test has an immediate, and its neighbours in the group none; enter has two.
      if ((opcode & 0xfe) === 0xf6 && (this.reg & 7) < 2) meaning |= opcode === 0xf6 ? IMM8 : IMMZ;
      if (opcode === 0xc8) {
        this.immediate = this.#half();
        const level = this.#next();
        // Nested frames are nobody's.
        if (level !== 0) this.immediate = NONE;
        return level >= 0;
      }
    }
    if ((meaning & IMM8) !== 0) this.immediate = (this.#next() << 24) >> 24;
    else if ((meaning & IMM16) !== 0) this.immediate = this.#half();
    else if ((meaning & IMMZ) !== 0) {
      // Where a call or a jump leads to is always four bytes, whatever prefix is there to align it.
      const isBranch = map === MAP_ONE ? opcode === 0xe8 || opcode === 0xe9 : map === MAP_TWO;
      this.immediate = this.isShort && !isBranch ? (this.#half() << 16) >> 16 : this.#word();
    } else if ((meaning & IMMV) !== 0) {
      this.immediate = this.isShort ? (this.#half() << 16) >> 16 : this.#word();
      if (this.isWide) this.#at += 4;
    } else if ((meaning & MOFFS) !== 0) this.#at += (this.#prefixes & PREFIX_67) !== 0 ? 4 : 8;
    return this.#at <= this.#end;
  }

  #noteWritten(meaning: number): void {
    const isBytes = (meaning & BYTES) !== 0;
    let written = 0;
    if ((meaning & WRITES_REG) !== 0) written |= this.#bit(this.reg, isBytes);
    if ((meaning & WRITES_RM) !== 0 && this.rm >= 0 && this.#writesRm()) written |= this.#bit(this.rm, isBytes);
    if ((meaning & WRITES_V) !== 0) written |= 1 << this.#v;
    if ((meaning & WRITES_OPCODE) !== 0) written |= this.#writtenByOpcode(isBytes);
    this.written = written;
  }

  /** Compares and tests stand in one group with what writes. */
  #writesRm(): boolean {
    const group = this.reg & 7;
    if (this.map !== MAP_ONE) return this.map !== MAP_TWO || this.opcode !== 0xba || group > 4;
    switch (this.opcode) {
      case 0x80:
      case 0x81:
      case 0x83:
        return group !== 7;
      case 0xf6:
      case 0xf7:
        return group === 2 || group === 3;
      case 0xfe:
      case 0xff:
        return group < 2;
      default:
        return true;
    }
  }

  #writtenByOpcode(isBytes: boolean): number {
    const bit = this.#bit((this.opcode & 7) | ((this.#rex & 1) << 3), isBytes);
    // push only reads; xchg writes rax as well, and with rax itself is a nop.
    if (this.map !== MAP_ONE || this.opcode >= 0xb0) return bit;
    return this.opcode < 0x90 ? bit : this.opcode === 0x90 && (this.#rex & 1) === 0 ? 0 : bit | 1;
  }

  /** What is not in a table's letters: registers that the system's instructions write. */
  #noteWrittenBySystem(): void {
    if (this.opcode === 0xa2) this.written = (1 << RAX) | (1 << RBX) | 6;
    // syscall keeps its return address and the flags.
    if (this.opcode === 0x05) this.written = (1 << 1) | (1 << R11);
    const isGroup = this.opcode === 0xc7 || this.opcode === 0xae || this.opcode === 0x1e || this.opcode < 2;
    if (isGroup && this.rm >= 0) this.written = 1 << this.rm;
    // endbr64 is in the room of nops.
    if (this.opcode === 0x1e && ((this.#prefixes & PREFIX_F3) === 0 || this.reg !== 1)) this.written = 0;
    // xgetbv and its like are named by the whole ModRM.
    if (this.opcode === 1 && this.reg !== 4) this.written = 0;
    // Fences have registers' bits, too.
    if (this.opcode === 0xae && (this.#prefixes & PREFIX_F3) === 0) this.written = 0;
  }

  #bit(register: number, isBytes: boolean): number {
    return 1 << (isBytes && this.#rex === 0 ? register & 3 : register);
  }

  /** The next byte; -1 at the end, which is then passed. */
  #next(): number {
    if (this.#at < this.#end) return this.#bytes[this.#at++];
    this.#at = this.#end + 1;
    return NONE;
  }

  #half(): number {
    const low = this.#next();
    const high = this.#next();
    return low | (high << 8);
  }

  #word(): number {
    const bytes = this.#bytes;
    const at = this.#at;
    this.#at += 4;
    if (this.#at > this.#end) return 0;
    return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
  }
}
