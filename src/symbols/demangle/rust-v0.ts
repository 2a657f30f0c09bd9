import { DemangleFailure, failure, MAX_OUTPUT, MAX_STEPS } from "./limits.js";
import { outputFull, RustCursor } from "./rust-v0-cursor.js";

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
  readonly #at: RustCursor;
  /** Lifetimes that the binders (`for<'a>`) around this place have named. */
  #lifetimes = 0;

  constructor(mangled: string) {
    this.#at = new RustCursor(mangled);
  }

  demangle(): string {
    try {
      this.#path(true);
    } catch (error) {
      if (error !== outputFull) throw error;
      return `${this.#at.output.slice(0, MAX_OUTPUT - 1)}…`;
    }
    if (!this.#at.atEnd) {
      // The crate that made this instance of a generic function.
      this.#at.silent = true;
      this.#path(false);
    }
    if (!this.#at.atEnd) throw failure;
    return this.#at.output;
  }

  /** Prints what an earlier place of the text says. */
  #backReference(print: () => void): void {
    const start = this.#at.position - 1;
    const target = this.#at.base62() + 2;
    if (target >= start) throw failure;
    if (this.#at.silent) return;
    const after = this.#at.position;
    this.#at.position = target;
    this.#at.nested(print);
    this.#at.position = after;
  }

  /** Items to `E`, with a separator between them; how many there were. */
  #list(separator: string, print: () => void): number {
    let count = 0;
    for (; !this.#at.accept("E"); count++) {
      if (count > 0) this.#at.append(separator);
      print();
    }
    return count;
  }

  /** In an expression generic arguments need `::` before them. */
  #path(inExpression: boolean): void {
    this.#at.nested(() => {
      const tag = this.#at.next();
      switch (tag) {
        case "C":
          this.#at.optionalBase62("s");
          return this.#at.append(this.#at.identifier());
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
          this.#at.append(inExpression ? "::<" : "<");
          this.#list(", ", () => this.#genericArgument());
          return this.#at.append(">");
        case "B":
          return this.#backReference(() => this.#path(inExpression));
        default:
          throw failure;
      }
    });
  }

  #nestedPath(inExpression: boolean): void {
    const namespace = this.#at.next();
    if (!/[A-Za-z]/.test(namespace)) throw failure;
    this.#path(inExpression);
    const disambiguator = this.#at.optionalBase62("s");
    const name = this.#at.identifier();
    if (/[a-z]/.test(namespace)) {
      if (name !== "") this.#at.append(`::${name}`);
      return;
    }
    // What has no name of its own: closures, shims.
    const kind = namespace === "C" ? "closure" : namespace === "S" ? "shim" : namespace;
    this.#at.append(`::{${kind}${name === "" ? "" : `:${name}`}#${disambiguator}}`);
  }

  #skipImplPath(): void {
    this.#at.optionalBase62("s");
    const silent = this.#at.silent;
    this.#at.silent = true;
    this.#path(false);
    this.#at.silent = silent;
  }

  /** `<Type>`, `<Type as Trait>`. */
  #qualifiedPath(ofTrait: boolean): void {
    this.#at.append("<");
    this.#type();
    if (ofTrait) {
      this.#at.append(" as ");
      this.#path(false);
    }
    this.#at.append(">");
  }

  #genericArgument(): void {
    if (this.#at.accept("L")) this.#lifetime(this.#at.base62());
    else if (this.#at.accept("K")) this.#constant(false);
    else this.#type();
  }

  #lifetime(index: number): void {
    if (index === 0) return this.#at.append("'_");
    const depth = this.#lifetimes - index;
    if (depth < 0) {
      // Unknown here only because the binder was not read.
      if (this.#at.silent) return;
      throw failure;
    }
    this.#at.append(depth < 26 ? `'${String.fromCharCode(0x61 + depth)}` : `'_${depth}`);
  }

  #binder(inside: () => void): void {
    const count = this.#at.optionalBase62("G");
    const outer = this.#lifetimes;
    if (count > MAX_STEPS) throw failure;
    if (count > 0) {
      this.#at.append("for<");
      for (let index = 0; index < count; index++) {
        if (index > 0) this.#at.append(", ");
        this.#lifetimes++;
        this.#lifetime(1);
      }
      this.#at.append("> ");
    }
    inside();
    this.#lifetimes = outer;
  }

  #type(): void {
    this.#at.nested(() => {
      const tag = this.#at.next();
      const basic = BASIC_TYPES[tag];
      if (basic !== undefined) return this.#at.append(basic);
      switch (tag) {
        case "R":
        case "Q": {
          this.#at.append("&");
          const lifetime = this.#at.accept("L") ? this.#at.base62() : 0;
          if (lifetime !== 0) {
            this.#lifetime(lifetime);
            this.#at.append(" ");
          }
          if (tag === "Q") this.#at.append("mut ");
          return this.#type();
        }
        case "P":
        case "O":
          this.#at.append(tag === "P" ? "*const " : "*mut ");
          return this.#type();
        case "A":
        case "S":
          this.#at.append("[");
          this.#type();
          if (tag === "A") {
            this.#at.append("; ");
            this.#constant(true);
          }
          return this.#at.append("]");
        case "T": {
          this.#at.append("(");
          const count = this.#list(", ", () => this.#type());
          return this.#at.append(count === 1 ? ",)" : ")");
        }
        case "F":
          return this.#binder(() => this.#functionType());
        case "D":
          this.#at.append("dyn ");
          this.#binder(() => this.#list(" + ", () => this.#dynTrait()));
          if (!this.#at.accept("L")) throw failure;
          return this.#dynLifetime(this.#at.base62());
        case "B":
          return this.#backReference(() => this.#type());
        default:
          this.#at.position--;
          return this.#path(false);
      }
    });
  }

  #dynLifetime(index: number): void {
    if (index === 0) return;
    this.#at.append(" + ");
    this.#lifetime(index);
  }

  #functionType(): void {
    if (this.#at.accept("U")) this.#at.append("unsafe ");
    if (this.#at.accept("K")) {
      const abi = this.#at.accept("C") ? "C" : this.#at.identifier().replaceAll("_", "-");
      this.#at.append(`extern "${abi}" `);
    }
    this.#at.append("fn(");
    this.#list(", ", () => this.#type());
    this.#at.append(")");
    if (this.#at.accept("u")) return;
    this.#at.append(" -> ");
    this.#type();
  }

  /** `Iterator<Item = u8>`: associated types share the brackets of generic arguments. */
  #dynTrait(): void {
    let open = this.#openGenericPath();
    while (this.#at.accept("p")) {
      this.#at.append(open ? ", " : "<");
      open = true;
      this.#at.append(`${this.#at.identifier()} = `);
      this.#type();
    }
    if (open) this.#at.append(">");
  }

  /** A path whose last `>` is not written yet, when the answer is true. */
  #openGenericPath(): boolean {
    if (this.#at.accept("B")) {
      let open = false;
      this.#backReference(() => {
        open = this.#openGenericPath();
      });
      return open;
    }
    if (this.#at.accept("I")) {
      this.#path(false);
      this.#at.append("<");
      this.#list(", ", () => this.#genericArgument());
      return true;
    }
    this.#path(false);
    return false;
  }

  #constant(inExpression: boolean): void {
    this.#at.nested(() => {
      const tag = this.#at.next();
      if (tag === "B") return this.#backReference(() => this.#constant(inExpression));
      if (/[hmtyoj]/.test(tag)) return this.#at.append(this.#at.hexNumber());
      if (/[aslxni]/.test(tag)) return this.#at.append((this.#at.accept("n") ? "-" : "") + this.#at.hexNumber());
      switch (tag) {
        case "p":
          return this.#at.append("_");
        case "b": {
          const value = this.#at.hexDigits();
          if (value !== "0" && value !== "1") throw failure;
          return this.#at.append(value === "1" ? "true" : "false");
        }
        case "c":
          return this.#at.append(`'${escaped(codePoint(this.#at.hexDigits()), "'")}'`);
        default:
          // Values of several parts stand in braces, as generic arguments must.
          if (!inExpression) this.#at.append("{");
          this.#compoundConstant(tag);
          if (!inExpression) this.#at.append("}");
      }
    });
  }

  #compoundConstant(tag: string): void {
    switch (tag) {
      case "e":
        this.#at.append("*");
        return this.#string();
      case "R":
      case "Q":
        if (tag === "R" && this.#at.accept("e")) return this.#string();
        this.#at.append(tag === "R" ? "&" : "&mut ");
        return this.#constant(true);
      case "A":
        this.#at.append("[");
        this.#list(", ", () => this.#constant(true));
        return this.#at.append("]");
      case "T": {
        this.#at.append("(");
        const count = this.#list(", ", () => this.#constant(true));
        return this.#at.append(count === 1 ? ",)" : ")");
      }
      case "V":
        return this.#variant();
      default:
        throw failure;
    }
  }

  #variant(): void {
    this.#path(true);
    const tag = this.#at.next();
    if (tag === "T") {
      this.#at.append("(");
      this.#list(", ", () => this.#constant(true));
      this.#at.append(")");
    } else if (tag === "S") {
      this.#at.append(" { ");
      this.#list(", ", () => {
        this.#at.optionalBase62("s");
        this.#at.append(`${this.#at.identifier()}: `);
        this.#constant(true);
      });
      this.#at.append(" }");
    } else if (tag !== "U") {
      throw failure;
    }
  }

  #string(): void {
    const bytes = Buffer.from(this.#at.hexDigits(), "hex");
    this.#at.append('"');
    for (const character of bytes.toString("utf8")) this.#at.append(escaped(character, '"'));
    this.#at.append('"');
  }
}

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
  return /[\p{C}\p{Z}]/u.test(character) && character !== " "
    ? `\\u{${character.codePointAt(0)?.toString(16)}}`
    : character;
}
