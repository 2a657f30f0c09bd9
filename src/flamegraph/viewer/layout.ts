import { scaleLinear } from "d3-scale";

import type { Graph } from "./graph.js";

/** Narrower frames are not drawn: nobody could see or hit them. Pixels. */
const MIN_WIDTH = 1;

/** A frame on the screen, or several too narrow ones at the end of their parent. */
export interface Box {
  /** The frame; of several, the first. */
  readonly node: number;
  /** Nodes hidden in it: 0 for a frame, else it stands for siblings and all they call. */
  readonly hidden: number;
  readonly depth: number;
  /** Pixels from the left. */
  readonly x0: number;
  readonly x1: number;
}

/** Boxes by depth, each row from left to right. */
export type Layout = readonly (readonly Box[])[];

/** What part of the samples the width shows. */
export interface Domain {
  readonly from: number;
  readonly to: number;
}

/**
 * The boxes wide enough to be seen. Costs what is visible, not what the tree holds: a subtree out of sight or too
 * narrow is stepped over by its size, and siblings come heaviest first, so the first too narrow one ends its row.
 */
export function layoutOf(graph: Graph, domain: Domain, width: number): Layout {
  const { from, to } = domain;
  const rows: Box[][] = [];
  if (to <= from || width <= 0) return rows;
  const x = scaleLinear([from, to], [0, width]).clamp(true);
  const samplesPerPixel = (to - from) / width;
  const tooFew = MIN_WIDTH * samplesPerPixel;

  const put = (node: number, hidden: number, depth: number, begin: number, end: number) => {
    (rows[depth] ??= []).push({ node, hidden, depth, x0: x(begin), x1: x(end) });
  };
  const visit = (node: number, depth: number) => {
    const begin = graph.start[node];
    put(node, 0, depth, begin, begin + graph.total[node]);
    const lastNode = node + graph.size[node];
    const lastSample = begin + graph.total[node] - graph.self[node];
    for (let child = node + 1; child < lastNode; child += graph.size[child]) {
      const childBegin = graph.start[child];
      if (childBegin >= to) return;
      const childEnd = childBegin + graph.total[child];
      if (childEnd <= from) continue;
      if (graph.total[child] < tooFew) {
        if (lastSample - childBegin >= tooFew) put(child, lastNode - child, depth + 1, childBegin, lastSample);
        return;
      }
      visit(child, depth + 1);
    }
  };
  visit(0, 0);
  return rows;
}

/** The box of a row at this place, if there is one. */
export function boxAt(row: readonly Box[] | undefined, x: number): Box | undefined {
  if (row === undefined) return undefined;
  let low = 0;
  let high = row.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (row[middle].x1 <= x) low = middle + 1;
    else high = middle;
  }
  const box = row[low];
  return box !== undefined && box.x0 <= x ? box : undefined;
}
