import { Cursor } from "../dwarf/cursor.js";
import { DW_FORM, DW_LNCT } from "./constants.js";
import { readForm, readOffset, skipString, sizeOfForm } from "./forms.js";
import type { DebugSections } from "./sections.js";

/** What a line number program begins with (DWARF 5, 6.2.4), and the files that it speaks of. */
export interface LineHeader {
  readonly version: number;
  readonly minimumInstruction: number;
  /** 1 but for machines that start several operations at once. */
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** Operands of each standard opcode, by opcode. */
  readonly operandCounts: Uint8Array;
  /** Offsets into .debug_line. */
  readonly programStart: number;
  readonly programEnd: number;
  readonly files: FileTable;
}

/** Files by the number that line programs and entries call them. */
export interface FileTable {
  /** Of the first file: 1, or 0 in DWARF 5. */
  readonly first: number;
  readonly names: readonly string[];
  readonly directoryOf: readonly number[];
  readonly directories: readonly string[];
}

const MAX_HEADER_BYTES = 4 * 1024 * 1024;
const MAX_FILES = 200_000;
const MAX_FORMATS = 32;
/** What Linux takes for a path. */
const MAX_PATH = 4096;

/** The header at an offset of .debug_line; undefined when it makes no sense. */
export function readLineHeader(sections: DebugSections, offset: number, compDir: string): LineHeader | undefined {
  const section = sections.get("line");
  if (section === undefined) return undefined;
  const start = new Cursor(section.view(offset, 32));
  const first = start.u32();
  const offsetBytes = first === 0xffff_ffff ? 8 : 4;
  const length = offsetBytes === 8 ? start.u64() : first;
  const programEnd = offset + start.at + length;
  const version = start.u16();
  if (version >= 5) start.skip(2); // sizes of addresses and of segment selectors
  const headerLength = readOffset(start, offsetBytes);
  const programStart = offset + start.at + headerLength;
  if (start.failed || version < 2 || version > 5) return undefined;
  if (!(programEnd <= section.size && programStart <= programEnd) || headerLength > MAX_HEADER_BYTES) return undefined;

  const bytes = Buffer.allocUnsafe(headerLength);
  const cursor = new Cursor(bytes, 0, section.readInto(offset + start.at, bytes));
  const minimumInstruction = cursor.u8();
  if (version >= 4) cursor.skip(1); // operations of an instruction
  cursor.skip(1); // whether a row is a statement's start
  const lineBase = (cursor.u8() << 24) >> 24;
  const lineRange = cursor.u8();
  const opcodeBase = cursor.u8();
  const operandCounts = new Uint8Array(256);
  for (let opcode = 1; opcode < opcodeBase; opcode++) operandCounts[opcode] = cursor.u8();
  if (cursor.failed || lineRange === 0 || opcodeBase === 0) return undefined;
  const files =
    version >= 5
      ? readTables(cursor, sections, { version, offsetBytes }, compDir)
      : readOldTables(cursor, bytes, compDir);
  if (files === undefined) return undefined;
  const program = { minimumInstruction, lineBase, lineRange, opcodeBase, operandCounts, programStart, programEnd };
  return { version, ...program, files };
}

/** Tables of DWARF 2 to 4: directory 0 and files without one lie where the compiler ran. */
function readOldTables(cursor: Cursor, bytes: Buffer, compDir: string): FileTable | undefined {
  const directories = [compDir];
  const names: string[] = [];
  const directoryOf: number[] = [];
  for (let text; (text = stringAt(cursor, bytes)) !== "";) {
    if (text === undefined || directories.push(joinPath(compDir, text)) > MAX_FILES) return undefined;
  }
  for (let text; (text = stringAt(cursor, bytes)) !== "";) {
    if (text === undefined || names.push(text) > MAX_FILES) return undefined;
    directoryOf.push(cursor.uleb());
    cursor.uleb(); // time
    cursor.uleb(); // length
  }
  return cursor.failed ? undefined : { first: 1, names, directoryOf, directories };
}

function stringAt(cursor: Cursor, bytes: Buffer): string | undefined {
  const start = cursor.at;
  skipString(cursor);
  return cursor.failed ? undefined : bytes.toString("utf8", start, Math.min(cursor.at - 1, start + MAX_PATH));
}

interface LineForms {
  readonly version: number;
  readonly offsetBytes: 4 | 8;
}

/** Tables of DWARF 5: a description of what each entry has, then the entries. */
function readTables(cursor: Cursor, sections: DebugSections, forms: LineForms, compDir: string): FileTable | undefined {
  const directories: string[] = [];
  const names: string[] = [];
  const directoryOf: number[] = [];
  const readable =
    readTable(cursor, sections, forms, (path) => {
      // The first is where the compiler ran, and the others may count from it. It may be relative itself, in packages that do not
      // tell where they were built; then each counts from what the unit says, as addr2line and llvm-symbolizer have it.
      directories.push(joinPath(compDir === "" ? (directories[0] ?? "") : compDir, path));
    }) &&
    readTable(cursor, sections, forms, (path, directory) => {
      names.push(path);
      directoryOf.push(directory);
    });
  return readable ? { first: 0, names, directoryOf, directories } : undefined;
}

function readTable(
  cursor: Cursor,
  sections: DebugSections,
  forms: LineForms,
  take: (path: string, directory: number) => void,
): boolean {
  const formatCount = cursor.u8();
  if (formatCount > MAX_FORMATS) return false;
  const formats = Array.from({ length: formatCount }, () => ({ content: cursor.uleb(), form: cursor.uleb() }));
  const count = cursor.uleb();
  // An entry of nothing would be endless files for nothing.
  if (cursor.failed || count > MAX_FILES || (formatCount === 0 && count > 0)) return false;
  for (let entry = 0; entry < count; entry++) {
    let path = "";
    let directory = 0;
    for (const { content, form } of formats) {
      const value = readForm(cursor, form, 0, forms);
      if (cursor.failed) return false;
      if (content === DW_LNCT.path) path = textOf(cursor, sections, form, value) ?? "";
      else if (content === DW_LNCT.directoryIndex && sizeOfForm(form, forms) !== 16) directory = value;
    }
    take(path, directory);
  }
  return true;
}

function textOf(cursor: Cursor, sections: DebugSections, form: number, value: number): string | undefined {
  switch (form) {
    case DW_FORM.lineStrp:
      return sections.get("line_str")?.text(value)?.slice(0, MAX_PATH);
    case DW_FORM.strp:
      return sections.get("str")?.text(value)?.slice(0, MAX_PATH);
    case DW_FORM.string:
      return Buffer.from(cursor.bytes.buffer, cursor.bytes.byteOffset).toString(
        "utf8",
        value,
        Math.min(cursor.at - 1, value + MAX_PATH),
      );
    default:
      return undefined;
  }
}

/** A file's path, "" when the number is nobody's. */
export function filePath({ first, names, directoryOf, directories }: FileTable, file: number): string {
  const row = file - first;
  const name = names[row] ?? "";
  return name === "" ? "" : joinPath(directories[directoryOf[row]] ?? "", name);
}

function joinPath(directory: string, name: string): string {
  const path = name.startsWith("/") || directory === "" ? name : `${directory.replace(/\/$/, "")}/${name}`;
  return path.slice(0, MAX_PATH);
}
