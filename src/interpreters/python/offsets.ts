import { type pythonLayoutLayout, pythonStyle } from "../../native/abi.generated.js";

/** Fields of struct abi_python_layout that differ from version to version; bytes within the structure they are named after. */
export type PythonOffsets = Omit<
  { readonly [Field in keyof typeof pythonLayoutLayout]: number },
  "sizeOf" | "runtime" | "codeType" | "minor"
>;

/** PyObject, PyVarObject, PyBytesObject and PyUnicodeObject of builds with the lock (Include/object.h, cpython/unicodeobject.h). */
const OBJECTS = {
  ...{ type: 8, bytesSize: 16, bytesData: 32 },
  ...{ stringLength: 16, stringHash: 24, stringState: 32, stringKindShift: 2 },
  hasHandlers: 0,
};
/** Until 3.11 a string has a wchar_t pointer in its head. */
const OLD_STRINGS = { stringAsciiBytes: 48, stringCompactBytes: 72 };
const STRINGS = { stringAsciiBytes: 40, stringCompactBytes: 56 };

/** Include/cpython/code.h, frameobject.h; internal/pycore_runtime.h, pycore_interp.h; cpython/pystate.h. */
const OLD_FRAMES = {
  ...{ ...OBJECTS, ...OLD_STRINGS, style: pythonStyle.objects },
  ...{ interpretersHead: 32, interpreterNext: 0, threadsHead: 8 },
  ...{ threadNext: 8, threadInterpreter: 16, threadFrame: 24, threadId: 176 },
  ...{ hasCframe: 0, cframeFrame: 0, cframePrevious: 0, threadStatus: 0 },
  // PyFrameObject from f_back on.
  ...{ frameStart: 24, framePrevious: 0, frameCode: 8, frameOwner: 0, ownerShim: 0 },
  ...{ codeSize: 48, codeFlags: 36, codeFirstLine: 40, codeFilename: 104 },
  ...{ codeName: 112, codeQualifiedName: 112, codeLineTable: 120, codeInstructions: 0, codeFirstTraceable: 0 },
};

/** Minor version of 3 → where its structures have what. Verified by test/unit/interpreters/python against the headers. */
export const KNOWN_OFFSETS: ReadonlyMap<number, PythonOffsets> = new Map([
  [8, { ...OLD_FRAMES, currentThread: 1368, frameInstruction: 80, lastiUnit: 1 }],
  [9, { ...OLD_FRAMES, currentThread: 568, frameInstruction: 80, lastiUnit: 1 }],
  // f_lasti counts instructions.
  [10, { ...OLD_FRAMES, currentThread: 568, frameInstruction: 72, lastiUnit: 2 }],
  [
    11,
    {
      ...{ ...OBJECTS, ...OLD_STRINGS, style: pythonStyle.cframes },
      ...{ interpretersHead: 40, currentThread: 576, interpreterNext: 0, threadsHead: 16 },
      ...{ threadNext: 8, threadInterpreter: 16, threadFrame: 56, threadId: 152, threadStatus: 0 },
      ...{ hasCframe: 1, cframeFrame: 8, cframePrevious: 16 },
      ...{ frameStart: 0, framePrevious: 48, frameCode: 32, frameInstruction: 56, lastiUnit: 0 },
      ...{ frameOwner: 68, ownerShim: 0 }, // is_entry
      ...{ codeSize: 16, codeFlags: 48, codeFirstLine: 72, codeFilename: 112 },
      ...{ codeName: 120, codeQualifiedName: 128, codeLineTable: 136, codeInstructions: 184, codeFirstTraceable: 168 },
    },
  ],
  [
    12,
    {
      ...{ ...OBJECTS, ...STRINGS, style: pythonStyle.shims },
      ...{ interpretersHead: 40, currentThread: 0, interpreterNext: 0, threadsHead: 72 },
      ...{ threadNext: 8, threadInterpreter: 16, threadFrame: 56, threadId: 136, threadStatus: 24 },
      ...{ hasCframe: 1, cframeFrame: 0, cframePrevious: 8 },
      ...{ frameStart: 0, framePrevious: 8, frameCode: 0, frameInstruction: 56, lastiUnit: 0 },
      ...{ frameOwner: 70, ownerShim: 3 }, // FRAME_OWNED_BY_CSTACK
      ...{ codeSize: 16, codeFlags: 48, codeFirstLine: 68, codeFilename: 112 },
      ...{ codeName: 120, codeQualifiedName: 128, codeLineTable: 136, codeInstructions: 192, codeFirstTraceable: 176 },
    },
  ],
]);
