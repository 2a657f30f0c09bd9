import { DemangleFailure, failure, MAX_DEPTH, MAX_OUTPUT, MAX_STEPS } from "./limits.js";
import { decodePunycode } from "./punycode.js";

/** Types of one letter (RFC 2603, "basic types"). */
const BASIC_TYPES: Readonly<Record<string, string>> = {
  a: "i8",
  b: "bool",
  c: "char",
  d: "f64",
  e: "str",
  f: "f32",
  h: "u8",
  i: "isize",
  j: "usize",
  l: "i32",
  m: "u32",
  n: "i128",
  o: "u128",
  p: "_",
  s: "i16",
  t: "u16",
  u: "()",
  v: "...",
  x: "i64",
  y: "u64",
  z: "!",
};

/**
 * The readable form of a Rust name of the v0 scheme (RFC 2603, rustc book "symbol mangling: v0 format"), or undefined
 * when it is not one. Crate hashes and the types of constants are left out, as `rustfilt` does.
 */
export function demangleRustV0(mangled: string): string | undefined {
  if (!/^_R[A-Z]/.test(mangled)) return undefined;
  // ".llvm.123" says in which unit a private function was made; other suffixes say what was done with it.
  const [path, ...suffixes] = mangled.replace(/\.llvm\.[0-9A-F@]+$/, "").split(".");
  if (!/^[A-Za-z0-9_]*$/.test(path)) return undefined;
  try {
    return new Demangler(path).demangle() + suffixes.map((suffix) => `.${suffix}`).join("");
  } catch (error) {
    if (error instanceof DemangleFailure) return undefined;
    throw error;
  }
}

/** Reads and writes in one pass, since back references name places in the text. */
class Demangler {
  /** Past `_R`; back references count from here. */
  #position = 2;
  #output = "";
  #steps = 0;
  #depth = 0;
  /** Lifetimes that the binders (`for<'a>`) around this place have named. */
  #lifetimes = 0;
  /** Reads without writing: the path of an `impl`, which says where it stands and not what it is. */
  #silent = false;

  constructor(readonly text: string) {}

  demangle(): string {
    try {
      this.#path(true);
    } catch (error) {
      if (error !== full) throw error;
      return `${this.#output.slice(0, MAX_OUTPUT - 1)}…`;
    }
    if (this.#position < this.text.length) {
      // The crate that made this instance of a generic function.
      this.#silent = true;
      this.#path(false);
    }
    if (this.#position < this.text.length) throw failure;
    return this.#output;
  }

  #append(text: string): void {
    if (this.#silent) return;
    this.#output += text;
    if (this.#output.length > MAX_OUTPUT) throw full;
  }

  #peek(): string {
    return this.text.charAt(this.#position);
  }

  #next(): string {
    if (this.#position >= this.text.length) throw failure;
    return this.text.charAt(this.#position++);
  }

  #accept(tag: string): boolean {
    if (this.#peek() !== tag) return false;
    this.#position++;
    return true;
  }

  /** One level deeper, with limits: back references make a short name endless. */
  #nested(work: () => void): void {
    if (++this.#steps > MAX_STEPS || this.#depth >= MAX_DEPTH) throw failure;
    this.#depth++;
    work();
    this.#depth--;
  }

  /** `_` is 0, `0_` is 1, `Z_` is 62. A crate's has 64 bits, of which nothing is printed: rounding does no harm. */
  #base62(): number {
    if (this.#accept("_")) return 0;
    let value = 0;
    for (let digit = this.#next(); digit !== "_"; digit = this.#next()) {
      value = value * 62 + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".indexOf(digit);
    }
    return value + 1;
  }

  /** 0 when the tag is absent, else 1 + the number. */
  #optionalBase62(tag: string): number {
    return this.#accept(tag) ? this.#base62() + 1 : 0;
  }

  #plainIdentifier(): string {
    const punycode = this.#accept("u");
    let length = 0;
    if (!this.#accept("0")) {
      const digits = /[1-9][0-9]{0,6}/y;
      digits.lastIndex = this.#position;
      const match = digits.exec(this.text);
      if (match === null) throw failure;
      this.#position += match[0].length;
      length = Number(match[0]);
    }
    this.#accept("_");
    const start = this.#position;
    this.#position += length;
    if (this.#position > this.text.length) throw failure;
    const identifier = this.text.slice(start, this.#position);
    return punycode ? (decodePunycode(identifier) ?? `punycode{${identifier}}`) : identifier;
  }

  /** Prints what an earlier place of the text says. */
  #backReference(print: () => void): void {
    const start = this.#position - 1;
    const target = this.#base62() + 2;
    if (target >= start) throw failure;
    if (this.#silent) return;
    const after = this.#position;
    this.#position = target;
    this.#nested(print);
    this.#position = after;
  }

  /** Items to `E`, with a separator between them; how many there were. */
  #list(separator: string, print: () => void): number {
    let count = 0;
    for (; !this.#accept("E"); count++) {
      if (count > 0) this.#append(separator);
      print();
    }
    return count;
  }

  /** In an expression generic arguments need `::` before them. */
  #path(inExpression: boolean): void {
    this.#nested(() => {
      const tag = this.#next();
      switch (tag) {
        case "C":
          this.#optionalBase62("s");
          return this.#append(this.#plainIdentifier());
        case "N":
          return this.#nestedPath(inExpression);
        case "M":
        case "X":
          this.#skipImplPath();
          return this.#qualifiedPath(tag === "X");
        case "Y":
          return this.#qualifiedPath(true);
        case "I":
          this.#path(inExpression);
          this.#append(inExpression ? "::<" : "<");
          this.#list(", ", () => this.#genericArgument());
          return this.#append(">");
        case "B":
          return this.#backReference(() => this.#path(inExpression));
        default:
          throw failure;
      }
    });
  }

  #nestedPath(inExpression: boolean): void {
    const namespace = this.#next();
    if (!/[A-Za-z]/.test(namespace)) throw failure;
    this.#path(inExpression);
    const disambiguator = this.#optionalBase62("s");
    const name = this.#plainIdentifier();
    if (/[a-z]/.test(namespace)) {
      if (name !== "") this.#append(`::${name}`);
      return;
    }
    // What has no name of its own: closures, shims.
    const kind = namespace === "C" ? "closure" : namespace === "S" ? "shim" : namespace;
    this.#append(`::{${kind}${name === "" ? "" : `:${name}`}#${disambiguator}}`);
  }

  #skipImplPath(): void {
    this.#optionalBase62("s");
    const silent = this.#silent;
    this.#silent = true;
    this.#path(false);
    this.#silent = silent;
  }

  /** `<Type>`, `<Type as Trait>`. */
  #qualifiedPath(ofTrait: boolean): void {
    this.#append("<");
    this.#type();
    if (ofTrait) {
      this.#append(" as ");
      this.#path(false);
    }
    this.#append(">");
  }

  #genericArgument(): void {
    if (this.#accept("L")) this.#lifetime(this.#base62());
    else if (this.#accept("K")) this.#constant(false);
    else this.#type();
  }

  #lifetime(index: number): void {
    if (index === 0) return this.#append("'_");
    const depth = this.#lifetimes - index;
    if (depth < 0) {
      // Unknown here only because the binder was not read.
      if (this.#silent) return;
      throw failure;
    }
    this.#append(depth < 26 ? `'${String.fromCharCode(0x61 + depth)}` : `'_${depth}`);
  }

  #binder(inside: () => void): void {
    const count = this.#optionalBase62("G");
    const outer = this.#lifetimes;
    if (count > MAX_STEPS) throw failure;
    if (count > 0) {
      this.#append("for<");
      for (let index = 0; index < count; index++) {
        if (index > 0) this.#append(", ");
        this.#lifetimes++;
        this.#lifetime(1);
      }
      this.#append("> ");
    }
    inside();
    this.#lifetimes = outer;
  }

  #type(): void {
    this.#nested(() => {
      const tag = this.#next();
      const basic = BASIC_TYPES[tag];
      if (basic !== undefined) return this.#append(basic);
      switch (tag) {
        case "R":
        case "Q": {
          this.#append("&");
          const lifetime = this.#accept("L") ? this.#base62() : 0;
          if (lifetime !== 0) {
            this.#lifetime(lifetime);
            this.#append(" ");
          }
          if (tag === "Q") this.#append("mut ");
          return this.#type();
        }
        case "P":
        case "O":
          this.#append(tag === "P" ? "*const " : "*mut ");
          return this.#type();
        case "A":
        case "S":
          this.#append("[");
          this.#type();
          if (tag === "A") {
            this.#append("; ");
            this.#constant(true);
          }
          return this.#append("]");
        case "T": {
          this.#append("(");
          const count = this.#list(", ", () => this.#type());
          return this.#append(count === 1 ? ",)" : ")");
        }
        case "F":
          return this.#binder(() => this.#functionType());
        case "D":
          this.#append("dyn ");
          this.#binder(() => this.#list(" + ", () => this.#dynTrait()));
          if (!this.#accept("L")) throw failure;
          return this.#dynLifetime(this.#base62());
        case "B":
          return this.#backReference(() => this.#type());
        default:
          this.#position--;
          return this.#path(false);
      }
    });
  }

  #dynLifetime(index: number): void {
    if (index === 0) return;
    this.#append(" + ");
    this.#lifetime(index);
  }

  #functionType(): void {
    if (this.#accept("U")) this.#append("unsafe ");
    if (this.#accept("K")) {
      const abi = this.#accept("C") ? "C" : this.#plainIdentifier().replaceAll("_", "-");
      this.#append(`extern "${abi}" `);
    }
    this.#append("fn(");
    this.#list(", ", () => this.#type());
    this.#append(")");
    if (this.#accept("u")) return;
    this.#append(" -> ");
    this.#type();
  }

  /** `Iterator<Item = u8>`: associated types share the brackets of generic arguments. */
  #dynTrait(): void {
    let open = this.#openGenericPath();
    while (this.#accept("p")) {
      this.#append(open ? ", " : "<");
      open = true;
      this.#append(`${this.#plainIdentifier()} = `);
      this.#type();
    }
    if (open) this.#append(">");
  }

  /** A path whose last `>` is not written yet, when the answer is true. */
  #openGenericPath(): boolean {
    if (this.#accept("B")) {
      let open = false;
      this.#backReference(() => {
        open = this.#openGenericPath();
      });
      return open;
    }
    if (this.#accept("I")) {
      this.#path(false);
      this.#append("<");
      this.#list(", ", () => this.#genericArgument());
      return true;
    }
    this.#path(false);
    return false;
  }

  #constant(inExpression: boolean): void {
    this.#nested(() => {
      const tag = this.#next();
      if (tag === "B") return this.#backReference(() => this.#constant(inExpression));
      if (/[hmtyoj]/.test(tag)) return this.#append(this.#hexNumber());
      if (/[aslxni]/.test(tag)) return this.#append((this.#accept("n") ? "-" : "") + this.#hexNumber());
      switch (tag) {
        case "p":
          return this.#append("_");
        case "b": {
          const value = this.#hexDigits();
          if (value !== "0" && value !== "1") throw failure;
          return this.#append(value === "1" ? "true" : "false");
        }
        case "c":
          return this.#append(`'${escaped(codePoint(this.#hexDigits()), "'")}'`);
        default:
          // Values of several parts stand in braces, as generic arguments must.
          if (!inExpression) this.#append("{");
          this.#compoundConstant(tag);
          if (!inExpression) this.#append("}");
      }
    });
  }

  #compoundConstant(tag: string): void {
    switch (tag) {
      case "e":
        this.#append("*");
        return this.#string();
      case "R":
      case "Q":
        if (tag === "R" && this.#accept("e")) return this.#string();
        this.#append(tag === "R" ? "&" : "&mut ");
        return this.#constant(true);
      case "A":
        this.#append("[");
        this.#list(", ", () => this.#constant(true));
        return this.#append("]");
      case "T": {
        this.#append("(");
        const count = this.#list(", ", () => this.#constant(true));
        return this.#append(count === 1 ? ",)" : ")");
      }
      case "V":
        return this.#variant();
      default:
        throw failure;
    }
  }

  #variant(): void {
    this.#path(true);
    const tag = this.#next();
    if (tag === "T") {
      this.#append("(");
      this.#list(", ", () => this.#constant(true));
      this.#append(")");
    } else if (tag === "S") {
      this.#append(" { ");
      this.#list(", ", () => {
        this.#optionalBase62("s");
        this.#append(`${this.#plainIdentifier()}: `);
        this.#constant(true);
      });
      this.#append(" }");
    } else if (tag !== "U") {
      throw failure;
    }
  }

  #hexDigits(): string {
    const start = this.#position;
    while (/[0-9a-f]/.test(this.#peek())) this.#position++;
    const digits = this.text.slice(start, this.#position);
    if (!this.#accept("_")) throw failure;
    return digits;
  }

  #hexNumber(): string {
    const digits = this.#hexDigits().replace(/^0+/, "");
    if (digits === "") return "0";
    return digits.length > 16 ? `0x${digits}` : String(BigInt(`0x${digits}`));
  }

  #string(): void {
    const bytes = Buffer.from(this.#hexDigits(), "hex");
    this.#append('"');
    for (const character of bytes.toString("utf8")) this.#append(escaped(character, '"'));
    this.#append('"');
  }
}

/** Ends the printing where the output is long enough. */
const full = new DemangleFailure("output is full");

function codePoint(hex: string): string {
  const value = Number.parseInt(hex, 16);
  if (!(value <= 0x10ffff)) throw failure;
  return String.fromCodePoint(value);
}

/** A character as Rust writes it in a literal. */
function escaped(character: string, quote: string): string {
  if (character === quote || character === "\\") return `\\${character}`;
  const named: Readonly<Record<string, string>> = { "\0": "\\0", "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  if (named[character] !== undefined) return named[character];
  return /[\p{C}\p{Z}]/u.test(character) && character !== " " ? `\\u{${character.codePointAt(0)?.toString(16)}}` : character;
}
