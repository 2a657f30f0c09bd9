import { select } from "d3-selection";

import { labelOf, type Graph } from "./graph.js";
import type { Box } from "./layout.js";
import { cpuTimeText, KIND_NAMES, samplesText, shareText } from "./wording.js";

interface ShareRow {
  readonly what: string;
  readonly part: number;
  readonly whole: number;
}

export interface TooltipPlace {
  /** Page coordinates that the tooltip stands beside. */
  readonly x: number;
  readonly y: number;
}

/** Pixels between the pointer and the tooltip, and between the tooltip and the window's edge. */
const GAP = 14;
const EDGE = 8;

/** The card that says what a frame is and how much of what it takes. */
export class Tooltip {
  readonly #graph: Graph;
  readonly #card: HTMLElement;

  constructor(parent: HTMLElement, graph: Graph) {
    this.#graph = graph;
    this.#card = document.createElement("div");
    this.#card.id = "tooltip";
    this.#card.setAttribute("role", "tooltip");
    this.#card.hidden = true;
    parent.append(this.#card);
  }

  show(box: Box, zoomed: number, place: TooltipPlace): void {
    const card = select(this.#card);
    card.text(null);
    if (box.hidden > 0) this.#fillHidden(box);
    else this.#fillFrame(box.node, zoomed);
    this.#card.hidden = false;
    this.#put(place);
  }

  hide(): void {
    this.#card.hidden = true;
  }

  #fillFrame(node: number, zoomed: number): void {
    const graph = this.#graph;
    const label = labelOf(graph, node);
    const total = graph.total[node];
    const card = select(this.#card);
    card.append("div").attr("class", "name").text(label.name);
    const about = [KIND_NAMES[label.kind], label.where].filter((text, i, all) => text !== "" && text !== all[i - 1]);
    const kind = card.append("div").attr("class", "about");
    kind.append("span").attr("class", `swatch ${label.kind}`);
    kind.append("span").text(about.join(" · "));
    card
      .append("div")
      .attr("class", "counts")
      .text(`${samplesText(total)} · ${cpuTimeText(total, graph.about)}`);
    this.#fillShares(sharesOf(graph, node, zoomed));
  }

  #fillHidden(box: Box): void {
    const graph = this.#graph;
    const parent = graph.parent[box.node];
    const samples = graph.start[parent] + graph.total[parent] - graph.self[parent] - graph.start[box.node];
    const card = select(this.#card);
    card.append("div").attr("class", "name").text("Frames too narrow to draw");
    card
      .append("div")
      .attr("class", "about")
      .text(`zoom into ${labelOf(graph, parent).name} to see more of them`);
    card
      .append("div")
      .attr("class", "counts")
      .text(`${samplesText(samples)} · ${cpuTimeText(samples, graph.about)}`);
    this.#fillShares([
      { what: "of all", part: samples, whole: graph.total[0] },
      { what: "of caller", part: samples, whole: graph.total[parent] },
    ]);
  }

  #fillShares(rows: readonly ShareRow[]): void {
    const shares = select(this.#card).append("div").attr("class", "shares");
    for (const { what, part, whole } of rows) {
      shares.append("span").attr("class", "share").text(shareText(part, whole));
      shares.append("span").attr("class", "what").text(what);
      const bar = shares.append("span").attr("class", "bar");
      bar.append("span").style("width", `${whole === 0 ? 0 : (100 * part) / whole}%`);
    }
  }

  #put({ x, y }: TooltipPlace): void {
    const { width, height } = this.#card.getBoundingClientRect();
    const [right, bottom] = [window.innerWidth - EDGE - width, window.innerHeight - EDGE - height];
    const left = x + GAP > right ? Math.min(right, x - GAP - width) : x + GAP;
    const top = y + GAP > bottom ? y - GAP - height : y + GAP;
    this.#card.style.left = `${Math.max(EDGE, left)}px`;
    this.#card.style.top = `${Math.max(EDGE, top)}px`;
  }
}

function sharesOf(graph: Graph, node: number, zoomed: number): ShareRow[] {
  const total = graph.total[node];
  const rows: ShareRow[] = [{ what: "of all", part: total, whole: graph.total[0] }];
  if (zoomed !== 0 && graph.depth[node] > graph.depth[zoomed]) {
    rows.push({ what: "of zoomed frame", part: total, whole: graph.total[zoomed] });
  }
  const parent = graph.parent[node];
  if (parent !== 0) rows.push({ what: "of caller", part: total, whole: graph.total[parent] });
  rows.push({ what: "self, of all", part: graph.self[node], whole: graph.total[0] });
  return rows;
}
