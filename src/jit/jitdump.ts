import {
  CodeProgress,
  MAX_FILE_BYTES,
  MAX_NAME_BYTES,
  type CodeFile,
  type CodeFileState,
  type FoundCode,
  type ReadOutcome,
  type ReadResult,
} from "./code-file.js";
import { readText, type GrowingSource } from "./growing-file.js";
import { LineRecord } from "./jitdump-lines.js";
import { isOfV8 } from "./spelling.js";

/** tools/perf/Documentation/jitdump-specification.txt of Linux, version 1. */
const MAGIC = 0x4a695444;
const HEADER_BYTES = 40;
const PREFIX_BYTES = 16;
/** Of a record, what is looked at; the rest is a name, machine code or lines. */
const LOAD_BYTES = 56;
const MOVE_BYTES = 64;
const LINES_BYTES = 32;
const record = { load: 0, move: 1, debugInfo: 2, close: 3 } as const;
const CHUNK_BYTES = 64 << 10;

/**
 * V8 says where lines begin as if an ELF header preceded the code, for `perf inject` makes such a file of it
 * (deps/v8/src/diagnostics/perf-jit.cc: kElfHeaderSize).
 */
const V8_LINE_SHIFT = 0x40;

/**
 * A jitdump: what perf maps tell, in binary records that a process adds as it compiles, and lines beside. Records are in the order
 * of their time, so where code overlaps the later holds.
 */
export class Jitdump implements CodeFile {
  private readonly progress: CodeProgress;
  /** Lines come before the code they are of. */
  private pending = { address: -1, position: 0 };

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
    return this.progress.readOn(maxBytes, (until) => this.readRecords(until));
  }

  find(addresses: Float64Array): (FoundCode | undefined)[] {
    const buffer = Buffer.alloc(MAX_NAME_BYTES);
    const names = new Map<number, string>();
    const lines = new Map<number, LineRecord>();
    return Array.from(this.progress.log.find(addresses), (row, at) => {
      if (row < 0) return undefined;
      let name = names.get(row);
      if (name === undefined) names.set(row, (name = readText(this.source, this.progress.log.name(row), 0, buffer)));
      if (name === "") return undefined;
      const position = this.progress.log.linesAt(row);
      if (position === 0) return { name, fileName: "", line: 0 };
      let record = lines.get(row);
      if (record === undefined) lines.set(row, (record = new LineRecord(this.source, position)));
      return { name, ...record.at(addresses[at] + (isOfV8(name) ? V8_LINE_SHIFT : 0)) };
    });
  }

  private readRecords(until: number): ReadOutcome {
    const { progress } = this;
    const window = new RecordWindow(this.source);
    let { position } = progress;
    const from = position;
    try {
      for (;;) {
        const bytes =
          position === 0 ? this.header(window) : position >= until ? "postponed" : this.record(window, position);
        if (typeof bytes === "string") {
          return bytes === "postponed" && position >= MAX_FILE_BYTES ? "file-too-large" : bytes;
        }
        position += bytes;
      }
    } finally {
      // Once, for it reads what lies before.
      if (position > from) progress.moveTo(position);
    }
  }

  /** Its bytes; "read" where it is not all there yet. */
  private header(window: RecordWindow): number | ReadOutcome {
    const view = window.at(0, HEADER_BYTES);
    if (view === undefined) return "read";
    // Another byte order is another machine's file.
    const bytes = view.getUint32(8, true);
    const isRight = view.getUint32(0, true) === MAGIC && view.getUint32(4, true) === 1 && bytes >= HEADER_BYTES;
    return isRight && bytes <= CHUNK_BYTES ? bytes : "malformed";
  }

  /** Takes one record; its bytes, or why there is none. */
  private record(window: RecordWindow, position: number): number | ReadOutcome {
    const prefix = window.at(position, PREFIX_BYTES);
    if (prefix === undefined) return "read";
    const id = prefix.getUint32(0, true);
    const bytes = prefix.getUint32(4, true);
    if (bytes < PREFIX_BYTES) return "malformed";
    if (position + bytes > window.size) return "read"; // not all there yet
    const least = [LOAD_BYTES, MOVE_BYTES, LINES_BYTES][id] ?? PREFIX_BYTES;
    if (bytes < least) return "malformed";
    if (id === record.close) return "read";
    const view = window.at(position, least);
    if (view === undefined) return "read";
    if (id === record.load && !this.load(view, position)) return "too-much-code";
    if (id === record.move && !this.move(view)) return "too-much-code";
    if (id === record.debugInfo) this.pending = { address: addressIn(view, 16), position };
    return bytes;
  }

  private load(view: DataView, position: number): boolean {
    const address = addressIn(view, 32);
    const { pending } = this;
    const lines = pending.address === address ? pending.position : 0;
    pending.address = -1;
    return this.progress.log.add(address, addressIn(view, 40), position + LOAD_BYTES, lines) !== "full";
  }

  /** Code that nobody spoke of moves without a name. Its lines are of where it was: it moves without them. */
  private move(view: DataView): boolean {
    const row = this.progress.log.latestAt(addressIn(view, 32));
    if (row < 0) return true;
    return this.progress.log.add(addressIn(view, 40), addressIn(view, 48), this.progress.log.name(row)) !== "full";
  }
}

/** A u64; what is above 2^53 is no address, exact or not. */
function addressIn(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
}

/** The piece of the file that is being looked at. */
class RecordWindow {
  private readonly buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  private start = 0;
  private length = 0;
  /** The file's, when the look began. */
  readonly size: number;

  constructor(private readonly source: GrowingSource) {
    this.size = source.size();
  }

  /** So many bytes of the file; undefined where there are fewer. */
  at(position: number, bytes: number): DataView | undefined {
    if (position < this.start || position + bytes > this.start + this.length) {
      this.length = this.source.read(this.buffer, position);
      this.start = position;
      if (bytes > this.length) return undefined;
    }
    return new DataView(this.buffer.buffer, this.buffer.byteOffset + position - this.start, bytes);
  }
}
