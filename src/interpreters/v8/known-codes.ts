import type { CodePlaces } from "./code-places.js";

/** What is known of code, or why nothing is, and the window in which that was tried. */
export type KnownCode<Miss extends string> =
  CodePlaces | { readonly miss: Miss; readonly window: number; readonly bytes: number };

const MISS_BYTES = 64;
/** Of a key, in its map. */
const KEY_BYTES = 160;

/** Code of all processes by process and key, within a budget of bytes: what nobody asked for the longest is forgotten first. */
export class KnownCodes<Miss extends string> {
  /** In order of use: a Map iterates in order of insertion. */
  readonly #codes = new Map<string, KnownCode<Miss>>();
  #bytes = 0;
  #budgetBytes: number;

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  get size(): number {
    return this.#codes.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Without counting as use. */
  peek(key: string): KnownCode<Miss> | undefined {
    return this.#codes.get(key);
  }

  get(key: string): KnownCode<Miss> | undefined {
    const code = this.#codes.get(key);
    if (code === undefined) return undefined;
    this.#codes.delete(key);
    this.#codes.set(key, code);
    return code;
  }

  set(key: string, code: KnownCode<Miss>): void {
    this.#delete(key);
    this.#codes.set(key, code);
    this.#bytes += code.bytes + KEY_BYTES;
    this.#fit();
  }

  miss(key: string, miss: Miss, window: number): void {
    this.set(key, { miss, window, bytes: MISS_BYTES });
  }

  resize(budgetBytes: number): void {
    this.#budgetBytes = budgetBytes;
    this.#fit();
  }

  #delete(key: string): void {
    const code = this.#codes.get(key);
    if (code === undefined) return;
    this.#codes.delete(key);
    this.#bytes -= code.bytes + KEY_BYTES;
  }

  #fit(): void {
    for (const key of this.#codes.keys()) {
      if (this.#bytes <= this.#budgetBytes) return;
      this.#delete(key);
    }
  }
}
