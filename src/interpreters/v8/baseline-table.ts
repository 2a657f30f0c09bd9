import type { HeapLayout } from "./heap-layout.js";
import { VlqReader } from "./position-table.js";

/** Prefixes: the operands of what follows are two or four times as wide (V8's bytecodes.h: Wide, ExtraWide, and their DebugBreak). */
const PREFIX_SCALE: readonly (number | undefined)[] = [1, 2, 1, 2];

/** Where each bytecode's machine code begins. */
export interface BytecodeStarts {
  readonly bytecodeOffsets: Uint32Array;
  readonly pcs: Uint32Array;
}

/**
 * Machine code of baseline code by bytecode: its table has of the prologue and of each bytecode how long its code is (V8's
 * bytecode-offset-iterator.h). Undefined where the table and the bytecodes do not belong together.
 */
export function readBaselineTable(
  table: Uint8Array,
  bytecodes: Uint8Array,
  { bytecodeSizes }: HeapLayout,
): BytecodeStarts | undefined {
  const reader = new VlqReader(table);
  const bytecodeOffsets: number[] = [];
  const pcs: number[] = [];
  let pc = reader.unsigned() ?? NaN;
  let offset = 0;
  while (!reader.isAtEnd) {
    const size = sizeOfBytecode(bytecodes, offset, bytecodeSizes);
    const length = reader.unsigned();
    if (size === undefined || length === undefined || !(pc <= 0xffff_ffff)) return undefined;
    bytecodeOffsets.push(offset);
    pcs.push(pc);
    pc += length;
    offset += size;
  }
  return { bytecodeOffsets: Uint32Array.from(bytecodeOffsets), pcs: Uint32Array.from(pcs) };
}

/** Bytes of a bytecode with its operands and its prefix; undefined where there is none. */
function sizeOfBytecode(bytecodes: Uint8Array, offset: number, sizes: HeapLayout["bytecodeSizes"]): number | undefined {
  if (offset >= bytecodes.length) return undefined;
  const scale = PREFIX_SCALE.at(bytecodes[offset]);
  const isPrefix = bytecodes[offset] < PREFIX_SCALE.length && scale !== undefined;
  const bytecode = bytecodes[offset + (isPrefix ? 1 : 0)];
  const digit = sizes[isPrefix ? scale : 0][bytecode] as string | undefined;
  if (digit === undefined) return undefined;
  return parseInt(digit, 36) + (isPrefix ? 1 : 0);
}
