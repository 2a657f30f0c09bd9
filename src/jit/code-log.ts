import { HashIndex, hashWord } from "../util/hash-index.js";

/**
 * Code of one process a log can have. A large JVM has thirty thousand functions compiled, a Node.js that has run for weeks
 * hundreds of thousands of lines, most of them of code long gone.
 */
export const MAX_CODES = 262_144;
/** User space has 48 bits of addresses here. */
const MAX_ADDRESS = 2 ** 48;
/** V8's whole code range is 512 MiB, a JVM's code cache at most 2 GiB. */
const MAX_SIZE = 2 ** 32 - 1;
const WORD = 2 ** 32;

/** A log as plain columns, each of at least so many rows: what threads hand each other. */
export interface CodeColumns {
  readonly length: number;
  readonly starts: Float64Array;
  readonly sizes: Uint32Array;
  readonly names: Float64Array;
  readonly lines: Float64Array;
}

/**
 * What a just-in-time compiler said it has put where, in the order it said so: where two overlap, the later holds. Columns,
 * 28 bytes a piece of code; names stay in the file.
 */
export class CodeLog {
  private starts: Float64Array;
  private sizes: Uint32Array;
  /** Where in the file the name is, and where there are lines; 0 for none. */
  private names: Float64Array;
  private lines: Float64Array;
  /** Of each start, the last row that has it; made when somebody asks. */
  private latest: LatestRows | undefined;
  length: number;

  /** Goes on with columns, which are its own from now on. */
  constructor(
    private readonly maxCodes = MAX_CODES,
    columns: CodeColumns = noColumns(),
  ) {
    ({ length: this.length, starts: this.starts, sizes: this.sizes, names: this.names, lines: this.lines } = columns);
  }

  get columns(): CodeColumns {
    const { length, starts, sizes, names, lines } = this;
    return { length, starts, sizes, names, lines };
  }

  start(row: number): number {
    return this.starts[row];
  }

  name(row: number): number {
    return this.names[row];
  }

  linesAt(row: number): number {
    return this.lines[row];
  }

  /** "nonsense": no range of addresses; "full": there is no room for it, though what holds nowhere any more was let go. */
  add(start: number, size: number, name: number, lines = 0): "added" | "nonsense" | "full" {
    if (!(size > 0 && size <= MAX_SIZE && start >= 0 && start + size <= MAX_ADDRESS)) return "nonsense";
    if (this.length === this.starts.length && !this.makeRoom()) return "full";
    const row = this.length++;
    this.starts[row] = start;
    this.sizes[row] = size;
    this.names[row] = name;
    this.lines[row] = lines;
    this.latest?.set(start, row);
    return "added";
  }

  /** The row that said last that something starts there, or -1. */
  latestAt(start: number): number {
    if (this.latest === undefined) {
      this.latest = new LatestRows();
      for (let row = 0; row < this.length; row++) this.latest.set(this.starts[row], row);
    }
    return this.latest.get(start);
  }

  /** Of each address, ascending, the row that holds there; -1 where none does. */
  find(addresses: Float64Array): Int32Array {
    const rows = new Int32Array(addresses.length).fill(-1);
    const open = new OpenRows(addresses.length);
    for (let row = this.length - 1; row >= 0; row--) {
      const end = this.starts[row] + this.sizes[row];
      let at = open.from(lowerBound(addresses, this.starts[row]));
      for (; at < addresses.length && addresses[at] < end; at = open.from(at)) {
        rows[at] = row;
        open.take(at);
      }
    }
    return rows;
  }

  /** Grows, or lets go of what later code has taken the whole place of. */
  private makeRoom(): boolean {
    if (this.length < this.maxCodes) {
      this.resize(Math.min(this.length * 2, this.maxCodes));
      return true;
    }
    this.compact();
    // Else every few lines would be followed by a compaction that finds as little.
    return this.length <= (this.maxCodes * 7) / 8;
  }

  private resize(capacity: number): void {
    const grown = [this.starts, this.names, this.lines].map((column) => {
      const larger = new Float64Array(capacity);
      larger.set(column);
      return larger;
    });
    [this.starts, this.names, this.lines] = grown as [Float64Array, Float64Array, Float64Array];
    const sizes = new Uint32Array(capacity);
    sizes.set(this.sizes);
    this.sizes = sizes;
  }

  private compact(): void {
    const keep = this.visible();
    let kept = 0;
    for (let row = 0; row < this.length; row++) {
      if (keep[row] === 0) continue;
      this.starts[kept] = this.starts[row];
      this.sizes[kept] = this.sizes[row];
      this.names[kept] = this.names[row];
      this.lines[kept] = this.lines[row];
      kept++;
    }
    this.length = kept;
    this.latest = undefined;
  }

  /** 1 for rows that hold at one address at least. */
  private visible(): Uint8Array {
    const { length } = this;
    const edges = new Float64Array(length * 2);
    for (let row = 0; row < length; row++) {
      edges[2 * row] = this.starts[row];
      edges[2 * row + 1] = this.starts[row] + this.sizes[row];
    }
    edges.sort();
    const rows = this.find(edges);
    const keep = new Uint8Array(length);
    // Between two edges one row holds throughout, and it holds at the first of them.
    for (const row of rows) if (row >= 0) keep[row] = 1;
    return keep;
  }
}

const FIRST_ROWS = 256;

function noColumns(): CodeColumns {
  const column = (): Float64Array => new Float64Array(FIRST_ROWS);
  return { length: 0, starts: column(), sizes: new Uint32Array(FIRST_ROWS), names: column(), lines: column() };
}

/** Memory that they take. */
export function bytesOf({ starts, sizes, names, lines }: CodeColumns): number {
  return starts.byteLength + sizes.byteLength + names.byteLength + lines.byteLength;
}

/** Rows that are still to be answered: the next one from any place, in nearly constant time (union-find, path halving). */
class OpenRows {
  private readonly next: Uint32Array;

  constructor(length: number) {
    this.next = Uint32Array.from({ length: length + 1 }, (_, row) => row);
  }

  from(row: number): number {
    const { next } = this;
    while (next[row] !== row) {
      next[row] = next[next[row]];
      row = next[row];
    }
    return row;
  }

  take(row: number): void {
    this.next[row] = row + 1;
  }
}

/** Start address → row. */
class LatestRows {
  private readonly index = new HashIndex();
  private starts = new Float64Array(1024);
  private rows = new Uint32Array(1024);
  private length = 0;
  private sought = 0;

  get(start: number): number {
    const at = this.find(start);
    return at < 0 ? -1 : this.rows[at];
  }

  set(start: number, row: number): void {
    const at = this.find(start);
    if (at >= 0) {
      this.rows[at] = row;
      return;
    }
    if (this.length === this.starts.length) this.grow();
    this.index.add(hashOf(start));
    this.starts[this.length] = start;
    this.rows[this.length++] = row;
  }

  private find(start: number): number {
    this.sought = start;
    return this.index.find(hashOf(start), this.isSought);
  }

  private readonly isSought = (at: number): boolean => this.starts[at] === this.sought;

  private grow(): void {
    const starts = new Float64Array(this.length * 2);
    starts.set(this.starts);
    this.starts = starts;
    const rows = new Uint32Array(this.length * 2);
    rows.set(this.rows);
    this.rows = rows;
  }
}

function hashOf(start: number): number {
  return hashWord(hashWord(0, start % WORD), Math.floor(start / WORD));
}

/** The first row whose address is not below. */
function lowerBound(addresses: Float64Array, address: number): number {
  let low = 0;
  let high = addresses.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (addresses[middle] < address) low = middle + 1;
    else high = middle;
  }
  return low;
}
