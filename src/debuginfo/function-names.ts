import { Attributes, SLOT } from "./attributes.js";
import { DW_FORM } from "./constants.js";
import type { DebugFile } from "./debug-file.js";
import type { Unit } from "./unit-reader.js";

/** What the entries of a function say of it, its definition, its abstract instance and its declaration taken together. */
export interface FunctionFacts {
  /** As the linker has it, or, where nothing is mangled, the name in the source; "" when there is none. */
  readonly systemName: string;
  /** Unit whose file table `file` counts in, and the file that has it; undefined when the declaration is unknown. */
  readonly unit: Unit | undefined;
  readonly unitFile: DebugFile | undefined;
  readonly file: number;
  /** 0 when unknown. */
  readonly line: number;
}

const NOTHING: FunctionFacts = { systemName: "", unit: undefined, unitFile: undefined, file: 0, line: 0 };
/** From the inlined call to its abstract instance, to the definition, to the declaration; more is a loop. */
const MAX_REFERENCES = 8;
/** Functions and units that are remembered; beyond that all are forgotten at once. */
const MAX_FUNCTIONS = 10_000;
const MAX_UNITS = 256;

/** Names functions by their entries in .debug_info. */
export class FunctionNames {
  readonly #file: DebugFile;
  readonly #supplementary: DebugFile | undefined;
  readonly #facts = new Map<number, FunctionFacts>();
  readonly #units = new Map<DebugFile, Map<number, Unit | undefined>>();
  readonly #attributes = new Attributes();

  /** Of entries of `file`, which may refer to those of a supplementary one. */
  constructor(file: DebugFile, supplementary: DebugFile | undefined) {
    this.#file = file;
    this.#supplementary = supplementary;
  }

  /** Of the entry at an offset of .debug_info, which lies in `unit`. */
  of(entry: number, unit: Unit): FunctionFacts {
    let facts = this.#facts.get(entry);
    if (facts === undefined) {
      facts = this.#read(entry, unit);
      if (this.#facts.size >= MAX_FUNCTIONS) this.#facts.clear();
      this.#facts.set(entry, facts);
    }
    return facts;
  }

  #read(entry: number, unit: Unit): FunctionFacts {
    let name = "";
    let declared = NOTHING;
    let at = entry;
    let where = unit;
    let file = this.#file;
    for (let count = 0; count < MAX_REFERENCES; count++) {
      const attributes = this.#attributes;
      const cursor = file.reader.cursorAt(at, where.end);
      if (file.reader.readEntry(cursor, at, where, where.abbreviations, attributes) === undefined) break;
      const origin = attributes.has(SLOT.origin) ? attributes.values[SLOT.origin] : -1;
      const originForm = attributes.forms[SLOT.origin];
      if (declared.unit === undefined && attributes.has(SLOT.declLine)) {
        const line = attributes.number(SLOT.declLine);
        declared = { systemName: "", unit: where, unitFile: file, file: attributes.number(SLOT.declFile), line };
      }
      const linkageName = file.reader.text(where, attributes, SLOT.linkageName);
      if (linkageName !== undefined) return { ...declared, systemName: linkageName };
      if (name === "") name = file.reader.text(where, attributes, SLOT.name) ?? "";
      const nextFile = isLocal(originForm) ? file : isSupplementary(originForm) ? this.#supplementary : undefined;
      const next = origin < 0 || nextFile === undefined ? undefined : this.#unitOf(nextFile, origin, where, file);
      if (nextFile === undefined || next === undefined) break;
      file = nextFile;
      at = origin;
      where = next;
    }
    return { ...declared, systemName: name };
  }

  /** The unit of an entry; most often the one that refers to it. */
  #unitOf(file: DebugFile, entry: number, near: Unit, nearFile: DebugFile): Unit | undefined {
    if (file === nearFile && entry >= near.entryOffset && entry < near.end) return near;
    const offset = file.index.unitOf(entry);
    if (offset < 0) return undefined;
    let units = this.#units.get(file);
    if (units === undefined || units.size >= MAX_UNITS) {
      units = new Map();
      this.#units.set(file, units);
    }
    if (!units.has(offset)) {
      const header = file.reader.header(offset);
      units.set(offset, header?.version === undefined ? undefined : file.reader.open(header, new Attributes()));
    }
    const unit = units.get(offset);
    return unit !== undefined && entry >= unit.entryOffset && entry < unit.end ? unit : undefined;
  }
}

/** Whether a reference is into this file: not to a type by its hash, nor into a supplementary file. */
function isLocal(form: number): boolean {
  return form === DW_FORM.refAddr || (form >= DW_FORM.ref1 && form <= DW_FORM.refUdata);
}

function isSupplementary(form: number): boolean {
  return form === DW_FORM.gnuRefAlt || form === DW_FORM.refSup4 || form === DW_FORM.refSup8;
}
