import { type CodePlaces, CodePlaces as Places } from "./code-places.js";
import { codeKind, codeKindOf, cookieOf, isOptimized } from "./frame-word.js";
import { isUnmoved, readFunction, readHead } from "./function-reader.js";
import { Heap, type Memory } from "./heap.js";
import type { HeapLayout } from "./heap-layout.js";
import type { Isolate } from "./isolate.js";
import { isUnmovedCode, readOptimized, readOptimizedHead } from "./optimized.js";
import { readUnoptimized } from "./unoptimized.js";

/** What a frame runs. */
export interface FrameCode {
  /** Its type's twelve bits. */
  readonly type: number;
  readonly address: number;
  readonly cookie: number;
  readonly tid: number;
}

/** Why nothing was read. */
export type CodeProblem =
  /** Another thing is at the address by now: collected, or moved. */
  | "moved"
  /** Its memory could not be read, or made no sense. */
  | "unreadable";

/** The collector moves objects while they are read: then it is tried again. */
const TRIES = 3;

/** Reads names and lines of what a frame runs, once: what it gives holds for as long as the code lives. Never throws. */
export async function readCode(
  memory: Memory,
  layout: HeapLayout,
  isolate: Isolate,
  frame: FrameCode,
): Promise<CodePlaces | CodeProblem> {
  let problem: CodeProblem = "unreadable";
  for (let tried = 0; tried < TRIES; tried++) {
    const heap = new Heap(memory, isolate.maps);
    const read = isOptimized(frame.type)
      ? await readOptimizedCode(heap, layout, isolate, frame)
      : await readFunctionCode(heap, layout, isolate, frame);
    if (typeof read !== "string" || read === "moved") return read;
    problem = read;
  }
  return problem;
}

async function readFunctionCode(
  heap: Heap,
  layout: HeapLayout,
  isolate: Isolate,
  { type, address, cookie, tid }: FrameCode,
): Promise<CodePlaces | CodeProblem> {
  const head = await readHead(heap, layout, address);
  if (head === undefined || cookieOf({ ...head, tid, size: 0 }) !== cookie) return "moved";
  const its = await readFunction(heap, layout, isolate, head);
  if (its === undefined) return "unreadable";
  const kind = codeKindOf(type);
  if (kind === codeKind.unknown) return Places.of(its.its);
  const functionData = head.info.pointer(layout.sharedFunctionInfo.functionData);
  const places = await readUnoptimized(heap, layout, its, functionData, kind === codeKind.baseline);
  return (await isUnmoved(heap, layout, head)) ? places : "unreadable";
}

async function readOptimizedCode(
  heap: Heap,
  layout: HeapLayout,
  isolate: Isolate,
  { address, cookie, tid }: FrameCode,
): Promise<CodePlaces | CodeProblem> {
  const optimized = await readOptimizedHead(heap, layout, address);
  if (optimized === undefined || cookieOf({ ...optimized.head, tid, size: optimized.size }) !== cookie) return "moved";
  const its = await readFunction(heap, layout, isolate, optimized.head);
  if (its === undefined) return "unreadable";
  const places = await readOptimized(heap, layout, isolate, optimized, its);
  if (places === undefined) return "unreadable";
  const isSame = (await isUnmovedCode(heap, layout, optimized)) && (await isUnmoved(heap, layout, optimized.head));
  return isSame ? places : "unreadable";
}
