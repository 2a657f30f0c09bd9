import type { Heap, HeapObject } from "./heap.js";
import type { HeapLayout } from "./heap-layout.js";
import { findCharacters, isString, readString } from "./heap-string.js";
import { countLines, readLineEnds } from "./line-table.js";
import type { V8Script } from "./v8-function.js";

/** Script (script.tq): alike from V8 10.2 to 14.6. */
const SOURCE = 8;
const NAME = 16;
const LINE_OFFSET = 24;
const COLUMN_OFFSET = 32;
const LINE_ENDS = 56;
const ID = 64;
const HEAD_BYTES = 144;
/** Three bytes of a path may be nine characters of a URL. */
const MAX_NAME = 3 * 4096;

/** The Script that an object points to; undefined of none, of code that has none, and while a debugger is there. */
export async function scriptAt(
  heap: Heap,
  { types }: HeapLayout,
  address: number | undefined,
): Promise<HeapObject | undefined> {
  const script = await heap.object(address, HEAD_BYTES);
  return script?.type === types.script ? script : undefined;
}

export function scriptIdOf(script: HeapObject | undefined): number {
  return script?.smi(ID) ?? 0;
}

/** What there is to say of it; undefined where its name cannot be read. */
export async function readScript(heap: Heap, layout: HeapLayout, script: HeapObject): Promise<V8Script | undefined> {
  const name = await scriptName(heap, script);
  if (name === undefined) return undefined;
  const source = await findCharacters(heap, script.pointer(SOURCE));
  const lines =
    (await readLineEnds(heap, layout, script.pointer(LINE_ENDS))) ?? (source && (await countLines(heap, source)));
  return {
    ...{ id: scriptIdOf(script), name, lines },
    characters: source?.length ?? -1,
    offset: { line: script.smi(LINE_OFFSET) ?? 0, column: script.smi(COLUMN_OFFSET) ?? 0 },
  };
}

/** Whether it is still the one that was read: same place, same number, same name and source. */
export function isSameScript(before: HeapObject, now: HeapObject | undefined): boolean {
  return (
    now !== undefined &&
    scriptIdOf(before) === scriptIdOf(now) &&
    before.pointer(SOURCE) === now.pointer(SOURCE) &&
    before.pointer(NAME) === now.pointer(NAME)
  );
}

/** "" where it is no string: code that was evaluated. */
async function scriptName(heap: Heap, script: HeapObject): Promise<string | undefined> {
  const address = script.pointer(NAME);
  if (address === undefined) return "";
  const object = await heap.object(address, 16);
  if (object === undefined) return undefined;
  return isString(object) ? readString(heap, address, MAX_NAME) : "";
}
