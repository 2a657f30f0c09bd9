import { readBaselineTable } from "./baseline-table.js";
import { readBody, readByteArray } from "./byte-array.js";
import { type CodePlaces, CodePlacesBuilder } from "./code-places.js";
import type { ReadFunction } from "./function-reader.js";
import type { Heap, HeapObject } from "./heap.js";
import type { HeapLayout } from "./heap-layout.js";
import { readPositionTable } from "./position-table.js";
import { placeIn } from "./v8-function.js";

/** FixedArrayBase's length. */
const BYTECODE_LENGTH = 8;
const BYTECODE_HEAD_BYTES = 72;
/** InterpreterData: bytecodes of a function that a profiler can see. */
const INTERPRETER_DATA_BYTECODES = 8;
const KIND_MASK = 15;

/**
 * Lines of interpreted or baseline code, by bytecode offset or instruction. Code whose positions V8 has not collected (it does when an
 * error first wants a stack trace, or when it optimizes) has its function's own.
 */
export async function readUnoptimized(
  heap: Heap,
  layout: HeapLayout,
  { its, script }: ReadFunction,
  functionData: number | undefined,
  isBaseline: boolean,
): Promise<CodePlaces> {
  const builder = new CodePlacesBuilder(its);
  const code = await codeAt(heap, layout, functionData);
  const bytes = await readByteArray(heap, layout, code?.bytecodes.pointer(layout.bytecodeArray.sourcePositions));
  const table = bytes && readPositionTable(bytes, layout.positionFlags);
  if (code === undefined || table === undefined || script === undefined) return builder.build();
  const starts = isBaseline ? await baselineStarts(heap, layout, code) : undefined;
  if (isBaseline && starts === undefined) return builder.build();
  const { offsets, characters } = table;
  let row = 0;
  for (let entry = 0; entry < offsets.length; entry++) {
    let offset = offsets[entry];
    if (starts !== undefined) {
      const { bytecodeOffsets, pcs } = starts;
      while (row < bytecodeOffsets.length && bytecodeOffsets[row] < offset) row++;
      if (row >= bytecodeOffsets.length) break;
      offset = pcs[row];
    }
    builder.from(offset, builder.chain([{ function: its, ...placeIn(script, characters[entry]) }]));
  }
  return builder.build();
}

interface UnoptimizedCode {
  readonly bytecodes: HeapObject;
  /** Baseline code, where there is. */
  readonly baseline: HeapObject | undefined;
}

async function codeAt(
  heap: Heap,
  layout: HeapLayout,
  address: number | undefined,
): Promise<UnoptimizedCode | undefined> {
  const { types, code } = layout;
  const data = await heap.object(address, BYTECODE_HEAD_BYTES);
  if (data?.type !== types.code) {
    const bytecodes = await bytecodesAt(heap, layout, address);
    return bytecodes && { bytecodes, baseline: undefined };
  }
  if (((data.u32(code.flags) ?? 0) & KIND_MASK) !== code.kinds.baseline) return undefined;
  const bytecodes = await bytecodesAt(heap, layout, data.pointer(code.deoptimizationData));
  return bytecodes && { bytecodes, baseline: data };
}

async function bytecodesAt(
  heap: Heap,
  layout: HeapLayout,
  address: number | undefined,
): Promise<HeapObject | undefined> {
  const { types } = layout;
  let object = await heap.object(address, BYTECODE_HEAD_BYTES);
  if (object?.type === types.interpreterData) {
    object = await heap.object(object.pointer(INTERPRETER_DATA_BYTECODES), BYTECODE_HEAD_BYTES);
  }
  return object?.type === types.bytecodeArray ? object : undefined;
}

async function baselineStarts(
  heap: Heap,
  layout: HeapLayout,
  { bytecodes, baseline }: UnoptimizedCode,
): Promise<ReturnType<typeof readBaselineTable>> {
  const table = await readByteArray(heap, layout, baseline?.pointer(layout.code.positionTable));
  const length = bytecodes.smi(BYTECODE_LENGTH);
  const body = await readBody(heap, bytecodes, length, layout.bytecodeArray.bytecodes);
  return table && body && readBaselineTable(table, body, layout);
}
