import type { CodePlaces } from "./code-places.js";
import type { Heap } from "./heap.js";
import type { HeapLayout } from "./heap-layout.js";
import type { Isolate } from "./isolate.js";
import type { V8Function, V8Script } from "./v8-function.js";

/** A function that was read. */
interface Learned {
  readonly functionLiteralId: number;
  readonly its: V8Function;
  readonly script: V8Script;
}

/**
 * What was read of one frame's code while the heap may have changed. It belongs together if all that it was read from lies, at the end,
 * where it lay: then it is taken, and what was learned of functions and scripts is known of their isolate.
 */
export class CodeDraft {
  places: CodePlaces | undefined;
  private readonly learned: Learned[] = [];
  private readonly checks: (() => Promise<boolean>)[] = [];

  constructor(
    readonly heap: Heap,
    readonly layout: HeapLayout,
    private readonly isolate: Isolate,
    /** Scripts that drafts of the same turn read, by number: each draft checks those that it uses. */
    private readonly drafted: Map<number, Promise<V8Script | undefined>>,
  ) {}

  /** What is known of a script; what another draft reads of it, or else what this one does. */
  async script(id: number, read: () => Promise<V8Script | undefined>): Promise<V8Script | undefined> {
    const known = this.isolate.script(id);
    if (known !== undefined) return known;
    const drafted = this.drafted.get(id) ?? read();
    this.drafted.set(id, drafted);
    return drafted;
  }

  /** What is known of a script's function for sure. */
  function(scriptId: number, functionLiteralId: number): V8Function | undefined {
    return this.isolate.function(scriptId, functionLiteralId);
  }

  learn(functionLiteralId: number, its: V8Function, script: V8Script): void {
    this.learned.push({ functionLiteralId, its, script });
  }

  /** Something that has to hold at the end. */
  holdsIf(check: () => Promise<boolean>): void {
    this.checks.push(check);
  }

  /** Whether all lies where it lay. The heap has to be read anew for it. */
  async isStill(): Promise<boolean> {
    for (const check of this.checks) if (!(await check())) return false;
    return true;
  }

  take(): void {
    for (const { functionLiteralId, its, script } of this.learned) {
      if (this.isolate.script(script.id) === undefined) this.isolate.addScript(script);
      this.isolate.addFunction(script.id, functionLiteralId, its);
    }
  }
}
