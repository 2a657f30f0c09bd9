/** A start of 32 bits and a row number below this fit one double, which sorts without a comparison function. */
export const MAX_ROWS = 2 ** 21;

/** Rows of a table in a file, by where they start: 8 bytes a row. */
export interface SortedRows {
  /** What starts are relative to. */
  readonly base: number;
  /** Ascending, not always distinct. */
  readonly starts: Uint32Array;
  /** The number in the file's table of each. */
  readonly rows: Uint32Array;
}

/** Collects rows, at most as many as said, then sorts them. */
export class RowSorter {
  readonly #keys: Float64Array;
  readonly #base: number;
  #length = 0;

  /** `capacity` at most {@link MAX_ROWS}. */
  constructor(base: number, capacity: number) {
    this.#base = base;
    this.#keys = new Float64Array(capacity);
  }

  /** Leaves out what starts further than 4 GiB from the base. */
  add(start: number, row: number): void {
    const offset = start - this.#base;
    if (offset >= 0 && offset < 2 ** 32) this.#keys[this.#length++] = offset * MAX_ROWS + row;
  }

  finish(): SortedRows {
    const sorted = this.#keys.subarray(0, this.#length).sort();
    const starts = new Uint32Array(this.#length);
    const rows = new Uint32Array(this.#length);
    for (let at = 0; at < sorted.length; at++) {
      starts[at] = Math.floor(sorted[at] / MAX_ROWS);
      rows[at] = sorted[at] % MAX_ROWS;
    }
    return { base: this.#base, starts, rows };
  }
}

export function rowBytes(rows: SortedRows): number {
  return rows.starts.byteLength + rows.rows.byteLength;
}
