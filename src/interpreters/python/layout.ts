import { limits, pythonLayoutLayout as at } from "../../native/abi.generated.js";
import type { PythonOffsets } from "./offsets.js";

/** Where a file has what, by ELF address. */
export interface PythonSymbols {
  /** _PyRuntime. */
  readonly runtime: number;
  /** PyCode_Type. */
  readonly codeType: number;
}

/** struct abi_python_layout; undefined where a field that is copied lies beyond what is copied of its structure. */
export function encodeLayout(
  { runtime, codeType }: PythonSymbols,
  minor: number,
  offsets: PythonOffsets,
): Uint8Array | undefined {
  const { framePrevious, frameCode, frameInstruction, frameOwner } = offsets;
  if (Math.max(framePrevious, frameCode, frameInstruction, frameOwner) + 8 > limits.pythonFrameBytes) return undefined;
  const { type, codeSize, codeFlags, codeFirstLine, codeFilename, codeName, codeQualifiedName, codeLineTable } = offsets;
  const furthest = Math.max(type, codeSize, codeFlags, codeFirstLine, codeFilename, codeName, codeQualifiedName);
  if (Math.max(furthest, codeLineTable) + 8 > limits.pythonCodeBytes) return undefined;
  const bytes = new Uint8Array(at.sizeOf);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(at.runtime, BigInt(runtime), true);
  view.setBigUint64(at.codeType, BigInt(codeType), true);
  view.setUint32(at.minor, minor, true);
  for (const [field, value] of Object.entries(offsets) as [keyof PythonOffsets, number][]) {
    view.setUint32(at[field], value, true);
  }
  return bytes;
}
