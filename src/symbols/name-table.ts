import type { SourceLine } from "../debuginfo/debug-info.js";
import { ChainTable } from "./chain-table.js";
import { demangle } from "./demangle/demangle.js";
import type { NamedFunction, SymbolizeResult } from "./resolver.js";

/** Functions and chains of a result while it is made. */
export class NameTable {
  readonly #functions: NamedFunction[] = [];
  readonly #chains = new ChainTable();
  readonly #indices = new Map<string, number>();
  readonly #demangled = new Map<string, string>();
  /** Of the functions' names, as they stand in the file. */
  characters = 0;

  /**
   * The number of the chain that lines make, innermost first. Where the symbol table has a name for the function they are in, it
   * is that: a part that the compiler split off is called `main.cold` there, and `main` in the debug information. -1 when
   * nobody has.
   */
  add(lines: readonly SourceLine[], symbol: string | undefined): number {
    const functions: number[] = [];
    const numbers: number[] = [];
    for (const [at, { systemName, fileName, startLine, line }] of lines.entries()) {
      const isOutermost = at === lines.length - 1;
      const name = isOutermost ? (symbol ?? systemName) : systemName;
      if (name === "") {
        if (isOutermost) return -1;
        continue; // inlined, and nothing tells what
      }
      functions.push(this.#functionOf(name, fileName, startLine));
      numbers.push(line);
    }
    if (lines.length === 0) {
      if (symbol === undefined) return -1;
      functions.push(this.#functionOf(symbol, "", 0));
      numbers.push(0);
    }
    return this.#chains.add(functions, numbers);
  }

  finish(): Pick<SymbolizeResult, "functions" | "chains"> {
    return { functions: this.#functions, chains: this.#chains.columns() };
  }

  #functionOf(systemName: string, fileName: string, startLine: number): number {
    const key = `${systemName}\0${fileName}\0${startLine}`;
    let index = this.#indices.get(key);
    if (index === undefined) {
      let name = this.#demangled.get(systemName);
      if (name === undefined) {
        name = demangle(systemName);
        this.#demangled.set(systemName, name);
      }
      this.characters += systemName.length + fileName.length;
      index = this.#functions.push({ name, systemName, fileName, startLine }) - 1;
      this.#indices.set(key, index);
    }
    return index;
  }
}
