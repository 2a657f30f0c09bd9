import type { ByteSource } from "../elf/byte-source.js";
import type { Steps } from "../util/steps.js";
import { CfaProgram, type RowSink } from "./cfa-program.js";
import { type Cie, parseCie } from "./cie.js";
import { Cursor } from "./cursor.js";
import { type PointerBases, readEncodedPointer, readEncodedValue } from "./encoded-pointer.js";
import type { FollowedRegisters } from "./frame-state.js";

/** A section of call frame information. */
export interface CfiSection {
  readonly source: ByteSource;
  /** ELF address of its first byte, which pointers relative to their own place count from; 0 for .debug_frame. */
  readonly elfAddress: number;
  /** The two dialects differ in CIE ids and in how an FDE names its CIE. */
  readonly dialect: "eh_frame" | "debug_frame";
  readonly bases: PointerBases;
  /**
   * How many FDEs there are, where .eh_frame_hdr says; Infinity where the section's size is known instead. The end is
   * then the FDE that completes the count, or a terminator.
   */
  readonly fdeCount: number;
}

/** Takes the functions of a section as they come, in the section's order. */
export interface FdeSink extends RowSink {
  /** A function begins: ELF address and bytes. False when its rows are not wanted. */
  beginFde(elfAddress: number, size: number, cie: Cie): boolean;
  /** Its rows have been given; false: the instructions made no sense, and the rows are to be thrown away. */
  endFde(complete: boolean): void;
}

export interface CfiCounts {
  fdes: number;
  badFdes: number;
  /** Why reading stopped before the end; undefined when it did not. */
  stopped: { problem: "malformed" | "limit-exceeded" | "read-failed"; detail: string } | undefined;
}

/** Read at a time. An entry that does not fit is bad: the largest functions of Go and LLVM need some 30 KiB. */
const WINDOW_BYTES = 256 * 1024;
/** Chromium with everything linked in has 20 MiB. */
const MAX_SECTION_BYTES = 256 * 1024 * 1024;
/** The linker merges equal CIEs; lists of all object files of a static executable's .debug_frame have some thousands. */
const MAX_CIES = 16_384;
/** Read before others may have their turn: some thousand functions. */
const STEP_BYTES = 32 * 1024;
/** Augmentation and initial instructions take some 20 bytes. */
const MAX_CIE_BYTES = 1024;

/**
 * Reads a section of CIEs and FDEs from front to back, a window at a time (LSB Core 5.0, 10.6; DWARF 5, 6.4.1), and
 * gives every function's rows to a sink. Time and memory are bounded by the section's size, whatever is in it: each
 * byte is interpreted once, and a CIE once for each offset that FDEs name.
 */
export class CfiReader {
  readonly #section: CfiSection;
  readonly #program: CfaProgram;
  /** By section offset; undefined for what turned out not to be a CIE. */
  readonly #cies = new Map<number, Cie | undefined>();
  readonly #cursor = new Cursor(new Uint8Array(0));
  readonly #window: Uint8Array;
  #windowStart = 0;
  #windowLength = 0;

  constructor(section: CfiSection, registers: FollowedRegisters) {
    this.#section = section;
    this.#program = new CfaProgram(registers);
    this.#window = new Uint8Array(Math.min(WINDOW_BYTES, section.source.size));
  }

  /** In steps, of some milliseconds each. */
  *readAll(sink: FdeSink): Steps<CfiCounts> {
    const counts: CfiCounts = { fdes: 0, badFdes: 0, stopped: undefined };
    const { source, fdeCount } = this.#section;
    const end = Math.min(source.size, MAX_SECTION_BYTES);
    let at = 0;
    let stepEnd = STEP_BYTES;
    // No entry is shorter than its length field; what remains is padding.
    while (at + 4 <= end && counts.fdes < fdeCount) {
      const length = this.#readEntry(at, end, sink, counts);
      if (counts.stopped !== undefined) return counts;
      // A terminator. The C runtime's start files can put one in the middle, so only the header's count makes it one.
      if (length === 4 && fdeCount !== Infinity) break;
      at += length;
      if (at < stepEnd) continue;
      stepEnd = at + STEP_BYTES;
      yield;
    }
    if (source.size > MAX_SECTION_BYTES) {
      counts.stopped = { problem: "limit-exceeded", detail: `${source.size} bytes of frames` };
    }
    return counts;
  }

  /** Handles the entry at a section offset; its length in bytes. */
  #readEntry(at: number, end: number, sink: FdeSink, counts: CfiCounts): number {
    const cursor = this.#cursor;
    const header = Math.min(20, end - at);
    if (!this.#seek(at, header)) return this.#stop(counts, "read-failed", `at ${at}`);
    let length = cursor.u32();
    if (length === 0) return 4;
    const is64Bit = length === 0xffff_ffff;
    if (is64Bit) length = cursor.u64();
    const headerBytes = is64Bit ? 12 : 4;
    const total = headerBytes + length;
    if (cursor.failed || length >= 0xffff_fff0 || at + total > end) {
      return this.#stop(counts, "malformed", `entry of ${length} bytes at ${at}`);
    }
    if (total > this.#window.length) {
      counts.fdes++;
      counts.badFdes++;
      return total;
    }
    if (!this.#seek(at, total)) return this.#stop(counts, "read-failed", `at ${at}`);
    cursor.skip(headerBytes);
    const idAt = at + headerBytes;
    const id = this.#readId(cursor, is64Bit);
    if (this.#isCieId(id, is64Bit)) return total;
    counts.fdes++;
    // .eh_frame counts back from the field itself, .debug_frame from the section's start.
    const cieAt = this.#section.dialect === "eh_frame" ? idAt - id : id;
    const cie = this.#cieAt(cieAt);
    if (cie === undefined || !this.#readFde(cie, sink)) counts.badFdes++;
    return total;
  }

  /** From the FDE's addresses to its last instruction. */
  #readFde(cie: Cie, sink: FdeSink): boolean {
    const cursor = this.#cursor;
    const { bases, elfAddress } = this.#section;
    const origin = elfAddress + this.#windowStart;
    const start = readEncodedPointer(cursor, cie.pointerEncoding, origin, bases);
    const size = readEncodedValue(cursor, cie.pointerEncoding, false);
    if (cie.hasAugmentationData) cursor.skip(cursor.uleb());
    if (cursor.failed || !(start >= 0 && size >= 0 && Number.isSafeInteger(start + size))) return false;
    // Functions that the linker dropped keep their FDE, with nothing in it.
    if (size === 0 || !sink.beginFde(start, size, cie)) return true;
    const complete = this.#program.run(cursor, cie, start, size, origin, bases, sink);
    sink.endFde(complete);
    return complete;
  }

  #cieAt(at: number): Cie | undefined {
    if (this.#cies.has(at)) return this.#cies.get(at);
    if (this.#cies.size >= MAX_CIES) return undefined;
    const cie = this.#parseCieAt(at);
    this.#cies.set(at, cie);
    return cie;
  }

  /** Whatever an FDE points at is a CIE only if it says so: another FDE, or the FDE itself, is refused. */
  #parseCieAt(at: number): Cie | undefined {
    const { source } = this.#section;
    const bytes = source.read(at, Math.min(MAX_CIE_BYTES, source.size - at));
    if (bytes === undefined) return undefined;
    const cursor = new Cursor(bytes);
    let length = cursor.u32();
    const is64Bit = length === 0xffff_ffff;
    if (is64Bit) length = cursor.u64();
    if (cursor.failed || cursor.at + length > bytes.length) return undefined;
    cursor.end = cursor.at + length;
    if (!this.#isCieId(this.#readId(cursor, is64Bit), is64Bit)) return undefined;
    return parseCie(cursor, this.#program);
  }

  /** In .eh_frame the id has four bytes even where the length has twelve (LSB Core 5.0, 10.6.1.1). */
  #readId(cursor: Cursor, is64Bit: boolean): number {
    return is64Bit && this.#section.dialect === "debug_frame" ? cursor.u64() : cursor.u32();
  }

  #isCieId(id: number, is64Bit: boolean): boolean {
    if (this.#section.dialect === "eh_frame") return id === 0;
    return is64Bit ? id >= 2 ** 64 - 1 : id === 0xffff_ffff;
  }

  /** Puts the cursor on `length` bytes at a section offset, which lie in the section. False when they cannot be read. */
  #seek(at: number, length: number): boolean {
    if (at < this.#windowStart || at + length > this.#windowStart + this.#windowLength) {
      this.#windowStart = at;
      this.#windowLength = this.#section.source.readInto(at, this.#window);
      if (this.#windowLength < length) return false;
    }
    const index = at - this.#windowStart;
    this.#cursor.reset(this.#window, index, index + length);
    return true;
  }

  #stop(counts: CfiCounts, problem: "malformed" | "read-failed", detail: string): number {
    const reason = this.#section.source.failure;
    counts.stopped = { problem, detail: reason === undefined ? detail : `${detail} (${reason})` };
    return 0;
  }
}
