import type { LineChains } from "./resolver.js";

/** A chain's key and its place in the map of them. */
const KEY_BYTES = 80;

/** Chains of lines while they are collected: equal ones are one. */
export class ChainTable {
  #offsets = new Uint32Array(8);
  #functions = new Uint32Array(8);
  #lines = new Uint32Array(8);
  #length = 0;
  readonly #indices = new Map<string, number>();

  get bytes(): number {
    return this.#offsets.byteLength + this.#functions.byteLength * 2 + this.#indices.size * KEY_BYTES;
  }

  /** The number of a chain: indices of functions and their lines, innermost first. */
  add(functions: ArrayLike<number>, lines: ArrayLike<number>): number {
    let key = "";
    for (let at = 0; at < functions.length; at++) key += `${functions[at]}:${lines[at]} `;
    let index = this.#indices.get(key);
    if (index === undefined) {
      index = this.#append(functions, lines);
      this.#indices.set(key, index);
    }
    return index;
  }

  #append(functions: ArrayLike<number>, lines: ArrayLike<number>): number {
    const start = this.#offsets[this.#length];
    const end = start + functions.length;
    if (this.#length + 2 > this.#offsets.length) this.#offsets = widened(this.#offsets, this.#length + 2);
    if (end > this.#functions.length) {
      this.#functions = widened(this.#functions, end);
      this.#lines = widened(this.#lines, end);
    }
    this.#functions.set(functions, start);
    this.#lines.set(lines, start);
    this.#offsets[this.#length + 1] = end;
    return this.#length++;
  }

  /** All of them by now; what is added later may or may not show. */
  columns(): LineChains {
    const offsets = this.#offsets.subarray(0, this.#length + 1);
    const end = offsets[this.#length];
    return { offsets, functions: this.#functions.subarray(0, end), lines: this.#lines.subarray(0, end) };
  }
}

function widened(narrow: Uint32Array, least: number): Uint32Array<ArrayBuffer> {
  const wide = new Uint32Array(Math.max(narrow.length * 2, least));
  wide.set(narrow);
  return wide;
}
