import { spawnSync } from "node:child_process";
import type { SymbolizerFrame } from "./llvm-symbolizer.js";

/** What binutils' addr2line says of each ELF address, innermost first. */
export function addr2line(file: string, addresses: ArrayLike<number>): SymbolizerFrame[][] {
  const input = Array.from(addresses, (address) => `0x${address.toString(16)}\n`).join("");
  const result = spawnSync("addr2line", ["-a", "-i", "-f", "-e", file], {
    input,
    encoding: "utf8",
    maxBuffer: 2 ** 30,
  });
  if (result.status !== 0) throw new Error(`addr2line: ${result.stderr} ${String(result.error)}`);
  // Each block begins with its address.
  return result.stdout
    .split(/^0x[0-9a-f]+\n/m)
    .slice(1)
    .map(parseFrames);
}

function parseFrames(block: string): SymbolizerFrame[] {
  const lines = block.trimEnd().split("\n");
  const frames: SymbolizerFrame[] = [];
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const [, file = "", line = "0"] = /^(.*):(\d+|\?)(?: \(discriminator \d+\))?$/.exec(lines[at + 1]) ?? [];
    // Where no debug information is, it shows what the symbol table has for a source file.
    const isKnown = file !== "??" && (Number(line) > 0 || file.includes("/"));
    frames.push({
      name: lines[at] === "??" ? "" : lines[at],
      file: isKnown ? file : "",
      line: Number(line) || 0,
    });
  }
  return frames;
}
