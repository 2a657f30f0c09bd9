import { decodePunycode } from "./punycode.js";
import { DemangleFailure, failure, MAX_DEPTH, MAX_OUTPUT, MAX_STEPS } from "./limits.js";

/** Thrown where the output is long enough; what was written is the name. */
export const outputFull = new DemangleFailure("output is full");

/** A place in a mangled name of the v0 scheme, and what was written of the readable one. */
export class RustCursor {
  /** Past `_R`; back references count from here. */
  position = 2;
  /** Reads without writing: the path of an `impl`, which says where it stands and not what it is. */
  silent = false;
  output = "";
  #steps = 0;
  #depth = 0;

  constructor(readonly text: string) {}

  get atEnd(): boolean {
    return this.position >= this.text.length;
  }

  append(text: string): void {
    if (this.silent) return;
    this.output += text;
    if (this.output.length > MAX_OUTPUT) throw outputFull;
  }

  peek(): string {
    return this.text.charAt(this.position);
  }

  next(): string {
    if (this.position >= this.text.length) throw failure;
    return this.text.charAt(this.position++);
  }

  accept(tag: string): boolean {
    if (this.peek() !== tag) return false;
    this.position++;
    return true;
  }

  /** One level deeper, with limits: back references make a short name endless. */
  nested(work: () => void): void {
    if (++this.#steps > MAX_STEPS || this.#depth >= MAX_DEPTH) throw failure;
    this.#depth++;
    work();
    this.#depth--;
  }

  /** `_` is 0, `0_` is 1, `Z_` is 62. A crate's has 64 bits, of which nothing is printed: rounding does no harm. */
  base62(): number {
    if (this.accept("_")) return 0;
    let value = 0;
    for (let digit = this.next(); digit !== "_"; digit = this.next()) {
      value = value * 62 + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".indexOf(digit);
    }
    return value + 1;
  }

  /** 0 when the tag is absent, else 1 + the number. */
  optionalBase62(tag: string): number {
    return this.accept(tag) ? this.base62() + 1 : 0;
  }

  identifier(): string {
    const punycode = this.accept("u");
    let length = 0;
    if (!this.accept("0")) {
      const digits = /[1-9][0-9]{0,6}/y;
      digits.lastIndex = this.position;
      const match = digits.exec(this.text);
      if (match === null) throw failure;
      this.position += match[0].length;
      length = Number(match[0]);
    }
    this.accept("_");
    const start = this.position;
    this.position += length;
    if (this.position > this.text.length) throw failure;
    const identifier = this.text.slice(start, this.position);
    return punycode ? (decodePunycode(identifier) ?? `punycode{${identifier}}`) : identifier;
  }

  hexDigits(): string {
    const start = this.position;
    while (/[0-9a-f]/.test(this.peek())) this.position++;
    const digits = this.text.slice(start, this.position);
    if (!this.accept("_")) throw failure;
    return digits;
  }

  hexNumber(): string {
    const digits = this.hexDigits().replace(/^0+/, "");
    if (digits === "") return "0";
    return digits.length > 16 ? `0x${digits}` : String(BigInt(`0x${digits}`));
  }
}
