/** What kind of code a frame runs: the low four bits of its type (bpf/interpreters/v8_layout.h). */
export const codeKind = { interpreted: 0, baseline: 1, maglev: 2, turbofan: 3, unknown: 4 } as const;

const KIND_MASK = 15;
const INTERPRETER_SHIFT = 4;

export function codeKindOf(type: number): number {
  return type & KIND_MASK;
}

/** Key of the kernel's map of interpreters: whose structures the process has. */
export function interpreterKeyOf(type: number): number {
  return type >>> INTERPRETER_SHIFT;
}

/** Whether a frame's address is that of optimized code; else it is a SharedFunctionInfo's. */
export function isOptimized(type: number): boolean {
  const kind = codeKindOf(type);
  return kind === codeKind.maglev || kind === codeKind.turbofan;
}

/** What tells a function's code from another that lies at its address later: V8 changes none of it while the code lives. */
export interface CodeIdentity {
  readonly scriptId: number;
  readonly functionLiteralId: number;
  /** Heaps of two workers may be alike byte by byte; each has its own thread. */
  readonly tid: number;
  /** Of optimized code its instructions' bytes, else 0. */
  readonly size: number;
}

/** The cookie of a frame, 28 bits, as the kernel side makes it: bpf/interpreters/v8_layout.h. */
export function cookieOf({ scriptId, functionLiteralId, tid, size }: CodeIdentity): number {
  let hash = Math.imul(scriptId, 0x9e3779b1);
  hash = Math.imul(hash ^ functionLiteralId, 0x85ebca6b);
  hash = Math.imul(hash ^ tid, 0xc2b2ae35);
  hash = Math.imul(hash ^ size, 0x27d4eb2f);
  hash ^= hash >>> 15;
  return hash & 0x0fff_ffff;
}
