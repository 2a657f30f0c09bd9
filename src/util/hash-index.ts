/**
 * An open-addressed index from 32-bit hashes to rows of some table, for interning: the table keeps the values, the
 * index only says which rows to compare. No object is made per lookup.
 */
export class HashIndex {
  /** Row + 1, 0 for free. */
  private slots: Int32Array;
  /** Hash of each row, by row, so that growing need not ask the table. */
  private hashes: Int32Array;
  private rows = 0;

  constructor(capacity = 1024) {
    this.slots = new Int32Array(capacity * 2);
    this.hashes = new Int32Array(capacity);
  }

  /**
   * The row whose value equals the one sought, or -1. `equals` is asked of rows with the same hash only;
   * pass one long-lived function, not a closure made for the call.
   */
  find(hash: number, equals: (row: number) => boolean): number {
    const mask = this.slots.length - 1;
    for (let at = spread(hash) & mask; ; at = (at + 1) & mask) {
      const row = this.slots[at] - 1;
      if (row < 0) {
        return -1;
      }
      if (this.hashes[row] === (hash | 0) && equals(row)) {
        return row;
      }
    }
  }

  /** Adds the next row; rows are numbered in the order they are added. */
  add(hash: number): number {
    const row = this.rows++;
    if (row === this.hashes.length) {
      this.grow();
    }
    this.hashes[row] = hash | 0;
    this.place(row);
    return row;
  }

  get bytes(): number {
    return this.slots.byteLength + this.hashes.byteLength;
  }

  private place(row: number): void {
    const mask = this.slots.length - 1;
    let at = spread(this.hashes[row]) & mask;
    while (this.slots[at] !== 0) {
      at = (at + 1) & mask;
    }
    this.slots[at] = row + 1;
  }

  private grow(): void {
    const hashes = new Int32Array(this.hashes.length * 2);
    hashes.set(this.hashes);
    this.hashes = hashes;
    this.slots = new Int32Array(hashes.length * 2);
    for (let row = 0; row < this.rows - 1; row++) {
      this.place(row);
    }
  }
}

/** Continues a hash over one more 32-bit word: the mixing step of MurmurHash3 (public domain). */
export function hashWord(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  hash ^= Math.imul(k, 0x1b873593);
  hash = (hash << 13) | (hash >>> 19);
  return (Math.imul(hash, 5) + 0xe6546b64) | 0;
}

/** MurmurHash3's last step: neighbouring hashes must not fall into neighbouring slots. */
function spread(hash: number): number {
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
