import { R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT, SHN_UNDEF, SHT_DYNSYM, SHT_RELA } from "../../elf/constants.js";
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
/** A large program imports some thousand functions. */
const MAX_RELOCATIONS = 1 << 16;
/** Prefixes, and a jump. */
const STUB_BYTES = 16;

/** A function that is known by its name never to return. */
export const NEVER = "never";

/** What the slots lead to that the dynamic linker fills. */
export class Imports {
  readonly #elf: ElfFile;
  /** By slot: where its function is, if it is in this file, or that it never returns. */
  readonly #slots = new Map<number, number | typeof NEVER>();
  readonly #instruction = new Instruction();

  constructor(elf: ElfFile) {
    this.#elf = elf;
    this.#readRelocations();
  }

  /** The function whose address a slot gets: where it is in this file, NEVER, or undefined if nothing is known of it. */
  ofSlot(slot: number): number | typeof NEVER | undefined {
    return this.#slots.get(slot);
  }

  /** The same of a stub that jumps through a slot, as linkers make one for each import. */
  ofStub(address: number): number | typeof NEVER | undefined {
    if (this.#slots.size === 0) return undefined;
    const offset = toFileOffset(this.#elf, address);
    const bytes = offset === undefined ? undefined : this.#elf.source.read(offset, STUB_BYTES);
    if (bytes === undefined) return undefined;
    const instruction = this.#instruction;
    // endbr64 may stand before the jump.
    for (let at = 0, count = 0; count < 2 && instruction.decode(bytes, at, bytes.length); count++) {
      at += instruction.length;
      if (branchOf(instruction) !== JUMPS_INDIRECTLY) continue;
      return instruction.base === RIP ? this.#slots.get(address + at + instruction.displacement) : undefined;
    }
    return undefined;
  }

  #readRelocations(): void {
    const { sections, source } = this.#elf;
    const symbols = findSectionOfType(this.#elf, SHT_DYNSYM);
    const strings = symbols && sections[symbols.link];
    if (symbols === undefined || strings === undefined) return;
    const known = new Map<number, number | typeof NEVER | undefined>();
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
        if (!known.has(symbol)) {
          known.set(symbol, this.#target(symbols.fileOffset + symbol * SYMBOL_BYTES, strings.fileOffset));
        }
        const target = known.get(symbol);
        if (target !== undefined) this.#slots.set(slot, target);
      }
    }
  }

  #target(symbolAt: number, stringsAt: number): number | typeof NEVER | undefined {
    const symbol = this.#elf.source.read(symbolAt, SYMBOL_BYTES);
    if (symbol === undefined) return undefined;
    // One that the file has itself can be looked at.
    if (symbol.readUInt16LE(6) !== SHN_UNDEF) return Number(symbol.readBigUInt64LE(8));
    const bytes = this.#elf.source.read(stringsAt + symbol.readUInt32LE(0), LONGEST_NAME);
    const name = bytes?.toString("latin1") ?? "";
    return NEVER_RETURN.has(name.slice(0, Math.max(0, name.indexOf("\0")))) ? NEVER : undefined;
  }
}
