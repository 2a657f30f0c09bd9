import { spawnSync } from "node:child_process";

export interface SymbolizerFrame {
  /** Mangled, "" when unknown. */
  readonly name: string;
  /** "" when unknown. */
  readonly file: string;
  readonly line: number;
}

/** What llvm-symbolizer says of each ELF address, innermost first. The outermost name is the symbol table's. */
export function llvmSymbolizer(file: string, addresses: ArrayLike<number>): SymbolizerFrame[][] {
  const input = Array.from(addresses, (address) => `0x${address.toString(16)}\n`).join("");
  const options = ["--inlines", "--functions=linkage", "--no-demangle", "--output-style=LLVM", `--obj=${file}`];
  const result = spawnSync("llvm-symbolizer", options, { input, encoding: "utf8", maxBuffer: 2 ** 30 });
  if (result.status !== 0) throw new Error(`llvm-symbolizer: ${result.stderr} ${String(result.error)}`);
  return result.stdout.trimEnd().split("\n\n").map(parseFrames);
}

function parseFrames(block: string): SymbolizerFrame[] {
  const lines = block.split("\n").filter((line) => line !== "");
  const frames: SymbolizerFrame[] = [];
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const [, path = "", line = "0"] = /^(.*):(\d+):\d+$/.exec(lines[at + 1]) ?? [];
    // Where no debug information is, it shows what the symbol table has for a source file.
    const file = path === "??" || (line === "0" && !path.includes("/")) ? "" : path;
    frames.push({ name: lines[at] === "??" ? "" : lines[at], file, line: Number(line) });
  }
  return frames;
}
