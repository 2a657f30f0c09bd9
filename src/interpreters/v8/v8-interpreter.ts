import { type ElfFile, toFileOffset } from "../../elf/elf-file.js";
import { frameKind, v8CodePieceLayout, v8LayoutLayout } from "../../native/abi.generated.js";
import { encodeInterpreter } from "../code-range.js";
import type { CandidateFile, Interpreter, InterpreterFinding } from "../interpreter.js";
import { findBuiltins, type Builtins, type Piece } from "./builtins.js";
import { contradiction, layoutOf, parseV8Version, type V8Layout } from "./layout.js";
import { findV8Version } from "./v8-version.js";

/** v8::V8::GetVersion(), which addons may call: every node exports it, and so does libnode. */
const EXPORTED = "_ZN2v82V810GetVersionEv";

/** V8 as Node.js has it: without pointer compression. */
export const V8_INTERPRETER: Interpreter = {
  name: "v8",
  detect({ elf, exports }: CandidateFile): InterpreterFinding | undefined {
    if (exports.find(EXPORTED) === undefined) return undefined;
    const text = findV8Version(elf);
    const version = text === undefined ? undefined : parseV8Version(text);
    if (text === undefined || version === undefined) return problem("not as Node.js builds it");
    const layout = layoutOf(version);
    if (layout === undefined) return problem(`${text}: unknown layout`);
    const contradicted = contradiction(elf, exports, layout);
    if (contradicted !== undefined) return problem(`${text}: unknown layout: ${contradicted}`);
    const builtins = findBuiltins(elf);
    if (builtins === undefined) return problem(`${text}: its builtins were not found`);
    if (layout.jsFunction.code === undefined && builtins.dispatchTable === undefined) {
      return problem(`${text}: its dispatch table was not found`);
    }
    const encoded = encodeLayout(elf, layout, builtins);
    const bytes = encoded && encodeInterpreter(elf, frameKind.v8, [], encoded);
    const from = toFileOffset(elf, builtins.elfAddress);
    return bytes === undefined || from === undefined
      ? problem(`${text}: its builtins lie outside of its code`)
      : { name: "v8", version: text, bytes, walkedCode: { from, limit: from + builtins.size } };
  },
};

function problem(clause: string): InterpreterFinding {
  return { name: "v8", problem: `v8 ${clause}` };
}

/** struct abi_v8_layout; undefined where the builtins lie in no part of the file. */
export function encodeLayout(elf: ElfFile, layout: V8Layout, builtins: Builtins): Uint8Array | undefined {
  const { jsFunction, shared, script, code, kinds, bytecodeArray, feedbackVector, types } = layout;
  const { entries, dispatchTable } = builtins;
  const at = v8LayoutLayout;
  const bytes = new Uint8Array(at.sizeOf);
  const view = new DataView(bytes.buffer);
  const pieces: readonly (readonly [number, Piece])[] = [
    [at.builtins, builtins],
    ...entries.map((entry, row) => [at.entries + row * v8CodePieceLayout.sizeOf, entry] as const),
  ];
  for (const [offset, { elfAddress, size }] of pieces) {
    const start = toFileOffset(elf, elfAddress);
    if (start === undefined) return undefined;
    view.setBigUint64(offset + v8CodePieceLayout.start, BigInt(start), true);
    view.setBigUint64(offset + v8CodePieceLayout.size, BigInt(size), true);
  }
  const words: readonly (readonly [number, number | undefined])[] = [
    [at.functionShared, jsFunction.shared],
    [at.functionCode, jsFunction.code],
    [at.functionDispatch, jsFunction.dispatchHandle],
    [at.functionFeedbackCell, jsFunction.feedbackCell],
    [at.sharedData, shared.functionData],
    [at.sharedScript, shared.script],
    [at.sharedLiteralId, shared.functionLiteralId],
    [at.scriptId, script.id],
    [at.codeStart, code.instructionStart],
    [at.codeInstructions, code.instructions],
    [at.codeSize, code.instructionSize],
    [at.codeFlags, code.flags],
    [at.bytecodeData, bytecodeArray.data],
    [at.vectorLength, feedbackVector.length],
    [at.vectorSlots, feedbackVector.slots],
    [at.typeShared, types.sharedFunctionInfo],
    [at.typeScript, types.script],
    [at.typeBytecode, types.bytecodeArray],
    [at.typeCode, types.code],
    [at.typeVector, types.feedbackVector],
  ];
  for (const [offset, value] of words) view.setUint16(offset, value ?? 0, true);
  const [entry] = entries;
  const small: readonly (readonly [number, number])[] = [
    [at.kindMask, kinds.mask],
    [at.kindBaseline, kinds.baseline],
    [at.kindMaglev, kinds.maglev],
    [at.kindTurbofan, kinds.turbofan],
    [at.markerStub, layout.frames.stub],
    [at.entryPush, entry.push],
    [at.entryBuilt, entry.built],
    [at.codePush, code.push],
    // The kernel side reads these objects at once, and no further: behind the last one of a heap there may be nothing.
    [at.sharedBytes, endOf([shared.functionData, shared.script], [shared.functionLiteralId])],
    [at.codeBytes, endOf([code.instructionStart ?? 0], [code.instructionSize, code.flags])],
  ];
  for (const [offset, value] of small) view.setUint8(offset, value);
  view.setUint32(at.dispatchTable, dispatchTable ?? 0, true);
  return bytes;
}

/** Bytes from an object's beginning to the end of the last of these fields: words, and half words. */
function endOf(words: readonly number[], halves: readonly number[]): number {
  return Math.max(...words.map((offset) => offset + 8), ...halves.map((offset) => offset + 4));
}
