import { timer, type Timer } from "d3-timer";

import type { Graph } from "./graph.js";
import { boxAt, layoutOf, type Box, type Domain, type Layout } from "./layout.js";
import { paint, ROW_HEIGHT } from "./paint.js";
import type { Palette } from "./palette.js";

export type Direction = "rootward" | "leafward" | "left" | "right";

/** Space above the first row and below the last, so that a ring around a frame is not cut off. Pixels. */
const MARGIN = 4;
const ZOOM_MS = 240;
/** Rows kept in sight above a zoomed frame. */
const ROWS_ABOVE_ZOOM = 2;

/**
 * The graph on a canvas as large as what is seen of it. The canvas sticks to its scrolling parent, which a tall
 * element beside it gives its scroll bar; so a stack of a thousand frames needs no canvas of twenty thousand pixels.
 */
export class Chart {
  readonly canvas = document.createElement("canvas");
  readonly #scroller: HTMLElement;
  readonly #spacer = document.createElement("div");
  readonly #graph: Graph;
  #palette: Palette;
  #layout: Layout = [];
  #domain: Domain;
  #zoom = 0;
  /** Rows of the layout at rest: while a zoom runs, rows come and go and nothing must jump. */
  #rows = 0;
  #flame = false;
  #emphasis: Uint8Array | undefined;
  #hover: Box | undefined;
  #focus: number | undefined;
  #width = 0;
  #height = 0;
  #animation: Timer | undefined;
  #frame = 0;

  constructor(scroller: HTMLElement, graph: Graph, palette: Palette) {
    this.#scroller = scroller;
    this.#graph = graph;
    this.#palette = palette;
    this.#domain = domainOf(graph, 0);
    scroller.append(this.canvas, this.#spacer);
    scroller.addEventListener("scroll", () => this.#repaint(), { passive: true });
    new ResizeObserver(() => this.#resize()).observe(scroller);
    this.#resize();
  }

  get zoomed(): number {
    return this.#zoom;
  }

  get flame(): boolean {
    return this.#flame;
  }

  get layout(): Layout {
    return this.#layout;
  }

  setPalette(palette: Palette): void {
    this.#palette = palette;
    this.#repaint();
  }

  /** Labels that stand out (1) among the others; undefined for none. */
  setEmphasis(emphasis: Uint8Array | undefined): void {
    this.#emphasis = emphasis;
    this.#repaint();
  }

  setHover(box: Box | undefined): void {
    if (box === this.#hover) return;
    this.#hover = box;
    this.#repaint();
  }

  /** Puts the ring around a frame and brings it into sight. */
  setFocus(node: number | undefined): void {
    this.#focus = node;
    if (node !== undefined) this.#reveal(this.#graph.depth[node]);
    this.#repaint();
  }

  /** Root at the bottom (a flame) or at the top (an icicle). */
  setFlame(flame: boolean): void {
    const rows = this.#rowsScrolled();
    this.#flame = flame;
    this.#scrollRows(rows);
    this.#repaint();
  }

  setZoom(node: number, animated: boolean): void {
    const before = this.#domain;
    const after = domainOf(this.#graph, node);
    this.#zoom = node;
    this.#hover = undefined;
    this.#animation?.stop();
    this.#layout = layoutOf(this.#graph, after, this.#width);
    this.#fitSpacer();
    this.#scrollRows(Math.max(0, this.#graph.depth[node] - ROWS_ABOVE_ZOOM));
    if (!animated) {
      this.#show(after);
      return;
    }
    this.#show(before);
    this.#animation = timer((elapsed) => {
      const part = eased(Math.min(1, elapsed / ZOOM_MS));
      const between = (from: number, to: number) => from + (to - from) * part;
      this.#show(part === 1 ? after : { from: between(before.from, after.from), to: between(before.to, after.to) });
      if (part === 1) this.#animation?.stop();
    });
  }

  /** The box under a point of the canvas. */
  boxAt(x: number, y: number): Box | undefined {
    const fromTop = y + this.#scroller.scrollTop - MARGIN;
    const fromRoot = this.#flame ? this.#contentHeight() - 2 * MARGIN - fromTop : fromTop;
    return boxAt(this.#layout[Math.floor(fromRoot / ROW_HEIGHT)], x);
  }

  boxOf(node: number): Box | undefined {
    return this.#layout[this.#graph.depth[node]]?.find((box) => box.node === node && box.hidden === 0);
  }

  /** Top of a depth's row, pixels from the top of the canvas. */
  topOf(depth: number): number {
    const fromRoot = MARGIN + depth * ROW_HEIGHT;
    const fromTop = this.#flame ? this.#contentHeight() - fromRoot - ROW_HEIGHT : fromRoot;
    return Math.round(fromTop - this.#scroller.scrollTop);
  }

  /** The drawn frame next to one that is drawn, if there is one that way. */
  neighbour(node: number, direction: Direction): number | undefined {
    const box = this.boxOf(node);
    if (box === undefined) return undefined;
    const { parent, depth } = this.#graph;
    if (direction === "rootward") return node === 0 ? undefined : parent[node];
    if (direction === "leafward") {
      const child = this.#layout[depth[node] + 1]?.find((below) => below.hidden === 0 && parent[below.node] === node);
      return child?.node;
    }
    const row = this.#layout[depth[node]].filter((beside) => beside.hidden === 0);
    return row[row.indexOf(box) + (direction === "left" ? -1 : 1)]?.node;
  }

  #show(domain: Domain): void {
    this.#domain = domain;
    this.#layout = layoutOf(this.#graph, domain, this.#width);
    this.#paint();
  }

  #resize(): void {
    const rows = this.#rowsScrolled();
    this.#width = this.#scroller.clientWidth;
    this.#height = this.#scroller.clientHeight;
    const scale = window.devicePixelRatio;
    this.canvas.width = Math.round(this.#width * scale);
    this.canvas.height = Math.round(this.#height * scale);
    this.canvas.style.width = `${this.#width}px`;
    this.canvas.style.height = `${this.#height}px`;
    this.#layout = layoutOf(this.#graph, this.#domain, this.#width);
    this.#fitSpacer();
    this.#scrollRows(rows);
    this.#paint();
  }

  #repaint(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#paint();
    });
  }

  #paint(): void {
    const context = this.canvas.getContext("2d");
    if (context === null) return;
    const scale = window.devicePixelRatio;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, this.#width, this.#height);
    const inSight = this.#layout.flatMap((_, depth) => {
      const top = this.topOf(depth);
      return top < this.#height && top > -ROW_HEIGHT ? [depth] : [];
    });
    paint(context, {
      graph: this.#graph,
      layout: this.#layout,
      palette: this.#palette,
      zoomDepth: this.#graph.depth[this.#zoom],
      depths: [inSight[0] ?? 0, inSight.at(-1) ?? -1],
      topOf: (depth) => this.topOf(depth),
      emphasis: this.#emphasis,
      hover: this.#hover,
      focus: this.#focus === undefined ? undefined : this.boxOf(this.#focus),
    });
  }

  #contentHeight(): number {
    return Math.max(this.#height, this.#rows * ROW_HEIGHT + 2 * MARGIN);
  }

  #fitSpacer(): void {
    this.#rows = this.#layout.length;
    // The canvas takes its own height of the scroller's content.
    this.#spacer.style.height = `${this.#contentHeight() - this.#height}px`;
  }

  /** Rows between the root's edge and the edge of what is in sight. */
  #rowsScrolled(): number {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    return (this.#flame ? scrollHeight - clientHeight - scrollTop : scrollTop) / ROW_HEIGHT;
  }

  #scrollRows(rows: number): void {
    const { scrollHeight, clientHeight } = this.#scroller;
    this.#scroller.scrollTop = this.#flame ? scrollHeight - clientHeight - rows * ROW_HEIGHT : rows * ROW_HEIGHT;
  }

  #reveal(depth: number): void {
    const top = this.topOf(depth);
    if (top < MARGIN) this.#scroller.scrollTop += top - MARGIN;
    const under = top + ROW_HEIGHT + MARGIN - this.#height;
    if (under > 0) this.#scroller.scrollTop += under;
  }
}

function domainOf(graph: Graph, node: number): Domain {
  const from = graph.start[node];
  return { from, to: from + graph.total[node] };
}

/** Slow, fast, slow: the cubic of both halves. */
function eased(part: number): number {
  return part < 0.5 ? 4 * part ** 3 : 1 - 4 * (1 - part) ** 3;
}
