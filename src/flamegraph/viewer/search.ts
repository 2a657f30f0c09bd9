import { samplesWith, type Graph } from "./graph.js";

export interface Query {
  readonly text: string;
  /** Whether the text is a regular expression. */
  readonly pattern: boolean;
}

export interface Matches {
  /** By label, 1 for a match. */
  readonly labels: Uint8Array;
  /** Distinct names matched. */
  readonly names: number;
}

/** Labels whose name or file holds the text, upper and lower case alike. Undefined for a broken regular expression. */
export function matchesOf(graph: Graph, query: Query): Matches | undefined {
  const test = tester(query);
  if (test === undefined) return undefined;
  const labels = new Uint8Array(graph.labels.length);
  let names = 0;
  for (const [index, { name, where }] of graph.labels.entries()) {
    if (index === 0 || !(test(name) || test(where))) continue;
    labels[index] = 1;
    names++;
  }
  return { labels, names };
}

/** Samples under the node that a match is on the stack of. */
export function matchedSamples(graph: Graph, node: number, matches: Matches): number {
  return matches.names === 0 ? 0 : samplesWith(graph, node, matches.labels);
}

function tester({ text, pattern }: Query): ((name: string) => boolean) | undefined {
  if (!pattern) {
    const lower = text.toLowerCase();
    return (name) => name.toLowerCase().includes(lower);
  }
  try {
    const expression = new RegExp(text, "iu");
    return (name) => expression.test(name);
  } catch {
    return undefined;
  }
}
