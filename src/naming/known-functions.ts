import { ChainTable } from "../symbols/chain-table.js";
import type { NamedFunction, SymbolizeResult } from "../symbols/resolver.js";

/** An object of four fields, a slot in an array, and a place in the map; each string's header. */
const FUNCTION_BYTES = 120;
const STRING_BYTES = 16;

/** Functions and chains of lines by number, each once; numbers stay while others are added. */
export class KnownFunctions {
  readonly list: NamedFunction[] = [];
  private readonly chains = new ChainTable();
  private readonly byName = new Map<string, number[]>();
  private readonly fileNames = new Map<string, string>();
  private textBytes = 0;

  get bytes(): number {
    return this.textBytes + this.chains.bytes;
  }

  /** Adds what a result has, and gives the number of each of its chains. */
  add({ functions, chains }: Pick<SymbolizeResult, "functions" | "chains">): Int32Array {
    const numbers = Uint32Array.from(functions, (fn) => this.numberOf(fn));
    return Int32Array.from({ length: chains.offsets.length - 1 }, (_, chain) => {
      const [from, end] = [chains.offsets[chain], chains.offsets[chain + 1]];
      const ofChain = chains.functions.subarray(from, end).map((fn) => numbers[fn]);
      return this.chains.add(ofChain, chains.lines.subarray(from, end));
    });
  }

  columns(): Pick<SymbolizeResult, "functions" | "chains"> {
    return { functions: this.list, chains: this.chains.columns() };
  }

  private numberOf({ name, systemName, fileName, startLine }: NamedFunction): number {
    const sameName = this.byName.get(systemName) ?? [];
    for (const number of sameName) {
      const known = this.list[number];
      if (known.fileName === fileName && known.startLine === startLine) return number;
    }
    // Two equal strings that came from another thread are two strings.
    const file = this.fileNames.get(fileName) ?? fileName;
    if (!this.fileNames.has(file)) {
      this.fileNames.set(file, file);
      this.textBytes += FUNCTION_BYTES + STRING_BYTES + file.length;
    }
    const isPlain = name === systemName;
    const number = this.list.push({ name: isPlain ? systemName : name, systemName, fileName: file, startLine }) - 1;
    sameName.push(number);
    this.byName.set(systemName, sameName);
    this.textBytes += FUNCTION_BYTES + STRING_BYTES + systemName.length;
    this.textBytes += isPlain ? 0 : STRING_BYTES + name.length;
    return number;
  }
}
