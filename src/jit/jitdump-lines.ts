import { MAX_NAME_BYTES } from "./code-file.js";
import type { GrowingSource } from "./growing-file.js";

/** After a record's prefix and the address of its code. */
const COUNT_AT = 24;
const ENTRIES_AT = 32;
/** Of an entry, before its file's name. */
const ENTRY_BYTES = 16;
/** A compiled function with all that was inlined into it has some thousand entries of 40 bytes. */
const MAX_BYTES = 256 << 10;
/** In place of a file's name: the one of the entry before. */
const SAME_NAME = 0xff;

export interface SourceLine {
  readonly fileName: string;
  readonly line: number;
}

const NO_LINE: SourceLine = { fileName: "", line: 0 };

/** The lines of one piece of code: a JIT_CODE_DEBUG_INFO record of a jitdump, at most so much of it as is read at once. */
export class LineRecord {
  private readonly addresses: number[] = [];
  private readonly lines: SourceLine[] = [];

  constructor(source: GrowingSource, position: number) {
    const head = new DataView(new ArrayBuffer(ENTRIES_AT));
    if (source.read(new Uint8Array(head.buffer), position) < ENTRIES_AT) return;
    const bytes = Buffer.alloc(Math.min(head.getUint32(4, true), MAX_BYTES));
    const length = source.read(bytes, position);
    this.takeEntries(bytes.subarray(0, length), head.getUint32(COUNT_AT, true));
  }

  /**
   * The line that holds at an address: of the last entry at or before it. A line of another file than the code begins with is that
   * of a function inlined, whose name nobody tells: 0.
   */
  at(address: number): SourceLine {
    let low = 0;
    let high = this.addresses.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.addresses[middle] <= address) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return NO_LINE;
    const { fileName } = this.lines[0];
    const { line, fileName: own } = this.lines[low - 1];
    return { fileName, line: own === fileName ? line : 0 };
  }

  private takeEntries(bytes: Buffer, count: number): void {
    const entries: { readonly address: number; readonly line: SourceLine }[] = [];
    let fileName = "";
    let at = ENTRIES_AT;
    for (let entry = 0; entry < count && at + ENTRY_BYTES < bytes.length; entry++) {
      const end = bytes.indexOf(0, at + ENTRY_BYTES);
      if (end < 0) break;
      const isSame = bytes[at + ENTRY_BYTES] === SAME_NAME && end === at + ENTRY_BYTES + 1;
      if (!isSame) {
        fileName = bytes.toString("utf8", at + ENTRY_BYTES, Math.min(end, at + ENTRY_BYTES + MAX_NAME_BYTES));
      }
      const line = Math.max(0, bytes.readInt32LE(at + 8));
      const address = bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
      entries.push({ address, line: { fileName, line } });
      at = end + 1;
    }
    entries.sort((a, b) => a.address - b.address);
    for (const { address, line } of entries) {
      this.addresses.push(address);
      this.lines.push(line);
    }
  }
}
