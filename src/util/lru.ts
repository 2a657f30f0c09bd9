/** Something that knows what memory it holds; it may grow between uses. */
export interface Sized {
  /** Bytes, without the cache's own. */
  readonly bytes: number;
}

/** Keeps what was used last within a budget of bytes. */
export class ByteLru<Key, Value extends Sized> {
  /** In order of use, the least recent first: a Map iterates in order of insertion. */
  readonly #values = new Map<Key, Value>();
  #budgetBytes: number;

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  get size(): number {
    return this.#values.size;
  }

  /** Bytes held now. Values grow while they are used, so this is counted anew. */
  get bytes(): number {
    let bytes = 0;
    for (const value of this.#values.values()) bytes += value.bytes;
    return bytes;
  }

  get(key: Key): Value | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  /** Those held now; nothing counts as used by it. */
  values(): IterableIterator<Value> {
    return this.#values.values();
  }

  /** Keeps the value as the most recent and lets go of the least recent over the budget; one that is over it alone is not kept. */
  set(key: Key, value: Value): void {
    this.#values.delete(key);
    if (value.bytes > this.#budgetBytes) return;
    this.#values.set(key, value);
    this.#fit();
  }

  /** Another budget from now on; what is over it goes, the least recent first. */
  resize(budgetBytes: number): void {
    this.#budgetBytes = budgetBytes;
    this.#fit();
  }

  clear(): void {
    this.#values.clear();
  }

  #fit(): void {
    let bytes = this.bytes;
    for (const [oldest, { bytes: freed }] of this.#values) {
      if (bytes <= this.#budgetBytes) return;
      this.#values.delete(oldest);
      bytes -= freed;
    }
  }
}
