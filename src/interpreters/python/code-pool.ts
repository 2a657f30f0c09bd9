import { type PythonCode, type PythonCodeRecord, readCode } from "./code-record.js";

/** A code object that some processes have; equal ones of many processes are one. */
export interface PooledCode extends PythonCode {
  /** Processes that have it, however often. */
  uses: number;
  readonly key: string;
}

/** Of an object, its strings' heads, and its place in a map. */
const OVERHEAD_BYTES = 300;

/** What equal code objects are kept as: a hundred processes of one application have one set of names. */
export class CodePool {
  readonly #codes = new Map<string, PooledCode>();
  #bytes = 0;

  get size(): number {
    return this.#codes.size;
  }

  /** Memory of them, estimated. */
  get bytes(): number {
    return this.#bytes;
  }

  take({ content }: PythonCodeRecord): PooledCode {
    const key = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString("latin1");
    let code = this.#codes.get(key);
    if (code === undefined) {
      code = { ...readCode(content), uses: 0, key };
      this.#codes.set(key, code);
      this.#bytes += costOf(code);
    }
    code.uses++;
    return code;
  }

  release(code: PooledCode): void {
    if (--code.uses > 0) return;
    this.#codes.delete(code.key);
    this.#bytes -= costOf(code);
  }
}

/** The key has all of it once more. */
function costOf({ key }: PooledCode): number {
  return OVERHEAD_BYTES + 2 * key.length;
}
