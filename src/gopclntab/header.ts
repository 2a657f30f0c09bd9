import { SHT_NOBITS } from "../elf/constants.js";
import { type ElfFile, type ElfRefusal, findSection, isRefusal } from "../elf/elf-file.js";
import { u32, u64 } from "../elf/little-endian.js";
import { openSection } from "../elf/section-source.js";
import { Area } from "./area.js";

/**
 * The layouts, named after the release that brought each. 1.16: functions by address. 1.18: by offset from the text's
 * start. 1.20: the line at which each function begins, and another inlining tree.
 */
export type GoLayout = "1.16" | "1.18" | "1.20";

/** The header of the table (runtime/symtab.go, pcHeader), and the parts that it tells of. */
export interface GoHeader {
  readonly layout: GoLayout;
  /** Where the table lies. */
  readonly elfAddress: number;
  /** Bytes of the smallest instruction: what distances between instructions are counted in. */
  readonly quantum: number;
  readonly functionCount: number;
  /** Where the text starts, as far as the header says; 0 where a relocation would, and from Go 1.26 on. */
  readonly textStart: number;
  /** ELF address of the names. */
  readonly namesAddress: number;
  /** Names of functions. */
  readonly names: Area;
  /** Files of compilation units: where in `files` the name of each is. */
  readonly units: Area;
  readonly files: Area;
  /** Values by instruction. */
  readonly values: Area;
  /** The functions by address: where each starts, and where in `functions` its entry is. */
  readonly index: Area;
  readonly functions: Area;
}

/** internal/abi/symtab.go, PCLnTabMagic. */
const LAYOUTS = new Map<number, GoLayout>([
  [0xffff_fffa, "1.16"],
  [0xffff_fff0, "1.18"],
  [0xffff_fff1, "1.20"],
]);
const OLDER_MAGIC = 0xffff_fffb;

/** Of a position-independent program the section has the longer name. */
const SECTIONS = [".gopclntab", ".data.rel.ro.gopclntab"];
const HEADER_BYTES = 72;
const POINTER_BYTES = 8;
/** Nothing is known of a table that is compressed; a limit must be said. */
const MAX_INFLATED_BYTES = 0;
/** The largest programs have half a million. */
const MAX_FUNCTIONS = 4_000_000;

/** Finds and reads the header; undefined where there is none: not a Go program, or one without section headers. */
export function readGoHeader(elf: ElfFile): GoHeader | ElfRefusal | undefined {
  const section = SECTIONS.map((name) => findSection(elf, name)).find((found) => found !== undefined);
  if (section === undefined || section.type === SHT_NOBITS) return undefined;
  const source = openSection(elf, section, MAX_INFLATED_BYTES);
  if (isRefusal(source)) return source;
  const header = source.read(0, HEADER_BYTES);
  if (header === undefined) return { problem: "malformed", detail: "the Go table is shorter than its header" };
  const magic = u32(header, 0);
  const layout = LAYOUTS.get(magic);
  if (layout === undefined) {
    const older = magic === OLDER_MAGIC ? " (of Go 1.15 or older)" : "";
    return { problem: "malformed", detail: `a Go table of the unknown kind 0x${magic.toString(16)}${older}` };
  }
  const quantum = header[6];
  if (![1, 2, 4].includes(quantum) || header[7] !== POINTER_BYTES) {
    return { problem: "malformed", detail: `a Go table with quantum ${quantum} and pointers of ${header[7]} bytes` };
  }
  const functionCount = u64(header, 8);
  if (functionCount > MAX_FUNCTIONS) return { problem: "limit-exceeded", detail: `${functionCount} Go functions` };
  // Go 1.16 has no start of the text between the counts and the offsets.
  const hasTextStart = layout !== "1.16";
  const [names, units, files, values, functions] = Array.from({ length: 5 }, (_, part) =>
    u64(header, (hasTextStart ? 32 : 24) + 8 * part),
  );
  return {
    layout,
    elfAddress: section.elfAddress,
    quantum,
    functionCount,
    textStart: hasTextStart ? u64(header, 24) : 0,
    namesAddress: section.elfAddress + names,
    names: new Area(source, names),
    units: new Area(source, units),
    files: new Area(source, files),
    values: new Area(source, values, true),
    index: new Area(source, functions),
    functions: new Area(source, functions),
  };
}
