/** A column of u32 that grows by doubling. `values` is replaced when it grows: read it anew after each push. */
export class Uint32Column {
  values: Uint32Array;
  length = 0;

  constructor(capacity = 256) {
    this.values = new Uint32Array(capacity);
  }

  push(value: number): void {
    this.reserve(1);
    this.values[this.length++] = value;
  }

  /** Appends source[start .. start + count). */
  append(source: Uint32Array, start: number, count: number): void {
    this.reserve(count);
    const { values, length } = this;
    // Stacks are short: a loop costs less than the view that set() would need.
    for (let i = 0; i < count; i++) {
      values[length + i] = source[start + i];
    }
    this.length += count;
  }

  /** What was pushed, as a view. */
  view(): Uint32Array {
    return this.values.subarray(0, this.length);
  }

  get bytes(): number {
    return this.values.byteLength;
  }

  private reserve(count: number): void {
    const wanted = this.length + count;
    if (wanted > this.values.length) {
      const grown = new Uint32Array(Math.max(wanted, this.values.length * 2));
      grown.set(this.values);
      this.values = grown;
    }
  }
}
