import { toFileOffset, type ElfFile } from "../../elf/elf-file.js";
import { frameKind } from "../../native/abi.generated.js";
import { encodeInterpreter, type CodeRange } from "../code-range.js";
import type { CandidateFile, Interpreter, InterpreterFinding } from "../interpreter.js";
import { coldParts } from "./cold-parts.js";
import { DEBUG_OFFSETS_BYTES, readDebugOffsets } from "./debug-offsets.js";
import { encodeLayout } from "./layout.js";
import { KNOWN_OFFSETS, type PythonOffsets } from "./offsets.js";
import { readVersion } from "./version.js";

const LOOP = "_PyEval_EvalFrameDefault";
/** A loop of all instructions takes 30 to 60 KiB; one that calls a function for each, some hundred bytes. */
const SMALLEST_LOOP_BYTES = 8192;

/** CPython: its loop is exported by executables and libraries alike, also by stripped ones. */
export const python: Interpreter = {
  name: "python",
  detect({ elf, exports }: CandidateFile): InterpreterFinding | undefined {
    const runtime = exports.find("_PyRuntime");
    const loop = exports.find(LOOP);
    if (runtime === undefined || loop === undefined) return undefined;
    const version = readVersion(elf, exports);
    if (version === undefined) return unknown("of unknown version");
    const offsets = offsetsOf(elf, runtime.elfAddress, version.minor);
    const codeType = exports.find("PyCode_Type");
    if (offsets === undefined || codeType === undefined || loop.size === 0) return unknown(`3.${version.minor}`);
    const hasHandlers = version.minor >= 14 && loop.size < SMALLEST_LOOP_BYTES ? 1 : 0;
    const symbols = { runtime: runtime.elfAddress, codeType: codeType.elfAddress };
    const layout = encodeLayout(symbols, version.minor, { ...offsets, hasHandlers });
    const ranges: CodeRange[] = [{ elfAddress: loop.elfAddress, size: loop.size, role: 0 }, ...coldParts(elf)];
    const bytes = layout && encodeInterpreter(elf, frameKind.python, ranges, layout);
    return bytes === undefined ? unknown(`3.${version.minor}`) : { name: "python", version: version.text, bytes };
  },
};

function offsetsOf(elf: ElfFile, runtime: number, minor: number): PythonOffsets | undefined {
  const known = KNOWN_OFFSETS.get(minor);
  if (known !== undefined) return known;
  const offset = toFileOffset(elf, runtime);
  const bytes = offset === undefined ? undefined : elf.source.read(offset, DEBUG_OFFSETS_BYTES);
  return bytes && readDebugOffsets(Buffer.from(bytes), minor);
}

function unknown(what: string): InterpreterFinding {
  return { name: "python", problem: `cpython ${what}: unknown layout` };
}
