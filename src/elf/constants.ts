/** Numbers of the ELF specification (System V gABI, chapters 4 and 5), under the names it gives them. */

export const EM_X86_64 = 62;
export const EM_AARCH64 = 183;

export const ET_EXEC = 2;
export const ET_DYN = 3;

export const PT_LOAD = 1;
export const PT_DYNAMIC = 2;
export const PT_NOTE = 4;
export const PT_GNU_EH_FRAME = 0x6474e550;
export const PF_X = 1;

export const SHT_SYMTAB = 2;
export const SHT_NOTE = 7;
export const SHT_NOBITS = 8;
export const SHT_DYNSYM = 11;
export const SHF_COMPRESSED = 0x800;

/** e_phnum when the count did not fit: it is in sh_info of section 0. */
export const PN_XNUM = 0xffff;
/** e_shstrndx when the index did not fit: it is in sh_link of section 0. */
export const SHN_XINDEX = 0xffff;

export const ELFCOMPRESS_ZLIB = 1;
export const ELFCOMPRESS_ZSTD = 2;
export const NT_GNU_BUILD_ID = 3;

export const SHF_EXECINSTR = 4;
export const SHT_RELA = 4;

/** Symbol types (low 4 bits of st_info) and bindings (high 4 bits). */
export const STT_NOTYPE = 0;
export const STT_FUNC = 2;
export const STT_GNU_IFUNC = 10;
export const STB_LOCAL = 0;
export const STB_WEAK = 2;
export const SHN_UNDEF = 0;

/** Relocations of GOT slots, by machine: R_*_GLOB_DAT, R_*_JUMP_SLOT, R_*_IRELATIVE. */
export const R_X86_64_GLOB_DAT = 6;
export const R_X86_64_JUMP_SLOT = 7;
export const R_X86_64_IRELATIVE = 37;
export const R_AARCH64_GLOB_DAT = 1025;
export const R_AARCH64_JUMP_SLOT = 1026;
export const R_AARCH64_IRELATIVE = 1032;

/** Relocations by the load bias alone: R_*_RELATIVE. */
export const R_X86_64_RELATIVE = 8;
export const R_AARCH64_RELATIVE = 1027;

/** Tags of the dynamic section. */
export const DT_HASH = 4;
export const DT_STRTAB = 5;
export const DT_SYMTAB = 6;
export const DT_RELA = 7;
export const DT_RELASZ = 8;
export const DT_GNU_HASH = 0x6ffffef5;
