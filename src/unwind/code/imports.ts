import { SHN_UNDEF, SHT_DYNSYM, SHT_RELA } from "../../elf/constants.js";
import { type ElfFile, findSectionOfType, toFileOffset } from "../../elf/elf-file.js";
import { branchOf, JUMPS_INDIRECTLY } from "./branches.js";
import { Instruction, RIP } from "./instruction.js";

/** Functions of other files after whose call no code follows, with their names as the linker knows them. */
const NEVER_RETURN = new Set([
  "_Exit",
  "_Unwind_Resume",
  "__assert_fail",
  "__chk_fail",
  "__cxa_bad_cast",
  "__cxa_rethrow",
  "__cxa_throw",
  "__fortify_fail",
  "__libc_start_main",
  "__longjmp_chk",
  "__stack_chk_fail",
  "_exit",
  "_longjmp",
  "abort",
  "err",
  "errx",
  "exit",
  "longjmp",
  "pthread_exit",
  "quick_exit",
  "siglongjmp",
  "thrd_exit",
  "verr",
  "verrx",
]);
const LONGEST_NAME = 24;
const RELOCATION_BYTES = 24;
const SYMBOL_BYTES = 24;
const R_X86_64_GLOB_DAT = 6;
const R_X86_64_JUMP_SLOT = 7;
/** A large program imports some thousand functions. */
const MAX_RELOCATIONS = 1 << 16;
/** Prefixes, and a jump. */
const STUB_BYTES = 16;

/** Which of the functions that a file takes from others never return: by the slots that the dynamic linker fills. */
export class Imports {
  readonly #elf: ElfFile;
  readonly #slots = new Set<number>();
  readonly #instruction = new Instruction();

  constructor(elf: ElfFile) {
    this.#elf = elf;
    this.#readRelocations();
  }

  /** Whether the function whose address a slot gets is such a one. */
  neverReturns(slot: number): boolean {
    return this.#slots.has(slot);
  }

  /** The same of a stub that jumps through a slot, as linkers make one for each import. */
  stubNeverReturns(address: number): boolean {
    if (this.#slots.size === 0) return false;
    const offset = toFileOffset(this.#elf, address);
    const bytes = offset === undefined ? undefined : this.#elf.source.read(offset, STUB_BYTES);
    if (bytes === undefined) return false;
    const instruction = this.#instruction;
    // endbr64 may stand before the jump.
    for (let at = 0, count = 0; count < 2 && instruction.decode(bytes, at, bytes.length); count++) {
      at += instruction.length;
      if (branchOf(instruction) !== JUMPS_INDIRECTLY) continue;
      return instruction.base === RIP && this.#slots.has(address + at + instruction.displacement);
    }
    return false;
  }

  #readRelocations(): void {
    const { sections, source } = this.#elf;
    const symbols = findSectionOfType(this.#elf, SHT_DYNSYM);
    const strings = symbols && sections[symbols.link];
    if (symbols === undefined || strings === undefined) return;
    const names = new Map<number, boolean>();
    let budget = MAX_RELOCATIONS;
    for (const section of sections) {
      if (section.type !== SHT_RELA || sections[section.link] !== symbols) continue;
      for (let at = 0; at + RELOCATION_BYTES <= section.size && budget > 0; at += RELOCATION_BYTES, budget--) {
        const entry = source.read(section.fileOffset + at, RELOCATION_BYTES);
        if (entry === undefined) break;
        const type = entry.readUInt32LE(8);
        if (type !== R_X86_64_GLOB_DAT && type !== R_X86_64_JUMP_SLOT) continue;
        const slot = Number(entry.readBigUInt64LE(0));
        const symbol = entry.readUInt32LE(12);
        let isOne = names.get(symbol);
        if (isOne === undefined) {
          isOne = this.#neverReturns(symbols.fileOffset + symbol * SYMBOL_BYTES, strings.fileOffset);
          names.set(symbol, isOne);
        }
        if (isOne) this.#slots.add(slot);
      }
    }
  }

  #neverReturns(symbolAt: number, stringsAt: number): boolean {
    const symbol = this.#elf.source.read(symbolAt, SYMBOL_BYTES);
    // One that the file has itself can be looked at.
    if (symbol === undefined || symbol.readUInt16LE(6) !== SHN_UNDEF) return false;
    const bytes = this.#elf.source.read(stringsAt + symbol.readUInt32LE(0), LONGEST_NAME);
    const name = bytes?.toString("latin1") ?? "";
    return NEVER_RETURN.has(name.slice(0, Math.max(0, name.indexOf("\0"))));
  }
}
