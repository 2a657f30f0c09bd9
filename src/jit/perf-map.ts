import {
  CodeProgress,
  MAX_NAME_BYTES,
  type CodeFile,
  type CodeFileState,
  type FoundCode,
  type ReadOutcome,
  type ReadResult,
} from "./code-file.js";
import { readText, type GrowingSource } from "./growing-file.js";

const CHUNK_BYTES = 64 << 10;
const NEWLINE = 0x0a;
const SPACE = 0x20;
/** Of an address or a size. */
const MAX_DIGITS = 16;

/**
 * A perf map (tools/perf/Documentation/jit-interface.txt of Linux): a line "START SIZE name" for each piece of code, numbers in
 * hex, with or without 0x; a name may have spaces. Where lines overlap the later holds: code is moved and its place used again.
 * A line that is no such line is passed over; one without its end is not there yet.
 */
export class PerfMap implements CodeFile {
  private readonly progress: CodeProgress;
  /** Lines that were passed over. */
  malformedLines = 0;

  constructor(
    private readonly source: GrowingSource,
    state?: CodeFileState,
    maxCodes?: number,
  ) {
    this.progress = new CodeProgress(source, state, maxCodes);
  }

  get state(): CodeFileState {
    return this.progress.state;
  }

  readOn(maxBytes: number): ReadResult {
    return this.progress.readOn(maxBytes, (until) => this.readLines(until));
  }

  find(addresses: Float64Array): (FoundCode | undefined)[] {
    const { log } = this.progress;
    const buffer = Buffer.alloc(MAX_NAME_BYTES);
    const known = new Map<number, FoundCode | undefined>();
    return Array.from(log.find(addresses), (row) => {
      if (row < 0) return undefined;
      if (!known.has(row)) known.set(row, codeOf(readText(this.source, log.name(row), NEWLINE, buffer)));
      return known.get(row);
    });
  }

  private readLines(until: number): ReadOutcome {
    const { progress, source } = this;
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (;;) {
      const { position } = progress;
      if (position >= until) return progress.limit;
      const length = source.read(buffer, position);
      const used = this.takeLines(buffer.subarray(0, length), position);
      if (used === "full") return "too-much-code";
      if (used > 0) {
        progress.moveTo(position + used);
      } else if (length === CHUNK_BYTES) {
        progress.midLine = true;
        progress.moveTo(position + length);
      } else {
        return "read"; // the last line's end is not there yet
      }
    }
  }

  /** Takes the whole lines of a chunk; how many bytes they are. */
  private takeLines(chunk: Buffer, position: number): number | "full" {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      if (this.progress.midLine) this.malformedLines++;
      else if (!this.takeLine(chunk, start, end, position)) return "full";
      this.progress.midLine = false;
      start = end + 1;
    }
    return start;
  }

  /** False when there is no room for it. */
  private takeLine(chunk: Buffer, start: number, end: number, position: number): boolean {
    const address = readHex(chunk, start, end);
    const size = address && readHex(chunk, address.end, end);
    if (size === undefined || size.end >= end) {
      this.malformedLines++;
      return true;
    }
    const result = this.progress.log.add(address!.value, size.value, position + size.end);
    this.malformedLines += result === "nonsense" ? 1 : 0;
    return result !== "full";
  }
}

/** A hexadecimal number that a space follows, and where what comes after the space begins. */
function readHex(chunk: Buffer, from: number, limit: number): { value: number; end: number } | undefined {
  let at = from;
  if (chunk[at] === 0x30 && (chunk[at + 1] | 0x20) === 0x78) at += 2;
  const first = at;
  let value = 0;
  for (; at < limit && at - first <= MAX_DIGITS; at++) {
    const digit = digitOf(chunk[at]);
    if (digit < 0) break;
    value = value * 16 + digit;
  }
  if (at === first || at - first > MAX_DIGITS || at >= limit || chunk[at] !== SPACE) return undefined;
  while (at < limit && chunk[at] === SPACE) at++;
  return { value, end: at };
}

function digitOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function codeOf(name: string): FoundCode | undefined {
  return name === "" ? undefined : { name, fileName: "", line: 0 };
}
