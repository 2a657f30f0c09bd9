import { CodeLog, type CodeColumns } from "./code-log.js";
import type { GrowingSource } from "./growing-file.js";

/** What came of reading on in a file that a just-in-time compiler writes. Counted. */
export const READ_OUTCOMES = [
  /** All that is there was read. */
  "read",
  /** More is there than was to be read this time. */
  "postponed",
  /** More than is ever read of one file. */
  "file-too-large",
  /** More code in force at once than is kept of one process. */
  "too-much-code",
  /** The rest makes no sense; what was before holds. */
  "malformed",
  "read-failed",
] as const;
export type ReadOutcome = (typeof READ_OUTCOMES)[number];

/** Of one file, what is ever read: a program that logs all its code for weeks writes gigabytes. */
export const MAX_FILE_BYTES = 256 << 20;
/** Of a name. C++ templates and generics of .NET reach some hundreds. */
export const MAX_NAME_BYTES = 1024;
/** What is compared, when a file is gone on with, with what lay there before. */
const MARK_BYTES = 64;

export interface ReadResult {
  readonly outcome: ReadOutcome;
  /** Bytes of the file that were gone through. */
  readonly bytes: number;
}

/** What holds at one address. */
export interface FoundCode {
  /** As the compiler wrote it. */
  readonly name: string;
  /** "" and 0 where the file does not tell. */
  readonly fileName: string;
  readonly line: number;
}

/** A file in which a just-in-time compiler says what it has put where. */
export interface CodeFile {
  /** Takes what was added since the last time, so many bytes of it. Never throws. */
  readOn(maxBytes: number): ReadResult;
  /** What holds at each address, ascending; undefined where nothing does. Never throws. */
  find(addresses: Float64Array): (FoundCode | undefined)[];
  /** To go on with another time. */
  readonly state: CodeFileState;
}

/** How far a file was read, and what it said: what threads hand each other. */
export interface CodeFileState {
  readonly position: number;
  /** What lay before the position. */
  readonly mark: Uint8Array;
  /** In the midst of a line that is too long to be one. */
  readonly midLine: boolean;
  /** What it came to; nothing is read any more. */
  readonly ended: ReadOutcome | undefined;
  readonly columns: CodeColumns;
}

/**
 * How far a file that grows was read. Whoever writes it may begin anew in place: then it is shorter, or what lay before the
 * position is other than it was, and it is read from the start.
 */
export class CodeProgress {
  log: CodeLog;
  position = 0;
  midLine = false;
  private mark: Uint8Array = new Uint8Array(0);
  private ended: ReadOutcome | undefined;

  constructor(
    private readonly source: GrowingSource,
    state?: CodeFileState,
    private readonly maxCodes?: number,
  ) {
    this.log = new CodeLog(maxCodes, state?.columns);
    if (state !== undefined) {
      ({ position: this.position, mark: this.mark, midLine: this.midLine, ended: this.ended } = state);
    }
  }

  get state(): CodeFileState {
    const { position, mark, midLine, ended, log } = this;
    return { position, mark, midLine, ended, columns: log.columns };
  }

  /** `take` goes on up to a position, and moves there step by step. */
  readOn(maxBytes: number, take: (until: number) => ReadOutcome): ReadResult {
    let from = this.position;
    try {
      if (!this.isSame()) {
        this.beginAnew();
        from = 0;
      }
      if (this.ended !== undefined) return { outcome: this.ended, bytes: 0 };
      const outcome = take(Math.min(from + maxBytes, MAX_FILE_BYTES));
      if (outcome !== "read" && outcome !== "postponed") this.ended = outcome;
      return { outcome, bytes: this.position - from };
    } catch {
      return { outcome: "read-failed", bytes: this.position - from }; // whatever the file system says; tried again
    }
  }

  /** The file was gone through so far. */
  moveTo(position: number): void {
    this.position = position;
    this.mark = this.before();
  }

  /** Why nothing is read at a position that was to be the last. */
  get limit(): ReadOutcome {
    return this.position >= MAX_FILE_BYTES ? "file-too-large" : "postponed";
  }

  private beginAnew(): void {
    this.log = new CodeLog(this.maxCodes);
    this.position = 0;
    this.midLine = false;
    this.mark = new Uint8Array(0);
    this.ended = undefined;
  }

  private isSame(): boolean {
    return this.source.size() >= this.position && Buffer.compare(this.mark, this.before()) === 0;
  }

  private before(): Uint8Array {
    const from = Math.max(0, this.position - MARK_BYTES);
    const bytes = new Uint8Array(this.position - from);
    return bytes.length === 0 ? bytes : bytes.subarray(0, this.source.read(bytes, from));
  }
}
