/** Ranges of addresses, ascending and apart from each other, each with a few numbers: columns that grow by merging. */
export class RangeTable {
  /** Range i is starts[i] up to, and without, limits[i]. */
  private starts = new Float64Array(0);
  private limits = new Float64Array(0);
  /** `width` numbers for each range. */
  private values = new Float64Array(0);

  constructor(private readonly width: number) {}

  get length(): number {
    return this.starts.length;
  }

  get bytes(): number {
    return this.starts.byteLength + this.limits.byteLength + this.values.byteLength;
  }

  start(row: number): number {
    return this.starts[row];
  }

  limit(row: number): number {
    return this.limits[row];
  }

  value(row: number, column: number): number {
    return this.values[row * this.width + column];
  }

  /** Another number in a column of all ranges. */
  fill(column: number, value: number): void {
    for (let at = column; at < this.values.length; at += this.width) this.values[at] = value;
  }

  /** The range that an address lies in, or -1. */
  find(address: number): number {
    let low = 0;
    let high = this.starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.starts[middle] <= address) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low > 0 && address < this.limits[low - 1] ? low - 1 : -1;
  }

  /**
   * Adds ranges, each around an address that is in none yet; addresses ascending. A new one gives way where it meets
   * another: both hold the same answer there.
   */
  merge(added: readonly AddedRange[]): void {
    const length = this.starts.length + added.length;
    const starts = new Float64Array(length);
    const limits = new Float64Array(length);
    const values = new Float64Array(length * this.width);
    let old = 0;
    let next = 0;
    let reached = -Infinity;
    const take = (start: number, limit: number, numbers: ArrayLike<number>, at: number) => {
      starts[next] = start;
      limits[next] = limit;
      for (let column = 0; column < this.width; column++) {
        values[next * this.width + column] = numbers[at + column];
      }
      reached = limit;
      next++;
    };
    for (const [row, { address, start, limit, numbers }] of added.entries()) {
      for (; old < this.starts.length && this.starts[old] <= address; old++) {
        take(this.starts[old], this.limits[old], this.values, old * this.width);
      }
      if (address < reached) {
        continue; // in the range of one that was added just before
      }
      const following = Math.min(
        old < this.starts.length ? this.starts[old] : Infinity,
        row + 1 < added.length && added[row + 1].start > address ? added[row + 1].start : Infinity,
      );
      take(Math.max(start, reached), Math.min(limit, following), numbers, 0);
    }
    for (; old < this.starts.length; old++) {
      take(this.starts[old], this.limits[old], this.values, old * this.width);
    }
    this.starts = starts.slice(0, next);
    this.limits = limits.slice(0, next);
    this.values = values.slice(0, next * this.width);
  }

  /** Keeps the ranges of which `keep` says so. */
  filter(keep: (row: number) => boolean): void {
    const rows = Array.from(this.starts.keys()).filter(keep);
    this.starts = Float64Array.from(rows, (row) => this.starts[row]);
    this.limits = Float64Array.from(rows, (row) => this.limits[row]);
    const { values, width } = this;
    this.values = Float64Array.from({ length: rows.length * width }, (_, at) => {
      return values[rows[Math.floor(at / width)] * width + (at % width)];
    });
  }
}

export interface AddedRange {
  /** In the range. */
  readonly address: number;
  readonly start: number;
  readonly limit: number;
  /** As many as the table is wide. */
  readonly numbers: readonly number[];
}
