import type { Exports } from "../../elf/exports.js";
import { type ElfFile, toFileOffset } from "../../elf/elf-file.js";

/** As v8::V8::GetVersion says it: 13.6.233.17. */
export interface V8Version {
  readonly major: number;
  readonly minor: number;
  readonly build: number;
  readonly patch: number;
}

/**
 * Where V8's objects have what, in bytes from the beginning of the object (its address without the tag), 64-bit builds without
 * pointer compression. The names are those of V8's own classes. Where a field is V8's own export (postmortem metadata,
 * tools/gen-postmortem-metadata.py: v8dbg_class_CLASS__FIELD__TYPE) that is believed before the table.
 */
export interface V8Layout {
  readonly version: V8Version;
  /** src/objects/js-function.h */
  readonly jsFunction: {
    readonly shared: number;
    readonly feedbackCell: number;
    /** The Code; undefined where the function has a {@link dispatchHandle} in its place (from 13.x on). */
    readonly code: number | undefined;
    /** u32 whose upper 24 bits are an index of the JSDispatchTable (src/sandbox/js-dispatch-table.h), entries of 16 bytes. */
    readonly dispatchHandle: number | undefined;
  };
  /** src/objects/shared-function-info.h */
  readonly shared: {
    /** Tagged: BytecodeArray, baseline Code, InterpreterData, UncompiledData, … */
    readonly functionData: number;
    readonly nameOrScopeInfo: number;
    /** A Script, a DebugInfo, or undefined. */
    readonly script: number;
    /** i32 */
    readonly functionLiteralId: number;
    readonly flags: number;
  };
  /** src/objects/script.h. lineOffset, columnOffset and id are Smis. */
  readonly script: {
    readonly source: number;
    readonly name: number;
    readonly lineOffset: number;
    readonly columnOffset: number;
    readonly lineEnds: number;
    readonly id: number;
  };
  /** src/objects/code.h. Before 11.x the instructions follow the object itself. */
  readonly code: {
    /** A pointer to the instructions; undefined where they lie in the object. */
    readonly instructionStart: number | undefined;
    /** Where in the object the instructions begin; undefined where a pointer tells. */
    readonly instructions: number | undefined;
    /** u32 */
    readonly instructionSize: number;
    /** u32, whose low bits are the kind. */
    readonly flags: number;
    /** DeoptimizationData of optimised code; the BytecodeArray (or InterpreterData) of baseline code. */
    readonly deoptimizationData: number;
    /** ByteArray: source positions; of baseline code its bytecode offset table. */
    readonly positions: number;
    /** Bytes from the beginning of optimised code to `push rbp`: before it, code may look whether it is still valid. */
    readonly push: number;
  };
  /** StackFrame::Type (src/execution/frames.h). */
  readonly frames: {
    readonly stub: number;
  };
  /** CodeKind (src/objects/code-kind.h). */
  readonly kinds: {
    readonly mask: number;
    readonly interpreted: number;
    readonly baseline: number;
    readonly maglev: number;
    readonly turbofan: number;
  };
  readonly bytecodeArray: {
    /** Smi */
    readonly length: number;
    /** First bytecode. A frame's offset counts from one byte before the object, as the tagged pointer does. */
    readonly data: number;
  };
  /** src/objects/feedback-vector.h */
  readonly feedbackVector: {
    /** i32 */
    readonly length: number;
    readonly slots: number;
  };
  /** InstanceType, u16 of a Map at {@link MAP_INSTANCE_TYPE} (src/objects/instance-type.h). */
  readonly types: {
    readonly sharedFunctionInfo: number;
    readonly script: number;
    readonly bytecodeArray: number;
    readonly code: number;
    readonly feedbackVector: number;
  };
}

/** Of every version: src/objects/map.h, src/objects/objects.h, src/execution/frame-constants.h. */
export const MAP_INSTANCE_TYPE = 12;
export const FEEDBACK_CELL_VALUE = 8;

type Row = Omit<V8Layout, "version">;
type Types = Row["types"];

const SCRIPT = { source: 8, name: 16, lineOffset: 24, columnOffset: 32, lineEnds: 56, id: 64 };

function kinds(interpreted: number): Row["kinds"] {
  const baseline = interpreted + 1;
  return { mask: 15, interpreted, baseline, maglev: baseline + 1, turbofan: baseline + 2 };
}

function types(values: readonly [number, number, number, number, number]): Types {
  const [sharedFunctionInfo, script, bytecodeArray, code, feedbackVector] = values;
  return { sharedFunctionInfo, script, bytecodeArray, code, feedbackVector };
}

const EARLY_SHARED = { functionData: 8, nameOrScopeInfo: 16, script: 32, flags: 48, functionLiteralId: 52 };
const LATE_SHARED = { functionData: 8, nameOrScopeInfo: 24, script: 40, flags: 56, functionLiteralId: 60 };
const EARLY_FUNCTION = { shared: 24, feedbackCell: 40, code: 48, dispatchHandle: undefined };
const LATE_FUNCTION = { shared: 32, feedbackCell: 48, code: undefined, dispatchHandle: 24 };
const LATE_CODE = {
  ...{ instructionStart: 40, instructions: undefined, instructionSize: 56, flags: 52 },
  ...{ deoptimizationData: 8, positions: 16, push: 0 },
};
const VECTOR = { length: 8, slots: 48 };

/** Of Node.js 18, 20, 22, 24, 25 and 26. Looked at in their official binaries with %DebugPrint and their v8dbg symbols. */
const ROWS: readonly { readonly major: number; readonly minor: number; readonly row: Row }[] = [
  {
    major: 10,
    minor: 2,
    row: {
      ...{ jsFunction: EARLY_FUNCTION, shared: EARLY_SHARED, script: SCRIPT, kinds: kinds(10) },
      code: {
        ...{ instructionStart: undefined, instructions: 128, instructionSize: 40, flags: 48 },
        ...{ deoptimizationData: 16, positions: 24, push: 15 },
      },
      ...{ bytecodeArray: { length: 8, data: 56 }, feedbackVector: VECTOR, frames: { stub: 15 } },
      types: types([257, 170, 195, 240, 245]),
    },
  },
  {
    major: 11,
    minor: 3,
    row: {
      ...{ jsFunction: EARLY_FUNCTION, shared: EARLY_SHARED, script: SCRIPT, kinds: kinds(10) },
      code: {
        ...{ instructionStart: 40, instructions: undefined, instructionSize: 56, flags: 48 },
        ...{ deoptimizationData: 16, positions: 24, push: 14 },
      },
      ...{ bytecodeArray: { length: 8, data: 54 }, feedbackVector: VECTOR, frames: { stub: 17 } },
      types: types([262, 167, 191, 245, 249]),
    },
  },
  {
    major: 12,
    minor: 4,
    row: {
      jsFunction: { shared: 32, feedbackCell: 48, code: 24, dispatchHandle: undefined },
      ...{ shared: EARLY_SHARED, script: SCRIPT, kinds: kinds(9) },
      code: {
        ...{ instructionStart: 40, instructions: undefined, instructionSize: 52, flags: 48 },
        ...{ deoptimizationData: 8, positions: 16, push: 14 },
      },
      ...{ bytecodeArray: { length: 8, data: 64 }, feedbackVector: VECTOR, frames: { stub: 17 } },
      types: types([274, 167, 205, 206, 258]),
    },
  },
  {
    major: 13,
    minor: 6,
    row: {
      ...{ jsFunction: LATE_FUNCTION, shared: LATE_SHARED, script: SCRIPT, kinds: kinds(9), code: LATE_CODE },
      ...{ bytecodeArray: { length: 8, data: 64 }, feedbackVector: VECTOR, frames: { stub: 18 } },
      types: types([282, 167, 186, 187, 266]),
    },
  },
  {
    major: 14,
    minor: 1,
    row: {
      ...{ jsFunction: LATE_FUNCTION, shared: LATE_SHARED, script: SCRIPT, kinds: kinds(9), code: LATE_CODE },
      ...{ bytecodeArray: { length: 8, data: 64 }, feedbackVector: VECTOR, frames: { stub: 18 } },
      types: types([286, 165, 184, 185, 269]),
    },
  },
  {
    major: 14,
    minor: 6,
    row: {
      ...{ jsFunction: LATE_FUNCTION, shared: LATE_SHARED, script: SCRIPT, kinds: kinds(10), code: LATE_CODE },
      ...{ bytecodeArray: { length: 8, data: 64 }, feedbackVector: VECTOR, frames: { stub: 8 } },
      types: types([288, 166, 185, 186, 271]),
    },
  },
];

/** The layout of a version; undefined where nobody has looked at it. A version is its major and minor: patches do not move fields. */
export function layoutOf(version: V8Version): V8Layout | undefined {
  const found = ROWS.find(({ major, minor }) => major === version.major && minor === version.minor);
  return found && { version, ...found.row };
}

/** "13.6.233.17", as FoundInterpreter.version has it; undefined for anything else. */
export function parseV8Version(text: string): V8Version | undefined {
  const parts = /^(\d{1,4})\.(\d{1,4})\.(\d{1,5})\.(\d{1,5})$/.exec(text)?.slice(1).map(Number);
  return parts && { major: parts[0], minor: parts[1], build: parts[2], patch: parts[3] };
}

/** What V8 says of itself and the table must agree with, by v8dbg symbol. */
function claims(layout: V8Layout): (readonly [string, number | undefined])[] {
  const { jsFunction, shared, code, bytecodeArray, kinds: kind, types: type } = layout;
  return [
    ["SmiShiftSize", 31],
    ["TaggedSize", 8],
    ["off_fp_function", -16],
    ["off_fp_bytecode_array", -32],
    ["off_fp_bytecode_offset", -40],
    ["class_JSFunction__shared__SharedFunctionInfo", jsFunction.shared],
    ["class_JSFunction__code__CodeT", jsFunction.code],
    ["class_JSFunction__code__Tagged_Code_", jsFunction.code],
    ["class_JSFunction__raw_feedback_cell__FeedbackCell", jsFunction.feedbackCell],
    ["class_JSFunction__raw_feedback_cell__Tagged_FeedbackCell_", jsFunction.feedbackCell],
    ["class_SharedFunctionInfo__function_data__Object", shared.functionData],
    ["class_SharedFunctionInfo__script_or_debug_info__HeapObject", shared.script],
    ["class_SharedFunctionInfo__raw_script__Tagged_Object_", shared.script],
    ["class_SharedFunctionInfo__flags__int", shared.flags],
    ["class_Code__instruction_start__Address", code.instructionStart],
    ["class_Code__instruction_start__uintptr_t", code.instructions],
    ["class_Code__instruction_size__int", code.instructionSize],
    ["class_Code__flags__uint32_t", code.flags],
    ["class_BytecodeArray__data__uintptr_t", bytecodeArray.data],
    ["frametype_StubFrame", layout.frames.stub],
    ["CodeKindFieldMask", kind.mask],
    ["CodeKindInterpretedFunction", kind.interpreted],
    ["CodeKindBaseline", kind.baseline],
    ["type_SharedFunctionInfo__SHARED_FUNCTION_INFO_TYPE", type.sharedFunctionInfo],
    ["type_Script__SCRIPT_TYPE", type.script],
    ["type_BytecodeArray__BYTECODE_ARRAY_TYPE", type.bytecodeArray],
    ["type_Code__CODE_TYPE", type.code],
    ["type_FeedbackVector__FEEDBACK_VECTOR_TYPE", type.feedbackVector],
  ];
}

/**
 * What the file's own metadata contradicts the layout in, a clause; undefined where nothing does. A build with other options (pointer
 * compression, a debug build) has the version of another and not its layout.
 */
export function contradiction(elf: ElfFile, exports: Exports, layout: V8Layout): string | undefined {
  for (const [name, expected] of claims(layout)) {
    const at = exports.find(`v8dbg_${name}`)?.elfAddress;
    const offset = at === undefined ? undefined : toFileOffset(elf, at);
    if (offset === undefined) continue; // not every version exports each, and some builds none
    const value = elf.source.read(offset, 4)?.readInt32LE(0);
    if (value !== undefined && value !== expected) return `${name} is ${value}`;
  }
  return undefined;
}
