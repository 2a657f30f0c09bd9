import type { Cie } from "../dwarf/cie.js";
import type { FdeSink } from "../dwarf/cfi-reader.js";
import {
  BASE_REGISTER,
  CFA_BASE,
  CFA_KIND,
  CFA_OFFSET,
  CFA_REGISTER,
  copyState,
  FRAME_POINTER,
  type FrameState,
  RULE_OFFSET,
  RULE_SAME,
  STATE_WORDS,
} from "../dwarf/frame-state.js";
import type { ElfSegment } from "../elf/elf-file.js";
import type { CfiRules } from "./cfi-rules.js";
import { RULE_SIGNAL } from "./rule.js";

/** Chromium has three million. More are left out, and counted. */
const MAX_ROWS = 6_000_000;
const MAX_FUNCTIONS = 1_500_000;
/** Row addresses are 32 bits. */
const MAX_FILE_OFFSET = 0xffff_ffff;

/**
 * Collects functions with their rows in the order in which a section has them, in columns, by file offset. What lies
 * outside the executable segments is left out.
 */
export class FunctionRows implements FdeSink {
  /** Of each function: file offsets of its first byte and past its last, and its first row; one more at the end. */
  starts: Uint32Array;
  ends: Uint32Array;
  firstRows: Uint32Array;
  functionCount = 0;
  /** Of each row: file offset and rule index. */
  offsets: Uint32Array;
  ruleIndices: Uint16Array;
  rowCount = 0;
  /** Functions left out because of a limit. */
  omitted = 0;

  readonly #segments: readonly ElfSegment[];
  readonly #rules: CfiRules;
  readonly #stackPointer: number;
  readonly #adjusted: FrameState = new Int32Array(STATE_WORDS);
  #segment: ElfSegment;
  /** File offset − ELF address of the function being read. */
  #start = 0;
  #lastRule = -1;
  #isSignalFrame = false;
  /** The most bytes that lay between sp and the CFA so far in this function. */
  #depth = 0;

  /** `sectionBytes` sizes the columns: an FDE takes some 40 bytes, a row five. What is not needed is never touched. */
  constructor(segments: readonly ElfSegment[], rules: CfiRules, sectionBytes: number) {
    this.#segments = segments;
    this.#segment = segments[0];
    this.#rules = rules;
    this.#stackPointer = rules.registers.stackPointer;
    const functions = Math.min(MAX_FUNCTIONS, Math.ceil(sectionBytes / 32) + 16);
    const rows = Math.min(MAX_ROWS, Math.ceil(sectionBytes / 4) + 16);
    this.starts = new Uint32Array(functions);
    this.ends = new Uint32Array(functions);
    this.firstRows = new Uint32Array(functions + 1);
    this.offsets = new Uint32Array(rows);
    this.ruleIndices = new Uint16Array(rows);
  }

  beginFde(elfAddress: number, size: number, cie: Cie): boolean {
    this.#isSignalFrame = cie.isSignalFrame;
    return this.begin(elfAddress, size);
  }

  /** A function whose rows come by {@link add}, until {@link endFde}; false where it is left out. */
  begin(elfAddress: number, size: number): boolean {
    const segment = this.#segmentOf(elfAddress);
    if (segment === undefined) return false;
    const start = elfAddress - segment.elfAddress + segment.fileOffset;
    const end = Math.min(start + size, segment.fileOffset + segment.fileSize, MAX_FILE_OFFSET);
    if (end <= start) return false;
    if (this.functionCount === MAX_FUNCTIONS || this.rowCount === MAX_ROWS) {
      this.omitted++;
      return false;
    }
    const index = this.functionCount++;
    if (index === this.starts.length) this.#growFunctions();
    this.starts[index] = start;
    this.ends[index] = end;
    this.firstRows[index] = this.rowCount;
    this.#start = start;
    this.#lastRule = -1;
    this.#depth = 0;
    return true;
  }

  row(location: number, state: FrameState): void {
    this.add(location, this.#isSignalFrame ? RULE_SIGNAL : this.#rules.intern(this.#withoutPopped(state)));
  }

  /** From so many bytes into the function on, this rule holds. */
  add(location: number, rule: number): void {
    const offset = this.#start + location;
    if (rule === this.#lastRule || offset > MAX_FILE_OFFSET || this.rowCount === MAX_ROWS) return;
    this.#lastRule = rule;
    const index = this.rowCount++;
    if (index === this.offsets.length) this.#growRows();
    this.offsets[index] = offset;
    this.ruleIndices[index] = rule;
  }

  endFde(complete: boolean): void {
    const index = this.functionCount - 1;
    if (!complete || this.rowCount === MAX_ROWS) {
      // Half of a function's rows would be wrong in its other half.
      if (complete) this.omitted++;
      this.rowCount = this.firstRows[index];
      this.functionCount = index;
    }
    this.firstRows[this.functionCount] = this.rowCount;
  }

  /** A function of one rule, by file offsets. */
  addFunction(start: number, end: number, rule: number): void {
    if (this.functionCount === MAX_FUNCTIONS || this.rowCount === MAX_ROWS) return;
    if (this.functionCount === this.starts.length) this.#growFunctions();
    if (this.rowCount === this.offsets.length) this.#growRows();
    this.starts[this.functionCount] = this.offsets[this.rowCount] = start;
    this.ends[this.functionCount++] = end;
    this.ruleIndices[this.rowCount++] = rule;
    this.firstRows[this.functionCount] = this.rowCount;
  }

  /**
   * Compilers do not say in an epilogue that a popped register has its value back: its place below sp still holds it,
   * until a signal handler runs there. Where sp has been below that place and is above it now, the register is as
   * good, and the row is the one that the next function begins with. (Where sp has not been, a leaf function keeps
   * registers in the red zone.)
   */
  #withoutPopped(state: FrameState): FrameState {
    if (state[CFA_KIND] !== CFA_REGISTER || state[CFA_BASE] !== this.#stackPointer) {
      this.#depth = Infinity;
      return state;
    }
    const depth = state[CFA_OFFSET];
    if (depth >= this.#depth) {
      this.#depth = depth;
      return state;
    }
    const isFramePointerPopped = this.#isPopped(state, FRAME_POINTER, depth);
    const isBasePopped = this.#isPopped(state, BASE_REGISTER, depth);
    if (!isFramePointerPopped && !isBasePopped) return state;
    const adjusted = this.#adjusted;
    copyState(adjusted, 0, state, 0);
    if (isFramePointerPopped) setSame(adjusted, FRAME_POINTER);
    if (isBasePopped) setSame(adjusted, BASE_REGISTER);
    return adjusted;
  }

  #isPopped(state: FrameState, column: number, depth: number): boolean {
    const below = -state[column + 2];
    return state[column] === RULE_OFFSET && below > depth && below <= this.#depth;
  }

  #segmentOf(elfAddress: number): ElfSegment | undefined {
    if (!contains(this.#segment, elfAddress)) {
      const segment = this.#segments.find((candidate) => contains(candidate, elfAddress));
      if (segment === undefined) return undefined;
      this.#segment = segment;
    }
    return this.#segment;
  }

  #growFunctions(): void {
    const length = Math.min(MAX_FUNCTIONS, this.starts.length * 2);
    this.starts = grown(this.starts, new Uint32Array(length));
    this.ends = grown(this.ends, new Uint32Array(length));
    this.firstRows = grown(this.firstRows, new Uint32Array(length + 1));
  }

  #growRows(): void {
    const length = Math.min(MAX_ROWS, this.offsets.length * 2);
    this.offsets = grown(this.offsets, new Uint32Array(length));
    this.ruleIndices = grown(this.ruleIndices, new Uint16Array(length));
  }
}

function setSame(state: FrameState, column: number): void {
  state[column] = RULE_SAME;
  state[column + 1] = state[column + 2] = 0;
}

function contains(segment: ElfSegment, elfAddress: number): boolean {
  return elfAddress >= segment.elfAddress && elfAddress < segment.elfAddress + segment.fileSize;
}

function grown<T extends Uint32Array | Uint16Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
