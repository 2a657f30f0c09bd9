import type { Heap, HeapObject } from "./heap.js";
import type { HeapLayout } from "./heap-layout.js";

/** Bits of ScopeInfo's flags (scope-info.tq): alike from V8 10.2 to 14.6. */
const SCOPE_TYPE = 15;
const SAVED_CLASS_VARIABLE = 1 << 10;
const FUNCTION_VARIABLE = 3 << 12;
const INFERRED_NAME = 1 << 14;

const FLAGS = 8;
const LOCAL_COUNT = 24;
/** As many locals have their names in line, more are in a table beside (kScopeInfoMaxInlinedLocalNamesSize). */
const MAX_INLINE_NAMES = 75;
const MAX_LOCALS = 1 << 16;
const HEAD_BYTES = 256;
/** What is read where the locals are many: name, its slot, inferred name, positions. */
const TAIL_BYTES = 48;

/** What a ScopeInfo tells of its function. */
export interface ScopeFacts {
  /** Addresses of strings; undefined where it has none. */
  readonly name: number | undefined;
  readonly inferredName: number | undefined;
  /** Character of the script where its parameters begin; -1 where it does not say. */
  readonly start: number;
}

export function isScopeInfo(object: HeapObject | undefined, { types }: HeapLayout): boolean {
  return object?.type === types.scopeInfo;
}

/** Reads a ScopeInfo; undefined where none is. */
export async function readScopeInfo(
  heap: Heap,
  layout: HeapLayout,
  address: number | undefined,
): Promise<ScopeFacts | undefined> {
  const { scopeInfo } = layout;
  const info = await heap.object(address, HEAD_BYTES);
  if (info === undefined || !isScopeInfo(info, layout)) return undefined;
  const flags = scopeInfo.smiFlags ? info.smi(FLAGS) : info.u32(FLAGS);
  const locals = info.smi(LOCAL_COUNT);
  if (flags === undefined || locals === undefined || locals < 0 || locals > MAX_LOCALS) return undefined;
  const names = locals < MAX_INLINE_NAMES ? locals : 1;
  const isModule = (flags & SCOPE_TYPE) === scopeInfo.moduleScope;
  const extra = (isModule ? 1 : 0) + ((flags & SAVED_CLASS_VARIABLE) === 0 ? 0 : 1);
  const skipped = scopeInfo.variable + 8 * (names + locals + extra);
  const tail = await tailAt(heap, info, skipped);
  if (tail === undefined) return undefined;
  let at = tail.offset;
  const { object } = tail;
  let name: number | undefined;
  if ((flags & FUNCTION_VARIABLE) !== 0) {
    name = object.pointer(at);
    at += 16;
  }
  let inferredName: number | undefined;
  if ((flags & INFERRED_NAME) !== 0) {
    inferredName = object.pointer(at);
    at += 8;
  }
  // V8 10 has a module's count of variables behind its positions, not before: then what follows one of them is no position.
  if (isModule && object.smi(at + 8) === undefined) at -= 8;
  const start = scopeInfo.positions === 0 ? object.smi(at) : info.smi(scopeInfo.positions);
  return { name, inferredName, start: start ?? -1 };
}

async function tailAt(
  heap: Heap,
  info: HeapObject,
  offset: number,
): Promise<{ readonly object: HeapObject; readonly offset: number } | undefined> {
  if (info.has(offset, TAIL_BYTES)) return { object: info, offset };
  const bytes = await heap.bytes(info.address + offset, TAIL_BYTES);
  return bytes && { object: info.with(bytes), offset: 0 };
}
