import type { ByteSource } from "../elf/byte-source.js";
import { isRefusal } from "../elf/elf-file.js";
import { openExports } from "../elf/exports.js";
import { parseElf } from "../elf/parser.js";
import type { CandidateFile, Interpreter, InterpreterFinding } from "./interpreter.js";
import { INTERPRETERS } from "./interpreters.js";

/**
 * Whether a file is an interpreter's, and what its program has to know of it. Never throws. Asked of each file of the node: a language's
 * own code is loaded only for a file that exports what its interpreter does.
 */
export async function detectInterpreter(source: ByteSource): Promise<InterpreterFinding | undefined> {
  const file = candidate(source);
  if (file === undefined) return undefined;
  for (const { exported, load } of INTERPRETERS) {
    if (file.exports.find(exported) === undefined) continue;
    const finding = (await load()).detect(file);
    if (finding !== undefined) return finding;
  }
  return undefined;
}

/** The same, of one language. */
export function detectBy(interpreter: Interpreter, source: ByteSource): InterpreterFinding | undefined {
  const file = candidate(source);
  return file && interpreter.detect(file);
}

function candidate(source: ByteSource): CandidateFile | undefined {
  const elf = parseElf(source);
  return isRefusal(elf) ? undefined : { elf, exports: openExports(elf) };
}
