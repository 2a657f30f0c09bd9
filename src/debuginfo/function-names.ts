import { Attributes, SLOT } from "./attributes.js";
import { DW_FORM } from "./constants.js";
import type { UnitIndex } from "./unit-index.js";
import type { Unit, UnitReader } from "./unit-reader.js";

/** What the entries of a function say of it, its definition, its abstract instance and its declaration taken together. */
export interface FunctionFacts {
  /** As the linker has it, or, where nothing is mangled, the name in the source; "" when there is none. */
  readonly systemName: string;
  /** Unit whose file table `file` counts in; undefined when the declaration is unknown. */
  readonly unit: Unit | undefined;
  readonly file: number;
  /** 0 when unknown. */
  readonly line: number;
}

const NOTHING: FunctionFacts = { systemName: "", unit: undefined, file: 0, line: 0 };
/** From the inlined call to its abstract instance, to the definition, to the declaration; more is a loop. */
const MAX_REFERENCES = 8;
/** Functions and units that are remembered; beyond that all are forgotten at once. */
const MAX_FUNCTIONS = 20_000;
const MAX_UNITS = 256;

/** Names functions by their entries in .debug_info. */
export class FunctionNames {
  readonly #reader: UnitReader;
  readonly #index: UnitIndex;
  readonly #facts = new Map<number, FunctionFacts>();
  readonly #units = new Map<number, Unit | undefined>();
  readonly #attributes = new Attributes();

  constructor(reader: UnitReader, index: UnitIndex) {
    this.#reader = reader;
    this.#index = index;
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
    for (let count = 0; count < MAX_REFERENCES; count++) {
      const attributes = this.#attributes;
      const cursor = this.#reader.cursorAt(at, where.end);
      if (this.#reader.readEntry(cursor, at, where, where.abbreviations, attributes) === undefined) break;
      const origin = attributes.has(SLOT.origin) ? attributes.values[SLOT.origin] : -1;
      const originForm = attributes.forms[SLOT.origin];
      if (declared.unit === undefined && attributes.has(SLOT.declLine)) {
        const [file, line] = [attributes.number(SLOT.declFile), attributes.number(SLOT.declLine)];
        declared = { systemName: "", unit: where, file, line };
      }
      const linkageName = this.#reader.text(where, attributes, SLOT.linkageName);
      if (linkageName !== undefined) return { ...declared, systemName: linkageName };
      if (name === "") name = this.#reader.text(where, attributes, SLOT.name) ?? "";
      const next = origin < 0 || !isLocal(originForm) ? undefined : this.#unitOf(origin, where);
      if (next === undefined) break;
      at = origin;
      where = next;
    }
    return { ...declared, systemName: name };
  }

  #unitOf(entry: number, near: Unit): Unit | undefined {
    if (entry >= near.entryOffset && entry < near.end) return near;
    const offset = this.#index.unitOf(entry);
    if (offset < 0) return undefined;
    if (!this.#units.has(offset)) {
      const header = this.#reader.header(offset);
      const unit = header?.version === undefined ? undefined : this.#reader.open(header, new Attributes());
      if (this.#units.size >= MAX_UNITS) this.#units.clear();
      this.#units.set(offset, unit);
    }
    const unit = this.#units.get(offset);
    return unit !== undefined && entry >= unit.entryOffset && entry < unit.end ? unit : undefined;
  }
}

/** Whether a reference is into this file: not to a type by its hash, nor into a supplementary file. */
function isLocal(form: number): boolean {
  return form === DW_FORM.refAddr || (form >= DW_FORM.ref1 && form <= DW_FORM.refUdata);
}
