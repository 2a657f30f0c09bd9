import { Cursor } from "../dwarf/cursor.js";
import { DW_LNE, DW_LNS } from "./constants.js";
import { findInterval, type IntervalTable, IntervalTableBuilder } from "./interval-table.js";
import type { FileTable, LineHeader } from "./line-header.js";
import type { DebugSections } from "./sections.js";

/** Which line each address of a unit comes from: runs of rows with ascending addresses, one after the other. */
export interface LineTable {
  readonly files: FileTable;
  /** Runs: where each lies, and as owners the rows it has, first row × 2^26 + count. */
  readonly sequences: IntervalTable;
  /** From the base of {@link LineTable.sequences}. */
  readonly addresses: Uint32Array;
  readonly fileOf: Uint32Array;
  readonly lineOf: Uint32Array;
  readonly bytes: number;
}

export interface FoundLine {
  readonly file: number;
  /** 0 when the compiler says that no line is its origin. */
  readonly line: number;
  /** Around the address those of the same row. */
  readonly from: number;
  readonly limit: number;
}

/** Larger ones are of programs in one unit, optimised as a whole; the largest of LLVM has 2 MiB. */
const MAX_PROGRAM_BYTES = 64 * 1024 * 1024;
const MAX_ROWS = 2 ** 25;
const COUNT_SCALE = 2 ** 26;
const MAX_OFFSET = 2 ** 32 - 1;

/** Runs the line number program of a header (DWARF 5, 6.2.5). What cannot be run ends it; the rows before stay. */
export function readLineTable(sections: DebugSections, header: LineHeader, base: number): LineTable | undefined {
  const size = header.programEnd - header.programStart;
  const section = sections.get("line");
  if (section === undefined || size > MAX_PROGRAM_BYTES) return undefined;
  const bytes = new Uint8Array(size);
  const cursor = new Cursor(bytes, 0, section.readInto(header.programStart, bytes));
  return new LineMachine(header, base).run(cursor);
}

/** The state machine, and the rows it has made. */
class LineMachine {
  readonly #header: LineHeader;
  readonly #base: number;
  readonly #sequences: IntervalTableBuilder;
  #addresses = new Uint32Array(1024);
  #files = new Uint32Array(1024);
  #lines = new Uint32Array(1024);
  #rows = 0;
  /** The row that its sequence began with. */
  #first = 0;
  #ascending = true;
  #address = 0;
  #file = 1;
  #line = 1;

  constructor(header: LineHeader, base: number) {
    this.#header = header;
    this.#base = base;
    this.#sequences = new IntervalTableBuilder(base);
  }

  run(cursor: Cursor): LineTable {
    const { opcodeBase, lineBase, lineRange, minimumInstruction, operandCounts } = this.#header;
    const constAdvance = Math.floor((255 - opcodeBase) / lineRange) * minimumInstruction;
    while (cursor.at < cursor.end && !cursor.failed && this.#rows < MAX_ROWS) {
      const opcode = cursor.u8();
      if (opcode >= opcodeBase) {
        const adjusted = opcode - opcodeBase;
        this.#address += Math.floor(adjusted / lineRange) * minimumInstruction;
        this.#line += lineBase + (adjusted % lineRange);
        this.#emit();
        continue;
      }
      switch (opcode) {
        case DW_LNS.extended:
          this.#extended(cursor);
          break;
        case DW_LNS.copy:
          this.#emit();
          break;
        case DW_LNS.advancePc:
          this.#address += cursor.uleb() * minimumInstruction;
          break;
        case DW_LNS.advanceLine:
          this.#line += cursor.sleb();
          break;
        case DW_LNS.setFile:
          this.#file = cursor.uleb();
          break;
        case DW_LNS.constAddPc:
          this.#address += constAdvance;
          break;
        case DW_LNS.fixedAdvancePc:
          this.#address += cursor.u16();
          break;
        default:
          for (let operand = 0; operand < operandCounts[opcode]; operand++) cursor.uleb();
      }
    }
    // Views, for copies would be as much memory again, and the table goes with its unit.
    const addresses = this.#addresses.subarray(0, this.#rows);
    const fileOf = this.#files.subarray(0, this.#rows);
    const lineOf = this.#lines.subarray(0, this.#rows);
    const sequences = this.#sequences.finish();
    return {
      files: this.#header.files,
      sequences,
      addresses,
      fileOf,
      lineOf,
      bytes: this.#addresses.byteLength * 3 + sequences.bytes,
    };
  }

  #extended(cursor: Cursor): void {
    const length = cursor.uleb();
    const end = cursor.at + length;
    if (!(end <= cursor.end)) {
      cursor.failed = true;
      return;
    }
    const opcode = length > 0 ? cursor.u8() : 0;
    if (opcode === DW_LNE.endSequence) this.#endSequence();
    else if (opcode === DW_LNE.setAddress && length === 9) this.#address = cursor.u64();
    cursor.at = end;
  }

  #emit(): void {
    const offset = this.#address - this.#base;
    const fits = offset >= 0 && offset <= MAX_OFFSET;
    const row = this.#rows;
    this.#ascending &&= fits && (row === this.#first || this.#addresses[row - 1] <= offset);
    if (!this.#ascending) return;
    // A statement's rows, told apart for debuggers, are one.
    const isSame = row > this.#first && this.#files[row - 1] === this.#file && this.#lines[row - 1] === this.#line;
    if (isSame) return;
    if (row === this.#addresses.length) this.#grow();
    this.#addresses[row] = offset;
    this.#files[row] = this.#file;
    this.#lines[row] = Math.max(0, this.#line);
    this.#rows++;
  }

  #grow(): void {
    const capacity = this.#addresses.length * 2;
    const widen = (narrow: Uint32Array<ArrayBuffer>) => {
      const wide = new Uint32Array(capacity);
      wide.set(narrow);
      return wide;
    };
    this.#addresses = widen(this.#addresses);
    this.#files = widen(this.#files);
    this.#lines = widen(this.#lines);
  }

  /** Rows that go back, or that lie where no code is (what the linker left out is at 0), are forgotten. */
  #endSequence(): void {
    const count = this.#rows - this.#first;
    const start = count > 0 ? this.#addresses[this.#first] + this.#base : 0;
    if (
      this.#ascending &&
      count > 0 &&
      start > 0 &&
      this.#address > start &&
      this.#address - this.#base <= MAX_OFFSET
    ) {
      this.#sequences.add(start, this.#address, this.#first * COUNT_SCALE + count);
      this.#first = this.#rows;
    } else {
      this.#rows = this.#first;
    }
    this.#ascending = true;
    this.#address = 0;
    this.#file = 1;
    this.#line = 1;
  }
}

/** The line of an address; undefined when the unit has none there. */
export function findLine(table: LineTable, address: number): FoundLine | undefined {
  const { sequences, addresses, fileOf, lineOf } = table;
  const sequence = findInterval(sequences, address);
  if (sequence < 0) return undefined;
  const offset = address - sequences.base;
  const first = Math.floor(sequences.owners[sequence] / COUNT_SCALE);
  const end = first + (sequences.owners[sequence] % COUNT_SCALE);
  let low = first;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (addresses[middle] <= offset) low = middle + 1;
    else high = middle;
  }
  const row = low - 1;
  const next = low < end ? addresses[low] : sequences.limits[sequence];
  const { base } = sequences;
  return { file: fileOf[row], line: lineOf[row], from: addresses[row] + base, limit: next + base };
}
