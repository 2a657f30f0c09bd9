import { pythonStyle } from "../../native/abi.generated.js";
import type { PythonOffsets } from "./offsets.js";

const COOKIE = "xdebugpy";
const WORD = 8;
/** Structures are some kilobytes; PyInterpreterState has its small integers and free lists in it. */
const MAX_OFFSET = 1 << 24;
/** co_firstlineno comes this far behind co_flags: argcount and its kin, stacksize are between them (Include/cpython/code.h). */
const FLAGS_BEFORE_FIRST_LINE = 20;
/** _co_firsttraceable, and co_extra behind it. */
const FIRST_TRACEABLE_BEFORE_INSTRUCTIONS = 16;
/** From a PyASCIIObject to the characters of a PyCompactUnicodeObject: utf8_length, utf8. */
const COMPACT_BYTES = 16;
const OWNED_BY_NO_CODE = 3; // FRAME_OWNED_BY_CSTACK in 3.13, FRAME_OWNED_BY_INTERPRETER in 3.14
/** PyThreadState's own order is not told where it is not asked for; interp follows prev and next. */
const STRUCTURES_3_13 = {
  runtime: ["size", "finalizing", "interpretersHead"],
  interpreter: [
    ...["size", "id", "next", "threadsHead", "gc", "importsModules", "sysdict", "builtins", "cevalGil"],
    ...["gil", "gilEnabled", "gilLocked", "gilHolder"],
  ],
  thread: ["size", "prev", "next", "interp", "currentFrame", "id", "nativeId", "datastackChunk", "status"],
  frame: ["size", "previous", "executable", "instruction", "localsplus", "owner"],
  code: [
    ...["size", "filename", "name", "qualname", "linetable", "firstLine", "argcount"],
    ...["localsplusnames", "localspluskinds", "instructions"],
  ],
  object: ["size", "type"],
  typeObject: ["size", "name", "repr", "flags"],
  tuple: ["size", "item", "obSize"],
  list: ["size", "item", "obSize"],
  dict: ["size", "keys", "values"],
  float: ["size", "value"],
  long: ["size", "tag", "digit"],
  bytes: ["size", "obSize", "data"],
  unicode: ["size", "state", "length", "asciiSize"],
};

/** internal/pycore_debug_offsets.h; in an object literal keys keep their order. */
const STRUCTURES_3_14 = {
  runtime: STRUCTURES_3_13.runtime,
  interpreter: [
    ...["size", "id", "next", "threadsHead", "threadsMain", "gc", "importsModules", "sysdict", "builtins", "cevalGil"],
    ...["gil", "gilEnabled", "gilLocked", "gilHolder", "codeGeneration", "tlbcGeneration"],
  ],
  thread: STRUCTURES_3_13.thread,
  frame: [...STRUCTURES_3_13.frame, "stackpointer", "tlbcIndex"],
  code: [...STRUCTURES_3_13.code, "tlbc"],
  object: STRUCTURES_3_13.object,
  typeObject: STRUCTURES_3_13.typeObject,
  tuple: STRUCTURES_3_13.tuple,
  list: STRUCTURES_3_13.list,
  set: ["size", "used", "table", "mask"],
  dict: STRUCTURES_3_13.dict,
  float: STRUCTURES_3_13.float,
  long: STRUCTURES_3_13.long,
  bytes: STRUCTURES_3_13.bytes,
  unicode: STRUCTURES_3_13.unicode,
};

const STRUCTURES: ReadonlyMap<number, Readonly<Record<string, readonly string[]>>> = new Map([
  [13, STRUCTURES_3_13],
  [14, STRUCTURES_3_14],
]);

/** Bytes of _PyRuntime that are needed. */
export const DEBUG_OFFSETS_BYTES = 1024;

/**
 * What CPython 3.13 and later say of their own structures: _Py_DebugOffsets, at the start of _PyRuntime (Include/internal/
 * pycore_runtime.h; pycore_debug_offsets.h in 3.14), whose members are the same in all releases of a minor version. Undefined for a
 * version whose members are not known, a wrong cookie, or offsets that cannot be.
 */
export function readDebugOffsets(bytes: Buffer, minor: number): PythonOffsets | undefined {
  const structures = STRUCTURES.get(minor);
  if (structures === undefined || bytes.length < DEBUG_OFFSETS_BYTES) return undefined;
  if (bytes.toString("latin1", 0, COOKIE.length) !== COOKIE) return undefined;
  const version = bytes.readBigUInt64LE(WORD);
  if (version >> 16n !== BigInt(0x300 | minor)) return undefined;
  const isFreeThreaded = bytes.readBigUInt64LE(2 * WORD) !== 0n;
  const told = new Map<string, number>();
  let word = 3;
  for (const [structure, fields] of Object.entries(structures)) {
    for (const field of fields) {
      const offset = bytes.readBigUInt64LE(word++ * WORD);
      told.set(`${structure}.${field}`, offset < MAX_OFFSET ? Number(offset) : NaN);
    }
  }
  const of = (name: string): number => told.get(name) ?? NaN;
  const offsets: PythonOffsets = {
    style: pythonStyle.shims,
    interpretersHead: of("runtime.interpretersHead"),
    currentThread: 0,
    interpreterNext: of("interpreter.next"),
    threadsHead: of("interpreter.threadsHead"),
    threadNext: of("thread.next"),
    threadInterpreter: of("thread.interp"),
    threadId: of("thread.id"),
    threadStatus: of("thread.status"),
    threadFrame: of("thread.currentFrame"),
    ...{ hasCframe: 0, cframeFrame: 0, cframePrevious: 0, frameStart: 0, lastiUnit: 0 },
    framePrevious: of("frame.previous"),
    frameCode: of("frame.executable"),
    frameInstruction: of("frame.instruction"),
    frameOwner: of("frame.owner"),
    ownerShim: OWNED_BY_NO_CODE,
    type: of("object.type"),
    codeSize: of("object.size"),
    codeFlags: of("code.firstLine") - FLAGS_BEFORE_FIRST_LINE,
    codeFirstLine: of("code.firstLine"),
    codeFilename: of("code.filename"),
    codeName: of("code.name"),
    codeQualifiedName: of("code.qualname"),
    codeLineTable: of("code.linetable"),
    codeInstructions: of("code.instructions"),
    codeFirstTraceable: of("code.instructions") - FIRST_TRACEABLE_BEFORE_INSTRUCTIONS,
    stringLength: of("unicode.length"),
    stringHash: of("unicode.length") + WORD,
    stringState: of("unicode.state"),
    // Without the lock, `interned` is a byte of its own since 3.14.
    stringKindShift: isFreeThreaded && minor >= 14 ? 8 : 2,
    stringAsciiBytes: of("unicode.asciiSize"),
    stringCompactBytes: of("unicode.asciiSize") + COMPACT_BYTES,
    bytesSize: of("bytes.obSize"),
    bytesData: of("bytes.data"),
    hasHandlers: 0,
  };
  return Object.values(offsets).every((offset) => Number.isSafeInteger(offset) && offset >= 0) ? offsets : undefined;
}
