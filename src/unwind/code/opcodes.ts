/**
 * What an x86-64 instruction's opcode says of its length and of the general registers that it writes, after Intel's
 * Software Developer's Manual, volume 2, appendix A ("Opcode Map"), and AMD's volume 3 for XOP. A row of sixteen opcodes is
 * a line of sixteen letters; see {@link MEANINGS}.
 */

/** A ModRM byte follows, and what it says of an address. */
export const MODRM = 1;
/** Bytes of an immediate: one; two; four, or two with the prefix 66; the operand's size up to eight. */
export const IMM8 = 2;
export const IMM16 = 4;
export const IMMZ = 8;
export const IMMV = 16;
/** ModRM's reg, or its rm where that is a register, is a general register that is written. */
export const WRITES_REG = 32;
export const WRITES_RM = 64;
/** No such instruction in 64-bit mode, or none that is decoded. */
export const INVALID = 128;
/** The operands are bytes: registers 4 to 7 are ah to bh unless there is a REX prefix. */
export const BYTES = 256;
/** An address of the operand's own: eight bytes, or four with the prefix 67. */
export const MOFFS = 512;
/** The opcode's low three bits are a general register that is written. */
export const WRITES_OPCODE = 1024;
/** VEX's vvvv is a general register that is written. */
export const WRITES_V = 2048;

const MEANINGS: Readonly<Record<string, number>> = {
  // Without ModRM.
  ".": 0,
  x: INVALID,
  1: IMM8,
  2: IMM16,
  z: IMMZ,
  a: MOFFS,
  o: WRITES_OPCODE,
  b: WRITES_OPCODE | IMM8 | BYTES,
  v: WRITES_OPCODE | IMMV,
  // With ModRM.
  m: MODRM,
  i: MODRM | IMM8,
  r: MODRM | WRITES_REG,
  q: MODRM | WRITES_REG | BYTES,
  R: MODRM | WRITES_REG | IMM8,
  Z: MODRM | WRITES_REG | IMMZ,
  e: MODRM | WRITES_RM,
  d: MODRM | WRITES_RM | BYTES,
  E: MODRM | WRITES_RM | IMM8,
  D: MODRM | WRITES_RM | BYTES | IMM8,
  F: MODRM | WRITES_RM | IMMZ,
  w: MODRM | WRITES_REG | WRITES_RM,
  W: MODRM | WRITES_REG | WRITES_RM | BYTES,
  n: MODRM | WRITES_V,
  N: MODRM | WRITES_V | WRITES_REG,
};

/** Sixteen rows of sixteen. */
function map(rows: readonly string[]): Uint16Array {
  return Uint16Array.from(rows.join(""), (letter) => MEANINGS[letter]);
}

/** One byte. Prefixes never get here; groups that write only sometimes are refined in instruction.ts. */
export const ONE_BYTE = map([
  "deqr1zxxdeqr1zx.", // 00 add, or
  "deqr1zxxdeqr1zxx", // 10 adc, sbb
  "deqr1z.xdeqr1z.x", // 20 and, sub
  "deqr1z.xmmmm1z.x", // 30 xor, cmp
  "................", // 40 REX
  "........oooooooo", // 50 push, pop
  "xx.r....zZ1R....", // 60 movsxd, push, imul
  "1111111111111111", // 70 jcc
  "DFxEmmWwdeqrermm", // 80 group 1, test, xchg, mov, lea, pop
  "oooooooo..x.....", // 90 xchg, pushf, popf
  "aaaa....1z......", // a0 mov, strings
  "bbbbbbbbvvvvvvvv", // b0 mov
  "DE2.xxDF..2..1x.", // c0 shifts, ret, mov, enter (by itself), leave
  "dedexxx.mmmmmmmm", // d0 shifts, x87
  "11111111zzx1....", // e0 loops, in, out, call, jmp
  "......de......de", // f0 groups 3, 4, 5
]);

/** 0F and a byte. */
export const TWO_BYTES = map([
  "mmmmx.....x.xm.i", // 00
  "mmmmmmmmmmmmmmmm", // 10
  "mmmmxxxxmmmmrrmm", // 20 cvt…2si
  "......x.xxxxxxxx", // 30
  "rrrrrrrrrrrrrrrr", // 40 cmov
  "rmmmmmmmmmmmmmmm", // 50 movmskps
  "mmmmmmmmmmmmmmmm", // 60
  "iiiimmm.mmxxmmem", // 70 movd
  "zzzzzzzzzzzzzzzz", // 80 jcc
  "dddddddddddddddd", // 90 setcc
  "...mEemm...eEemr", // a0 bts, shld, shrd, imul
  "dememmrrrmEerrrr", // b0 cmpxchg, btr, movzx, popcnt, btc, bsf, movsx
  "WwimiRimoooooooo", // c0 xadd, pextrw, bswap
  "mmmmmmmrmmmmmmmm", // d0 pmovmskb
  "mmmmmmmmmmmmmmmm", // e0
  "mmmmmmmmmmmmmmmm", // f0
]);

/** 0F 38 and a byte. */
export const MAP_38 = map([
  ...Array.from({ length: 8 }, () => "mmmmmmmmmmmmmmmm"),
  "mmmmmmmmmmmmmmmm", // 80
  ...Array.from({ length: 6 }, () => "mmmmmmmmmmmmmmmm"),
  "rrmmmmrmmmmmmmmm", // f0 movbe, crc32, adcx and adox
]);

/** 0F 3A and a byte: each has an immediate. */
export const MAP_3A = map([
  "iiiiiiiiiiiiiiii", // 00
  "iiiiEEEEiiiiiiii", // 10 pextr, extractps
  ...Array.from({ length: 14 }, () => "iiiiiiiiiiiiiiii"),
]);

/** VEX, map 1. EVEX has the same immediates, and no general register in other places. */
export const VEX_1 = map([
  "mmmmmmmmmmmmmmmm", // 00
  "mmmmmmmmmmmmmmmm", // 10
  "mmmmmmmmmmmmrrmm", // 20
  "mmmmmmmmmmmmmmmm", // 30
  "mmmmmmmmmmmmmmmm", // 40
  "rmmmmmmmmmmmmmmm", // 50
  "mmmmmmmmmmmmmmmm", // 60
  "iiiimmm.mmmmmmem", // 70 vzeroupper
  "mmmmmmmmmmmmmmmm", // 80
  "mmmrmmmmmmmmmmmm", // 90 kmov
  "mmmmmmmmmmmmmmmm", // a0
  "mmmmmmmmmmmmmmmm", // b0
  "mmimiRimmmmmmmmm", // c0
  "mmmmmmmrmmmmmmmm", // d0
  "mmmmmmmmmmmmmmmm", // e0
  "mmmmmmmmmmmmmmmm", // f0
]);

/** VEX, map 2: andn, blsr and its like, bzhi, pext, pdep, mulx, bextr, shlx, sarx, shrx. */
export const VEX_2 = map([
  ...Array.from({ length: 15 }, () => "mmmmmmmmmmmmmmmm"),
  "mmrnmrNrmmmmmmmm", // f0
]);

/** VEX, map 3: as without, and rorx. */
export const VEX_3 = map([
  "iiiiiiiiiiiiiiii", // 00
  "iiiiEEEEiiiiiiii", // 10
  ...Array.from({ length: 13 }, () => "iiiiiiiiiiiiiiii"),
  "Riiiiiiiiiiiiiii", // f0
]);

/** EVEX, maps 5 and 6: half floats, without immediates; vcvtsh2si and vmovw. */
export const EVEX_5 = map([
  ...Array.from({ length: 2 }, () => "mmmmmmmmmmmmmmmm"),
  "mmmmmmmmmmmmrrmm", // 20
  ...Array.from({ length: 4 }, () => "mmmmmmmmmmmmmmmm"),
  "mmmmmmmmrrmmmmem", // 70
  ...Array.from({ length: 8 }, () => "mmmmmmmmmmmmmmmm"),
]);

/** EVEX, map 1: vcvt…2usi besides. */
export const EVEX_1 = map([
  ...Array.from({ length: 2 }, () => "mmmmmmmmmmmmmmmm"),
  "mmmmmmmmmmmmrrmm", // 20
  ...Array.from({ length: 4 }, () => "mmmmmmmmmmmmmmmm"),
  "iiiimmmmrrmmmmem", // 70
  ...Array.from({ length: 4 }, () => "mmmmmmmmmmmmmmmm"),
  "mmimiRimmmmmmmmm", // c0
  ...Array.from({ length: 3 }, () => "mmmmmmmmmmmmmmmm"),
]);

/** XOP, maps 8 (an immediate), 9 (tbm) and 10 (bextr). */
export const XOP_8 = map(Array.from({ length: 16 }, () => "iiiiiiiiiiiiiiii"));
export const XOP_9 = map(["mnnmmmmmmmmmmmmm", ...Array.from({ length: 15 }, () => "mmmmmmmmmmmmmmmm")]);
export const XOP_10 = map(Array.from({ length: 16 }, () => "ZZZZZZZZZZZZZZZZ"));
