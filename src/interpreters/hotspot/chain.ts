import type { MethodName } from "./method-reader.js";

/** A function activation at a frame: a method and its line, 0 when unknown. */
export interface Activation {
  readonly method: MethodName;
  readonly line: number;
}

/** Innermost first; never empty. */
export type Chain = readonly Activation[];
