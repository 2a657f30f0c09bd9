import type { Memory, MemoryPages } from "../memory-pages.js";
import { CodeDraft } from "./code-draft.js";
import { type CodePlaces, CodePlaces as Places } from "./code-places.js";
import { codeKind, codeKindOf, cookieOf, isOptimized } from "./frame-word.js";
import { readFunction, readHead } from "./function-reader.js";
import { Heap } from "./heap.js";
import type { HeapLayout } from "./heap-layout.js";
import type { Isolate } from "./isolate.js";
import { isUnmovedCode, readOptimized, readOptimizedHead } from "./optimized.js";
import { readUnoptimized } from "./unoptimized.js";
import type { V8Script } from "./v8-function.js";

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

/** What is to be read of one isolate. */
export interface WantedCode {
  readonly frame: FrameCode;
  readonly layout: HeapLayout;
  readonly isolate: Isolate;
}

/**
 * Reads names and lines of what frames run, once: what it gives, in their order, holds for as long as the code lives. All are read, then
 * all are checked, so that what they have in common is read once and again once; and all at the same time, so that the pages that they
 * ask for are read together. Never throws.
 */
export async function readCodes(
  pages: Pick<MemoryPages, "readUpTo" | "forget">,
  wanted: readonly WantedCode[],
): Promise<(CodePlaces | CodeProblem)[]> {
  const results = wanted.map((): CodePlaces | CodeProblem => "unreadable");
  let rows = [...wanted.keys()];
  for (let tried = 0; tried < TRIES && rows.length > 0; tried++) {
    pages.forget();
    const drafts = draftsOf(pages, wanted, rows);
    const problems = await Promise.all(
      drafts.map(({ draft, frame }) =>
        isOptimized(frame.type) ? draftOptimized(draft, frame) : draftFunction(draft, frame),
      ),
    );
    pages.forget();
    const stills = await Promise.all(drafts.map(({ draft }) => draft.isStill()));
    rows = [];
    for (const [at, { row, draft }] of drafts.entries()) {
      if (problems[at] === "moved") results[row] = "moved";
      else if (draft.places === undefined || !stills[at]) rows.push(row);
      else {
        draft.take();
        results[row] = draft.places;
      }
    }
  }
  return results;
}

interface RowDraft {
  readonly row: number;
  readonly frame: FrameCode;
  readonly draft: CodeDraft;
}

/** Those of one isolate share the scripts that they read. */
function draftsOf(memory: Memory, wanted: readonly WantedCode[], rows: readonly number[]): RowDraft[] {
  const scripts = new Map<Isolate, Map<number, Promise<V8Script | undefined>>>();
  return rows.map((row) => {
    const { frame, layout, isolate } = wanted[row];
    const drafted = scripts.get(isolate) ?? new Map<number, Promise<V8Script | undefined>>();
    scripts.set(isolate, drafted);
    return { row, frame, draft: new CodeDraft(new Heap(memory, isolate.maps), layout, isolate, drafted) };
  });
}

async function draftFunction(draft: CodeDraft, frame: FrameCode): Promise<CodeProblem | undefined> {
  const { heap, layout } = draft;
  const { type, address, cookie, tid } = frame;
  const head = await readHead(heap, layout, address);
  if (head === undefined || cookieOf({ ...head, tid, size: 0 }) !== cookie) return "moved";
  const its = await readFunction(draft, head);
  if (its === undefined) return "unreadable";
  const kind = codeKindOf(type);
  const functionData = head.info.pointer(layout.sharedFunctionInfo.functionData);
  draft.places =
    kind === codeKind.unknown
      ? Places.of(its.its)
      : await readUnoptimized(heap, layout, its, functionData, kind === codeKind.baseline);
  return undefined;
}

async function draftOptimized(draft: CodeDraft, frame: FrameCode): Promise<CodeProblem | undefined> {
  const { heap, layout } = draft;
  const { address, cookie, tid } = frame;
  const optimized = await readOptimizedHead(heap, layout, address);
  if (optimized === undefined || cookieOf({ ...optimized.head, tid, size: optimized.size }) !== cookie) return "moved";
  const its = await readFunction(draft, optimized.head);
  if (its === undefined) return "unreadable";
  draft.holdsIf(() => isUnmovedCode(heap, layout, optimized));
  draft.places = await readOptimized(draft, optimized, its);
  return undefined;
}
