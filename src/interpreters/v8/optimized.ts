import { readByteArray } from "./byte-array.js";
import type { CodeDraft } from "./code-draft.js";
import { type CodePlace, type CodePlaces, CodePlacesBuilder } from "./code-places.js";
import { readFunction, readHead, type FunctionHead, type ReadFunction } from "./function-reader.js";
import type { Heap, HeapObject } from "./heap.js";
import type { HeapLayout } from "./heap-layout.js";
import { decodePosition, readPositionTable } from "./position-table.js";
import { placeIn } from "./v8-function.js";

/** FixedArray and WeakFixedArray. */
const ARRAY_LENGTH = 8;
const ARRAY_BODY = 16;
/** The first of DeoptimizationData's, behind which its entries come. */
const DEOPTIMIZATION_BYTES = ARRAY_BODY + 9 * 8;
const CODE_BYTES = 64;
const KIND_MASK = 15;
/** SharedFunctionInfoWrapper. */
const WRAPPED = 8;
/** An InliningPosition: a SourcePosition, then which literal was inlined there, in a word. */
const INLINING_BYTES = 16;
/** TurboFan inlines no more than some tens (max_inlined_bytecode_size_cumulative). */
const MAX_INLINED = 512;
/** Functions one in another. */
const MAX_DEPTH = 64;

/** Optimized code, and whose it is. */
export interface OptimizedHead {
  readonly code: HeapObject;
  readonly size: number;
  readonly data: HeapObject;
  /** What was compiled. */
  readonly head: FunctionHead;
}

/** Undefined where no optimized code is. */
export async function readOptimizedHead(
  heap: Heap,
  layout: HeapLayout,
  address: number,
): Promise<OptimizedHead | undefined> {
  const { types, code: at, deoptimizationData } = layout;
  const code = await heap.object(address, CODE_BYTES);
  const size = code?.u32(at.instructionSize);
  if (code?.type !== types.code || size === undefined) return undefined;
  const kind = (code.u32(at.flags) ?? 0) & KIND_MASK;
  if (kind !== at.kinds.maglev && kind !== at.kinds.turbofan) return undefined;
  const data = await heap.object(code.pointer(at.deoptimizationData), DEOPTIMIZATION_BYTES);
  if (data === undefined || !types.fixedArrays.includes(data.type)) return undefined;
  let function_ = data.pointer(element(deoptimizationData.sharedFunctionInfo));
  if (types.sharedFunctionInfoWrapper >= 0) {
    const wrapper = await heap.object(function_, WRAPPED + 8);
    if (wrapper?.type !== types.sharedFunctionInfoWrapper) return undefined;
    function_ = wrapper.pointer(WRAPPED);
  }
  const head = await readHead(heap, layout, function_);
  return head && { code, size, data, head };
}

/** Whether it is the same still. */
export async function isUnmovedCode(heap: Heap, layout: HeapLayout, before: OptimizedHead): Promise<boolean> {
  const { code: at } = layout;
  const now = await heap.object(before.code.address, CODE_BYTES);
  return (
    now?.address === before.code.address &&
    now.type === before.code.type &&
    now.u32(at.instructionSize) === before.size &&
    now.pointer(at.deoptimizationData) === before.code.pointer(at.deoptimizationData) &&
    now.pointer(at.positionTable) === before.code.pointer(at.positionTable)
  );
}

/** Lines of it, and what was inlined where; undefined where not all of what was inlined can be read. */
export async function readOptimized(
  draft: CodeDraft,
  { code, data }: OptimizedHead,
  whole: ReadFunction,
): Promise<CodePlaces | undefined> {
  const { heap, layout } = draft;
  const builder = new CodePlacesBuilder(whole.its);
  const bytes = await readByteArray(heap, layout, code.pointer(layout.code.positionTable));
  const table = bytes && readPositionTable(bytes, layout.positionFlags);
  if (table === undefined || table.offsets.length === 0) return builder.build();
  const { literals, inliningPositions } = layout.deoptimizationData;
  const inlinings = new Inlinings(
    draft,
    whole,
    (await readByteArray(heap, layout, data.pointer(element(inliningPositions)))) ?? Buffer.alloc(0),
    await heap.object(data.pointer(element(literals)), ARRAY_BODY + 8 * 16),
  );
  const known = new Map<string, number>();
  const { offsets, characters } = table;
  for (let entry = 0; entry < offsets.length; entry++) {
    const key = `${table.inlinings[entry]} ${characters[entry]}`;
    let chain = known.get(key);
    if (chain === undefined) {
      const places = await inlinings.chain(characters[entry], table.inlinings[entry]);
      if (places === undefined) return undefined;
      chain = builder.chain(places);
      known.set(key, chain);
    }
    builder.from(offsets[entry], chain);
  }
  return builder.build();
}

function element(index: number): number {
  return ARRAY_BODY + 8 * index;
}

/** Functions that were inlined in one piece of code, and where. */
class Inlinings {
  private readonly functions = new Map<number, ReadFunction>();

  constructor(
    private readonly draft: CodeDraft,
    private readonly whole: ReadFunction,
    private readonly positions: Buffer,
    private readonly literals: HeapObject | undefined,
  ) {}

  /** From the innermost outward, as V8's SourcePosition::InliningStack has it. */
  async chain(character: number, inlining: number): Promise<CodePlace[] | undefined> {
    const places: CodePlace[] = [];
    let at = { character, inlining };
    while (at.inlining >= 0) {
      const offset = at.inlining * INLINING_BYTES;
      if (offset + INLINING_BYTES > this.positions.length || places.length >= MAX_DEPTH) return undefined;
      const inlined = await this.function(this.positions.readInt32LE(offset + 8));
      if (inlined === undefined) return undefined;
      places.push(placeOf(inlined, at.character));
      const raw = this.positions.readUInt32LE(offset) + this.positions.readUInt32LE(offset + 4) * 2 ** 32;
      at = decodePosition(raw);
    }
    places.push(placeOf(this.whole, at.character));
    return places;
  }

  private async function(literal: number): Promise<ReadFunction | undefined> {
    if (literal < 0) return this.whole;
    const known = this.functions.get(literal);
    if (known !== undefined) return known;
    const { heap, layout } = this.draft;
    const { literals } = this;
    const length = literals?.smi(ARRAY_LENGTH) ?? 0;
    if (literals === undefined || !layout.types.fixedArrays.includes(literals.type)) return undefined;
    if (literal >= length || literal >= MAX_INLINED) return undefined;
    let address = literals.pointer(element(literal));
    if (!literals.has(element(literal))) {
      const word = await heap.bytes(literals.address + element(literal), 8);
      address = word && literals.with(word).pointer(0);
    }
    const head = await readHead(heap, layout, address);
    const its = head && (await readFunction(this.draft, head));
    if (its !== undefined) this.functions.set(literal, its);
    return its;
  }
}

function placeOf({ its, script }: ReadFunction, character: number): CodePlace {
  const place = script === undefined ? { line: 0, column: 0 } : placeIn(script, character);
  return { function: its, ...place };
}
