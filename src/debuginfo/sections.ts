import { type ElfFile, findSection, isRefusal } from "../elf/elf-file.js";
import { openSection } from "../elf/section-source.js";
import { SectionWindow } from "./section-window.js";

/** Sections by name without `.debug_`, and how much of each is looked at together. A string needs 16 KiB: the longest. */
const WINDOW_BYTES = {
  info: 16 * 1024,
  abbrev: 16 * 1024,
  line: 16 * 1024,
  line_str: 16 * 1024,
  str: 16 * 1024,
  str_offsets: 4 * 1024,
  addr: 4 * 1024,
  ranges: 16 * 1024,
  rnglists: 16 * 1024,
  aranges: 16 * 1024,
  cu_index: 4 * 1024,
} as const;

export type DebugSectionName = keyof typeof WINDOW_BYTES;

/** The sections of debug information of one file, each opened when it is first asked for. */
export class DebugSections {
  readonly #elf: ElfFile;
  readonly #suffix: string;
  readonly #linked: DebugSections | undefined;
  readonly #windows = new Map<DebugSectionName, SectionWindow | undefined>();
  #inflatable: number;
  /** Why the last section that is there could not be used: one clause. */
  problem: "limit-exceeded" | "malformed" | "read-failed" | undefined;

  /**
   * `maxInflatedBytes` is for all compressed sections together; plain ones are read by parts. `suffix` is ".dwo" for
   * those of split files, whose range lists of DWARF 4 are in the `linked` file.
   */
  constructor(elf: ElfFile, maxInflatedBytes: number, suffix = "", linked?: DebugSections) {
    this.#linked = linked;
    this.#elf = elf;
    this.#inflatable = maxInflatedBytes;
    this.#suffix = suffix;
  }

  /** Undefined when there is none, or when it cannot be used: {@link DebugSections.problem} tells. */
  get(name: DebugSectionName): SectionWindow | undefined {
    if (name === "ranges" && this.#linked !== undefined) return this.#linked.get(name);
    if (!this.#windows.has(name)) this.#windows.set(name, this.#open(name));
    return this.#windows.get(name);
  }

  /** Whether the file has it, usable or not. */
  has(name: DebugSectionName): boolean {
    return this.#find(name) !== undefined;
  }

  /** Why bytes that should be there were not. */
  get failure(): string | undefined {
    return this.#elf.source.failure;
  }

  #find(name: DebugSectionName) {
    return (
      findSection(this.#elf, `.debug_${name}${this.#suffix}`) ??
      findSection(this.#elf, `.zdebug_${name}${this.#suffix}`)
    );
  }

  #open(name: DebugSectionName): SectionWindow | undefined {
    const section = this.#find(name);
    if (section === undefined || section.size === 0) return undefined;
    const source = openSection(this.#elf, section, this.#inflatable);
    if (isRefusal(source)) {
      this.problem =
        source.problem === "limit-exceeded" || source.problem === "read-failed" ? source.problem : "malformed";
      return undefined;
    }
    if (source.size !== section.size) this.#inflatable -= source.size;
    return new SectionWindow(source, Math.min(WINDOW_BYTES[name], source.size));
  }
}
