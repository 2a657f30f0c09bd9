import type { Segment } from "./mappings.js";

/** From a name to the parameters of what it names: `name(`, `name = async (`, `name: function* (`. */
const LEADS_TO_PARAMETERS = /^[$\p{ID_Continue}]+\s*(?:[=:]\s*(?:async\b\s*)?(?:function\b\s*\*?\s*)?)?$/u;
/** Of the text between the two. */
const MAX_DISTANCE = 256;

/**
 * The segment that tells how the function whose parameters begin there was called in its source. V8 says of a function where its
 * parameters begin. A map names identifiers: the one before the parameters is the function's, or the variable's that it
 * is given to. Any other one (a parameter's, of `x => …`; a callee's) would be a wrong name.
 *
 * @param line the generated line; column from 0. @param segments the nearest before that first.
 */
export function namingSegment(line: string, column: number, segments: readonly Segment[]): Segment | undefined {
  if (line[column] !== "(") return undefined;
  return segments.find((segment) => {
    const { name, column: from } = segment;
    if (name < 0 || from >= column || column - from > MAX_DISTANCE) return false;
    return LEADS_TO_PARAMETERS.test(line.slice(from, column));
  });
}
