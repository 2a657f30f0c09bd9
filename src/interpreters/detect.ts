import type { ByteSource } from "../elf/byte-source.js";
import { isRefusal } from "../elf/elf-file.js";
import { openExports } from "../elf/exports.js";
import { parseElf } from "../elf/parser.js";
import type { InterpreterFinding } from "./interpreter.js";
import { INTERPRETERS } from "./interpreters.js";

/** Whether a file is an interpreter's, and what its program has to know of it. Never throws. */
export function detectInterpreter(source: ByteSource): InterpreterFinding | undefined {
  const elf = parseElf(source);
  if (isRefusal(elf)) return undefined;
  const exports = openExports(elf);
  for (const interpreter of INTERPRETERS) {
    const finding = interpreter.detect({ elf, exports });
    if (finding !== undefined) return finding;
  }
  return undefined;
}
