import type { ByteLru } from "../../util/lru.js";
import { KnownMaps } from "./heap.js";
import type { V8Function, V8Script } from "./v8-function.js";

const SCRIPT_BYTES = 256;

/** A script with what it takes. */
export class KnownScript {
  readonly bytes: number;

  constructor(readonly script: V8Script) {
    this.bytes = SCRIPT_BYTES + 2 * script.name.length + (script.lines?.bytes ?? 0);
  }
}

/** Functions of one isolate that are remembered while others that have them inlined are read. */
const MAX_FUNCTIONS = 4096;

/**
 * What is known of one isolate, which lives on one thread: numbers of scripts, and of functions in a script, are never used twice in
 * it, wherever the garbage collector moves them to.
 */
export class Isolate {
  readonly maps = new KnownMaps();
  private readonly functions = new Map<string, V8Function>();

  constructor(
    private readonly key: string,
    /** Of all isolates. */
    private readonly scripts: ByteLru<string, KnownScript>,
  ) {}

  script(id: number): V8Script | undefined {
    return this.scripts.get(`${this.key} ${id}`)?.script;
  }

  addScript(script: V8Script): void {
    this.scripts.set(`${this.key} ${script.id}`, new KnownScript(script));
  }

  function(scriptId: number, functionLiteralId: number): V8Function | undefined {
    return this.functions.get(`${scriptId} ${functionLiteralId}`);
  }

  addFunction(scriptId: number, functionLiteralId: number, its: V8Function): void {
    if (this.functions.size >= MAX_FUNCTIONS) this.functions.clear();
    this.functions.set(`${scriptId} ${functionLiteralId}`, its);
  }
}
