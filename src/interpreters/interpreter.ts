import type { ElfFile } from "../elf/elf-file.js";
import type { Exports } from "../elf/exports.js";
import type { InterpreterName } from "../model/interpreter.js";

/** A file that may be an interpreter's. Bytes in it are hostile. */
export interface CandidateFile {
  readonly elf: ElfFile;
  /** What its dynamic symbol table exports: the one cheap question to ask of each file of the node. */
  readonly exports: Exports;
}

/** A file of an interpreter whose structures are known. */
export interface FoundInterpreter {
  readonly name: InterpreterName;
  /** As a person says it: "3.12.4". */
  readonly version: string;
  /** struct abi_interpreter. */
  readonly bytes: Uint8Array;
  /** Where the file has what names are made of, for its BoundKind: plain data, its own affair. */
  readonly nameLayout?: object;
}

/** A file of an interpreter that cannot be walked: its frames stay native ones. */
export interface UnknownInterpreter {
  readonly name: InterpreterName;
  /** One clause, which is shown: "cpython 3.15: unknown layout". */
  readonly problem: string;
}

export type InterpreterFinding = FoundInterpreter | UnknownInterpreter;

/** One language's half of the worker thread: whether a file is its interpreter, and where its structures have what. */
export interface Interpreter {
  readonly name: InterpreterName;
  /** Undefined for a file that is not its. Never throws; bounded in time and memory. */
  detect(file: CandidateFile): InterpreterFinding | undefined;
}
