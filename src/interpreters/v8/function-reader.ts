import type { CodeDraft } from "./code-draft.js";
import type { Heap, HeapObject } from "./heap.js";
import type { HeapLayout } from "./heap-layout.js";
import { isString, readString } from "./heap-string.js";
import { readScopeInfo } from "./scope-info.js";
import { isSameScript, readScript, scriptAt, scriptIdOf } from "./script.js";
import { placeIn, type V8Function, type V8Script } from "./v8-function.js";

const HEAD_BYTES = 72;
/** UncompiledData: what is left of a function whose bytecode was thrown away. */
const INFERRED_NAME = 8;
const START_POSITION = 16;
const UNCOMPILED_BYTES = 24;
/** Of a name, what is shown. */
const MAX_NAME = 512;

/** A SharedFunctionInfo and its Script, as they were at one moment. */
export interface FunctionHead {
  readonly info: HeapObject;
  readonly script: HeapObject | undefined;
  readonly scriptId: number;
  readonly functionLiteralId: number;
}

/** Undefined where none is. */
export async function readHead(
  heap: Heap,
  layout: HeapLayout,
  address: number | undefined,
): Promise<FunctionHead | undefined> {
  const { sharedFunctionInfo, types } = layout;
  const info = await heap.object(address, HEAD_BYTES);
  const functionLiteralId = info?.i32(sharedFunctionInfo.functionLiteralId);
  if (info?.type !== types.sharedFunctionInfo || functionLiteralId === undefined) return undefined;
  const script = await scriptAt(heap, layout, info.pointer(sharedFunctionInfo.script));
  return { info, script, scriptId: scriptIdOf(script), functionLiteralId };
}

/** Whether nothing that matters here has moved since; what was read in between then belongs together. */
export async function isUnmoved(heap: Heap, layout: HeapLayout, before: FunctionHead): Promise<boolean> {
  const { sharedFunctionInfo } = layout;
  const now = await readHead(heap, layout, before.info.address);
  return (
    now?.info.address === before.info.address &&
    now.scriptId === before.scriptId &&
    now.functionLiteralId === before.functionLiteralId &&
    now.info.pointer(sharedFunctionInfo.nameOrScopeInfo) === before.info.pointer(sharedFunctionInfo.nameOrScopeInfo) &&
    (before.script === undefined ? now.script === undefined : isSameScript(before.script, now.script))
  );
}

/** A function with the script that its lines are of. */
export interface ReadFunction {
  readonly its: V8Function;
  /** Undefined where it has none. */
  readonly script: V8Script | undefined;
}

/** Its name and place, to be believed when the draft is; undefined where they cannot be read. */
export async function readFunction(draft: CodeDraft, head: FunctionHead): Promise<ReadFunction | undefined> {
  const { heap, layout } = draft;
  const { scriptId, functionLiteralId } = head;
  draft.holdsIf(() => isUnmoved(heap, layout, head));
  const script = await scriptOf(draft, head);
  if (script === undefined && head.script !== undefined) return undefined;
  const known = script && draft.function(scriptId, functionLiteralId);
  if (known !== undefined) return { its: known, script };
  const name = await readName(heap, layout, head.info);
  if (name === undefined) return undefined;
  const place = script === undefined ? { line: 0, column: 0 } : placeIn(script, name.start);
  const its = { ...place, name: name.text, script: script?.name ?? "", scriptCharacters: script?.characters ?? -1 };
  if (script !== undefined) draft.learn(functionLiteralId, its, script);
  return { its, script };
}

async function scriptOf(draft: CodeDraft, { script, scriptId }: FunctionHead): Promise<V8Script | undefined> {
  if (script === undefined) return undefined;
  return draft.script(scriptId, () => readScript(draft.heap, draft.layout, script));
}

interface FunctionName {
  readonly text: string;
  /** Character of the script; -1 where unknown. */
  readonly start: number;
}

/** What V8 calls a function (SharedFunctionInfo::DebugName): its own name, else the one that its parser inferred. */
async function readName(heap: Heap, layout: HeapLayout, info: HeapObject): Promise<FunctionName | undefined> {
  const { sharedFunctionInfo } = layout;
  const nameOrScopeInfo = info.pointer(sharedFunctionInfo.nameOrScopeInfo);
  const scope = await readScopeInfo(heap, layout, nameOrScopeInfo);
  if (scope !== undefined) {
    const own = scope.name === undefined ? "" : await readString(heap, scope.name, MAX_NAME);
    if (own === undefined) return undefined;
    const text = own === "" ? await inferredName(heap, scope.inferredName) : own;
    return text === undefined ? undefined : { text, start: scope.start };
  }
  const own = nameOrScopeInfo === undefined ? "" : await readString(heap, nameOrScopeInfo, MAX_NAME);
  const data = await heap.object(info.pointer(sharedFunctionInfo.functionData), UNCOMPILED_BYTES);
  if (own === undefined || data === undefined) return undefined;
  const [first, last] = layout.types.uncompiledData;
  if (data.type < first || data.type > last) return { text: own, start: -1 };
  const text = own === "" ? await inferredName(heap, data.pointer(INFERRED_NAME)) : own;
  return text === undefined ? undefined : { text, start: data.i32(START_POSITION) ?? -1 };
}

/** "" where there is none: it may be undefined in place of a string. */
async function inferredName(heap: Heap, address: number | undefined): Promise<string | undefined> {
  if (address === undefined) return "";
  const object = await heap.object(address, 16);
  if (object === undefined) return undefined;
  return isString(object) ? readString(heap, address, MAX_NAME) : "";
}
