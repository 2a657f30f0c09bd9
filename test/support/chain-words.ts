import type { SymbolizeResult } from "#src/symbols/resolver.js";

/** A chain of a result: `inner() /src/a.h:3:7 < outer()`, each with file, where it starts, and line where they are known. */
export function chainInWords({ chains, functions }: SymbolizeResult, chain: number): string {
  const words: string[] = [];
  for (let at = chains.offsets[chain]; at < chains.offsets[chain + 1]; at++) {
    const { name, systemName, fileName, startLine } = functions[chains.functions[at]];
    const called = name === systemName ? name : `${name} ${systemName}`;
    words.push(fileName === "" ? called : `${called} ${fileName}:${startLine}:${chains.lines[at]}`);
  }
  return words.join(" < ");
}
