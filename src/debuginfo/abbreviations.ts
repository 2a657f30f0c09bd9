import { Cursor } from "../dwarf/cursor.js";
import { SLOT, slotOf } from "./attributes.js";
import { DW_FORM, DW_TAG } from "./constants.js";
import { type FormSizes, readForm, readSigned, sizeOfForm, UNKNOWN_SIZE, VARIABLE_SIZE } from "./forms.js";
import type { SectionWindow } from "./section-window.js";

/** What an entry of the unit is to who looks for functions. */
export const ENTRY_KIND = {
  plain: 0,
  /** A subprogram that may have code. */
  function: 1,
  /** A type that says where it ends. Outside of functions nothing in it has code. */
  type: 2,
  inlined: 3,
  /** A subprogram without code of its own. */
  declaration: 4,
} as const;

/** Abbreviations of one unit: gcc's and clang's have some hundred, whole-program Rust some thousand. */
const MAX_ROWS = 65_536;
const MAX_SPECS = 1_048_576;
const FIRST_ROW_BYTES = 512;
const FIRST_BYTES = 64 * 1024;
const MAX_BYTES = 4 * 1024 * 1024;

const TYPES: ReadonlySet<number> = new Set([
  DW_TAG.structureType,
  DW_TAG.classType,
  DW_TAG.unionType,
  DW_TAG.enumerationType,
]);

/**
 * What the entries of a unit look like: a row for each code, and columns of what the rows' attributes are. For the units of one
 * table whose forms have the same sizes.
 */
export interface Abbreviations {
  /** By code while codes are 1, 2, 3 …, as every compiler writes them; else -1 and {@link Abbreviations.rows} knows. */
  readonly dense: Int32Array;
  readonly rows: ReadonlyMap<number, number>;
  readonly tags: Uint16Array;
  readonly kinds: Uint8Array;
  readonly hasChildren: Uint8Array;
  /** Bytes of the attributes, or VARIABLE_SIZE. */
  readonly sizes: Int32Array;
  /** Row r's attributes are specs specStarts[r] .. specStarts[r + 1]. */
  readonly specStarts: Uint32Array;
  readonly specSlots: Uint8Array;
  readonly specForms: Uint16Array;
  readonly specImplicits: Float64Array;
  /** Bytes held. */
  readonly bytes: number;
}

/**
 * Reads the table at an offset of .debug_abbrev, or its first row only; undefined when it makes no sense or has more than any
 * compiler writes.
 */
export function readAbbreviations(
  section: SectionWindow,
  offset: number,
  sizes: FormSizes,
  firstRowOnly = false,
): Abbreviations | undefined {
  if (firstRowOnly) {
    const table = parse(new Cursor(section.view(offset, FIRST_ROW_BYTES)), sizes, 1);
    return table === "cut-short" ? undefined : table;
  }
  // Where a table ends is known once it was read: few are larger than the first piece.
  for (let bytes = FIRST_BYTES; bytes <= MAX_BYTES; bytes *= 8) {
    const piece = new Uint8Array(Math.max(0, Math.min(bytes, section.size - offset)));
    const filled = section.readInto(offset, piece);
    const table = parse(new Cursor(piece, 0, filled), sizes, MAX_ROWS);
    if (table !== "cut-short") return table;
    if (offset + bytes >= section.size) return undefined;
  }
  return undefined;
}

function parse(cursor: Cursor, formSizes: FormSizes, maxRows: number): Abbreviations | "cut-short" | undefined {
  const codes: number[] = [];
  const tags: number[] = [];
  const kinds: number[] = [];
  const hasChildren: number[] = [];
  const sizes: number[] = [];
  const specStarts: number[] = [0];
  const slots: number[] = [];
  const forms: number[] = [];
  const implicits: number[] = [];
  while (codes.length < maxRows) {
    const code = cursor.uleb();
    if (cursor.failed) return "cut-short";
    if (code === 0) break;
    const tag = cursor.uleb();
    hasChildren.push(cursor.u8() === 0 ? 0 : 1);
    let size = 0;
    let found = 0;
    for (;;) {
      const attribute = cursor.uleb();
      const form = cursor.uleb();
      const implicit = form === DW_FORM.implicitConst ? readSigned(cursor) : 0;
      if (cursor.failed) return "cut-short";
      if (attribute === 0 && form === 0) break;
      const bytes = sizeOfForm(form, formSizes);
      if (bytes === UNKNOWN_SIZE || forms.length >= MAX_SPECS) return undefined;
      size = size < 0 || bytes < 0 ? VARIABLE_SIZE : size + bytes;
      const slot = slotOf(attribute);
      found |= 1 << slot;
      slots.push(slot);
      forms.push(form);
      implicits.push(implicit);
    }
    codes.push(code);
    tags.push(Math.min(tag, 0xffff));
    kinds.push(kindOf(tag, found));
    sizes.push(size);
    specStarts.push(forms.length);
  }
  return {
    ...codeIndex(codes),
    tags: Uint16Array.from(tags),
    kinds: Uint8Array.from(kinds),
    hasChildren: Uint8Array.from(hasChildren),
    sizes: Int32Array.from(sizes),
    specStarts: Uint32Array.from(specStarts),
    specSlots: Uint8Array.from(slots),
    specForms: Uint16Array.from(forms),
    specImplicits: Float64Array.from(implicits),
    bytes: codes.length * 16 + forms.length * 11,
  };
}

function kindOf(tag: number, slots: number): number {
  const has = (slot: number) => (slots & (1 << slot)) !== 0;
  if (tag === DW_TAG.inlinedSubroutine) return ENTRY_KIND.inlined;
  if (tag === DW_TAG.subprogram && (has(SLOT.lowPc) || has(SLOT.ranges))) return ENTRY_KIND.function;
  if (has(SLOT.sibling) && TYPES.has(tag)) return ENTRY_KIND.type;
  return tag === DW_TAG.subprogram ? ENTRY_KIND.declaration : ENTRY_KIND.plain;
}

function codeIndex(codes: readonly number[]): Pick<Abbreviations, "dense" | "rows"> {
  const dense = new Int32Array(codes.length + 1).fill(-1);
  const rows = new Map<number, number>();
  for (const [row, code] of codes.entries()) {
    if (code <= codes.length) dense[code] = row;
    else rows.set(code, row);
  }
  return { dense, rows };
}

/** The row of a code, -1 when there is none. */
export function rowOf(table: Abbreviations, code: number): number {
  return code < table.dense.length ? table.dense[code] : (table.rows.get(code) ?? -1);
}

/** Moves past the attributes of an entry. */
export function skipAttributes(cursor: Cursor, table: Abbreviations, row: number, sizes: FormSizes): void {
  const size = table.sizes[row];
  if (size >= 0) {
    cursor.skip(size);
    return;
  }
  for (let spec = table.specStarts[row]; spec < table.specStarts[row + 1] && !cursor.failed; spec++) {
    const form = table.specForms[spec];
    const bytes = sizeOfForm(form, sizes);
    if (bytes >= 0) cursor.skip(bytes);
    else readForm(cursor, form, 0, sizes);
  }
}
