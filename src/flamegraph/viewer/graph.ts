import type { CallTree, TreeLabel } from "../../model/call-tree.js";
import type { PageData, PageFacts } from "../page-data.js";

/** The page's tree with what drawing and walking need beside it. */
export interface Graph extends CallTree {
  readonly about: PageFacts;
  /** Samples left of the node. */
  readonly start: Float64Array;
  /** Node 0 is its own parent. */
  readonly parent: Uint32Array;
}

export type Kind = TreeLabel["kind"];

export function graphOf({ about, tree }: PageData): Graph {
  const start = new Float64Array(tree.length);
  const parent = new Uint32Array(tree.length);
  const path: number[] = [];
  // Where the next child of the node at each depth begins.
  const cursor: number[] = [];
  for (let node = 0; node < tree.length; node++) {
    const depth = tree.depth[node];
    if (node > 0) {
      parent[node] = path[depth - 1]!;
      start[node] = cursor[depth - 1]!;
      cursor[depth - 1] += tree.total[node];
    }
    path[depth] = node;
    cursor[depth] = start[node]!;
  }
  return { ...tree, about, start, parent };
}

export function labelOf(graph: Graph, node: number): TreeLabel {
  return graph.labels[graph.label[node]];
}

/** From node 0 to the node, both included. */
export function pathTo(graph: Graph, node: number): number[] {
  const path = [node];
  while (path[0] !== 0) path.unshift(graph.parent[path[0]]);
  return path;
}

export function isInside(graph: Graph, node: number, ancestor: number): boolean {
  return node >= ancestor && node < ancestor + graph.size[ancestor];
}

/** Samples under the node whose stack holds one of the labels, each sample once. */
export function samplesWith(graph: Graph, node: number, labels: Uint8Array): number {
  // A frame above the node is in all of its stacks.
  for (const above of pathTo(graph, node)) if (labels[graph.label[above]] === 1) return graph.total[node];
  let samples = 0;
  const end = node + graph.size[node];
  for (let at = node; at < end;) {
    if (labels[graph.label[at]] === 1) {
      samples += graph.total[at];
      at += graph.size[at];
    } else at++;
  }
  return samples;
}

/** Leaf samples by kind of code. */
export function selfByKind(graph: Graph): Map<Kind, number> {
  const kinds = new Map<Kind, number>();
  for (let node = 0; node < graph.length; node++) {
    const self = graph.self[node];
    if (self === 0) continue;
    const { kind } = labelOf(graph, node);
    kinds.set(kind, (kinds.get(kind) ?? 0) + self);
  }
  return kinds;
}
