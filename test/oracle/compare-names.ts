/**
 * Holds the C++ demangler against GNU c++filt, on every mangled name in the symbol tables of files:
 *
 *   node build/test/oracle/compare-names.js FILE...
 */
import { execFileSync } from "node:child_process";
import { pathToFileURL } from "node:url";
import { demangleItanium } from "#src/symbols/demangle/itanium.js";
import { MAX_OUTPUT } from "#src/symbols/demangle/limits.js";

export interface NameComparison {
  /** Names that c++filt could read. */
  names: number;
  same: number;
  /** Cut at our limit; the part before is the same. */
  truncated: number;
  /** The first few others, for a person. */
  differences: string[];
}

/** C++ names of both symbol tables, distinct. */
export function mangledNames(file: string): string[] {
  const names = new Set<string>();
  for (const options of [["-p"], ["-p", "-D"]]) {
    const lines = execFileSync("nm", [...options, file], { encoding: "latin1", maxBuffer: 2 ** 30, stdio: "pipe" });
    for (const [, name] of lines.matchAll(/ (_Z[^@\s]*)/g)) names.add(name);
  }
  return [...names];
}

export function compareNames(names: readonly string[]): NameComparison {
  // -i: `std::string`, not what that is short for.
  const input = names.map((name) => `${name}\n`).join("");
  const output = execFileSync("c++filt", ["-i", "-s", "gnu-v3"], { input, encoding: "latin1", maxBuffer: 2 ** 30 });
  const comparison: NameComparison = { names: 0, same: 0, truncated: 0, differences: [] };
  output.split("\n").forEach((expected, index) => {
    if (index >= names.length || expected === names[index]) return;
    comparison.names++;
    const actual = demangleItanium(names[index]) ?? "";
    if (actual === expected) comparison.same++;
    else if (expected.length > MAX_OUTPUT && actual === `${expected.slice(0, MAX_OUTPUT - 1)}…`) comparison.truncated++;
    else if (comparison.differences.length < 20) {
      comparison.differences.push(`${names[index]}\n  c++filt ${expected}\n  ours    ${actual}`);
    }
  });
  return comparison;
}

function main(files: readonly string[]): void {
  for (const file of files) {
    const { names, same, truncated, differences } = compareNames(mangledNames(file));
    console.log(`${file}: ${names} names, ${same} the same, ${truncated} cut`);
    for (const difference of differences) console.log(difference);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main(process.argv.slice(2));
