import type { Segment } from "./mappings.js";

/** From a name to the parameters of what it names: `name(`, `name = async (`, `name: function* (`. */
const LEADS_TO_PARAMETERS = /^[$\p{ID_Continue}]+\s*(?:[=:]\s*(?:async\b\s*)?(?:function\b\s*\*?\s*)?)?$/u;
/** And to a parameter without parentheses: `name = x =>`. */
const LEADS_TO_ARROW = /^[$\p{ID_Continue}]+\s*[=:]\s*(?:async\s+)?$/u;
const ARROW = /^(?:async\s+)?[$\p{ID_Continue}]+\s*=>/u;
/** Of the text between a name and parameters, and of such a parameter. */
const MAX_DISTANCE = 256;

/**
 * The segment that tells how the function whose parameters begin there was called in its source. V8 says of a function where its
 * parameters begin. A map names identifiers: the one before the parameters is the function's, or the variable's that it
 * is given to. Any other one (a parameter's own, a callee's) would be a wrong name.
 *
 * @param line the generated line; column from 0. @param segments the nearest before that first.
 */
export function namingSegment(line: string, column: number, segments: readonly Segment[]): Segment | undefined {
  const leads = leadsTo(line, column);
  return (
    leads &&
    segments.find(({ name, column: from }) => {
      return name >= 0 && from < column && column - from <= MAX_DISTANCE && leads.test(line.slice(from, column));
    })
  );
}

/** What is before the parameters that begin there; undefined where none do. */
function leadsTo(line: string, column: number): RegExp | undefined {
  if (line[column] === "(") return LEADS_TO_PARAMETERS;
  return ARROW.test(line.slice(column, column + MAX_DISTANCE)) ? LEADS_TO_ARROW : undefined;
}
