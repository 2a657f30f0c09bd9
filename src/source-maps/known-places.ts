import type { SourceMapAnswer } from "./request.js";

/** Where a point of a script comes from. */
export interface SourcePlace {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** "" where the map does not say. */
  readonly name: string;
}

/** Of an entry and of a point, what it takes beside its strings. */
const ENTRY_BYTES = 256;
const POINT_BYTES = 112;
/** Columns that a line may have, and one more; lines times this is exact in a double. */
const COLUMNS = 2 ** 25;

/** A point as one number, in order of line and column; both from 1, as V8 tells them. Undefined of one that no script we read has. */
export function pointKey(line: number, column: number): number | undefined {
  return line >= 1 && column >= 1 && line < COLUMNS && column < COLUMNS ? line * COLUMNS + column : undefined;
}

/** The line and column of a {@link pointKey}, from 0. */
export function pointOf(key: number): { readonly line: number; readonly column: number } {
  return { line: Math.floor(key / COLUMNS) - 1, column: (key % COLUMNS) - 1 };
}

/** What is known of the points of one script in one process: what it was once holds, for a script does not change as it runs. */
export class KnownPlaces<Miss extends string> {
  /** By {@link pointKey}; undefined where the map does not say. */
  private readonly places = new Map<number, SourcePlace | undefined>();
  private readonly files = new Map<string, string>();
  /** Why nothing is known, nor will be. */
  miss: Miss | undefined;
  bytes: number;

  /** `keyBytes`: what its key takes, which is somebody's text. */
  constructor(
    readonly startTimeNs: bigint,
    keyBytes: number,
  ) {
    this.bytes = ENTRY_BYTES + keyBytes;
  }

  has(key: number): boolean {
    return this.places.has(key);
  }

  get(key: number): SourcePlace | undefined {
    return this.places.get(key);
  }

  /** Takes an answer to these points. */
  add(keys: readonly number[], { fileRows, files, lines, columns, nameRows, names }: SourceMapAnswer): void {
    for (const [row, key] of keys.entries()) {
      if (this.places.has(key)) continue;
      this.bytes += POINT_BYTES;
      if (fileRows[row] < 0) {
        this.places.set(key, undefined);
        continue;
      }
      const name = nameRows[row] < 0 ? "" : names[nameRows[row]];
      this.bytes += 2 * name.length;
      const file = this.shared(files[fileRows[row]]);
      this.places.set(key, { file, line: lines[row] + 1, column: columns[row] + 1, name });
    }
  }

  /** One string for all places of a file, over all answers. */
  private shared(file: string): string {
    const known = this.files.get(file);
    if (known !== undefined) return known;
    this.files.set(file, file);
    this.bytes += POINT_BYTES + 2 * file.length;
    return file;
  }
}
