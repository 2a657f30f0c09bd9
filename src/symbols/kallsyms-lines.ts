import { readSync } from "node:fs";

/** The kernel answers with a page at a time; this leaves room for a line cut in two. */
const BUFFER_BYTES = 64 * 1024;
/** A kernel with every module loaded has 20 MB of them. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;
const NEWLINE = 0x0a;
/** When so many lines have no address, none has: some hundred variables of one CPU may begin the list, and lie at zero. */
export const HIDDEN_LINES = 2000;

/** Who takes the lines of /proc/kallsyms, where they lie in a buffer that is used again and again. */
export interface LineSink {
  /** buffer[start .. end), without its newline. */
  line(buffer: Buffer, start: number, end: number): void;
  /** The buffer is about to be used again. */
  commit(buffer: Buffer): void;
  /** Whether the rest need not be read. */
  readonly knowsEnough: boolean;
}

/** Hands on each line; the bytes are read into one buffer. */
export function readLines(fd: number, sink: LineSink): void {
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  let filled = 0;
  for (let total = 0; total < MAX_FILE_BYTES;) {
    const count = readSync(fd, buffer, filled, buffer.length - filled, null);
    if (count === 0) return;
    total += count;
    filled += count;
    let start = 0;
    for (;;) {
      const end = buffer.indexOf(NEWLINE, start);
      if (end < 0 || end >= filled) break;
      sink.line(buffer, start, end);
      start = end + 1;
    }
    sink.commit(buffer);
    if (sink.knowsEnough) return;
    // A line longer than the buffer is no symbol.
    if (start === 0 && filled === buffer.length) start = filled;
    buffer.copyWithin(0, start, filled);
    filled -= start;
  }
}

/** Eight hexadecimal digits; garbage gives some number. */
export function hex8(buffer: Buffer, at: number): number {
  let value = 0;
  for (let end = at + 8; at < end; at++) {
    const digit = buffer[at];
    // '0'-'9' are 0x30…, 'a'-'f' 0x61…
    value = (value << 4) | (digit < 0x3a ? digit & 15 : (digit + 9) & 15);
  }
  return value >>> 0;
}
