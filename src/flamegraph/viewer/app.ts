import { Chart } from "./chart.js";
import { element } from "./element.js";
import { isInside, labelOf, type Graph, type Kind } from "./graph.js";
import { fillCrumbs, fillFacts, fillLegend } from "./header.js";
import { paletteOf, type Palette } from "./palette.js";
import { matchedSamples, matchesOf, type Matches } from "./search.js";
import { Tooltip } from "./tooltip.js";
import { cpuTimeText, KIND_NAMES, namesText, samplesText, shareText } from "./wording.js";

const DARK = "(prefers-color-scheme: dark)";
const STILL = "(prefers-reduced-motion: reduce)";

/** The page's state and everything that changes it; keys and pointers are other files' and call these. */
export class App {
  readonly graph: Graph;
  readonly chart: Chart;
  readonly #tooltip: Tooltip;
  readonly #zoomsBefore: number[] = [];
  #focus: number | undefined;
  #matches: Matches | undefined;
  #kind: Kind | undefined;

  constructor(graph: Graph) {
    this.graph = graph;
    const scheme = window.matchMedia(DARK);
    const surface = element("graph", HTMLElement);
    this.chart = new Chart(surface, graph, paletteInUse(scheme));
    scheme.addEventListener("change", () => this.chart.setPalette(paletteInUse(scheme)));
    this.#tooltip = new Tooltip(document.body, graph);
    fillFacts(graph);
    fillLegend(graph, (kind) => {
      this.#kind = kind;
      this.#emphasize();
    });
    this.#zoomed();
    this.#showOrientation();
    if (graph.total[0] === 0) surface.dataset["empty"] = "This profile holds no samples.";
  }

  get focus(): number | undefined {
    return this.#focus;
  }

  zoom(node: number): void {
    if (node === this.chart.zoomed) return;
    this.#zoomsBefore.push(this.chart.zoomed);
    this.#zoomTo(node);
  }

  zoomBack(): void {
    const before = this.#zoomsBefore.pop();
    if (before !== undefined) this.#zoomTo(before);
  }

  zoomReset(): void {
    this.zoom(0);
    this.#zoomsBefore.length = 0;
  }

  flip(): void {
    this.chart.setFlame(!this.chart.flame);
    this.#tooltip.hide();
    this.#showOrientation();
  }

  /** Shows what is under the pointer, or nothing. Coordinates of the window and of the canvas. */
  hover(
    at: { readonly clientX: number; readonly clientY: number; readonly x: number; readonly y: number } | undefined,
  ) {
    const box = at && this.chart.boxAt(at.x, at.y);
    this.chart.setHover(box);
    this.chart.canvas.classList.toggle("over", box !== undefined);
    if (at && box) this.#tooltip.show(box, this.chart.zoomed, { x: at.clientX, y: at.clientY });
    else this.#tooltip.hide();
  }

  /** Moves the keyboard's focus to a frame that is drawn, or takes it away. */
  moveFocus(node: number | undefined): void {
    this.#focus = node;
    this.chart.setFocus(node);
    this.chart.setHover(undefined);
    if (node === undefined) {
      this.#tooltip.hide();
      return;
    }
    this.#announce(node);
    // The ring is in place once the scrolling is done.
    requestAnimationFrame(() => {
      const box = this.chart.boxOf(node);
      if (box === undefined || this.#focus !== node) return;
      const canvas = this.chart.canvas.getBoundingClientRect();
      const place = { x: canvas.left + box.x0 + 8, y: canvas.top + this.chart.topOf(box.depth) + 14 };
      this.#tooltip.show(box, this.chart.zoomed, place);
    });
  }

  /** Searches as one types; an empty text ends the search. */
  search(text: string, pattern: boolean): void {
    const broken = element("search", HTMLElement);
    this.#matches = text === "" ? undefined : matchesOf(this.graph, { text, pattern });
    broken.classList.toggle("broken", text !== "" && this.#matches === undefined);
    this.#emphasize();
    this.#showStatus();
  }

  /** Moves the focus to the next match in the order of drawing, round at the end. */
  nextMatch(step: 1 | -1): void {
    const matches = this.#matches;
    if (matches === undefined || matches.names === 0) return;
    const { label } = this.graph;
    const drawn = this.chart.layout.flat().filter((box) => box.hidden === 0 && matches.labels[label[box.node]] === 1);
    if (drawn.length === 0) return;
    const nodes = drawn.map((box) => box.node).sort((a, b) => a - b);
    const focus = this.#focus ?? -1;
    const next = step === 1 ? nodes.find((node) => node > focus) : nodes.findLast((node) => node < focus);
    this.moveFocus(next ?? nodes.at(step === 1 ? 0 : -1));
  }

  #zoomTo(node: number): void {
    this.#tooltip.hide();
    this.chart.setZoom(node, !window.matchMedia(STILL).matches);
    if (this.#focus !== undefined && !isInside(this.graph, this.#focus, node)) {
      this.#focus = node;
      this.chart.setFocus(node);
    }
    this.#zoomed();
  }

  #zoomed(): void {
    const node = this.chart.zoomed;
    fillCrumbs(this.graph, node, (picked) => this.zoom(picked));
    element("reset", HTMLButtonElement).disabled = node === 0;
    this.#showStatus();
  }

  /** What stands out: matches, or one kind of code, or the matches of one kind. */
  #emphasize(): void {
    const { labels } = this.graph;
    if (this.#matches === undefined && this.#kind === undefined) {
      this.chart.setEmphasis(undefined);
      return;
    }
    const kind = this.#kind;
    const matches = this.#matches?.labels;
    const stands = (index: number) =>
      (matches?.[index] ?? 1) === 1 && (kind ?? labels[index].kind) === labels[index].kind;
    this.chart.setEmphasis(Uint8Array.from(labels.keys(), (index) => (stands(index) ? 1 : 0)));
  }

  /** The line that says what the search found, or else what is zoomed. */
  #showStatus(): void {
    const { graph } = this;
    const zoomed = this.chart.zoomed;
    const all = graph.total[0];
    const output = element("matched", HTMLOutputElement);
    const status = element("status", HTMLParagraphElement);
    const matches = this.#matches;
    if (matches === undefined) {
      output.textContent = "";
      const samples = graph.total[zoomed];
      const zoomFacts = `${shareText(samples, all)} of all · ${samplesText(samples)} · ${cpuTimeText(samples, graph.about)}`;
      status.textContent = zoomed === 0 ? "click a frame to zoom into it" : zoomFacts;
      return;
    }
    const samples = matchedSamples(graph, 0, matches);
    output.textContent = shareText(samples, all);
    const ofZoom = `, ${shareText(matchedSamples(graph, zoomed, matches), graph.total[zoomed])} of the zoomed frame`;
    const found = `matched ${shareText(samples, all)} of all${zoomed === 0 ? "" : ofZoom} · ${samplesText(samples)} · ${namesText(matches.names)}`;
    status.textContent = matches.names === 0 ? "nothing matches" : found;
  }

  #showOrientation(): void {
    element("orientation", HTMLElement).textContent = this.chart.flame ? "Flame" : "Icicle";
  }

  #announce(node: number): void {
    const { graph } = this;
    const { name, kind, where } = labelOf(graph, node);
    const share = shareText(graph.total[node], graph.total[0]);
    const text = `${name}, ${KIND_NAMES[kind]}${where === "" ? "" : ` in ${where}`}, ${share} of all, ${samplesText(graph.total[node])}`;
    element("announcer", HTMLParagraphElement).textContent = text;
  }
}

/** The scheme's palette, its swatches given to the style sheet so that legend and graph cannot differ. */
function paletteInUse(scheme: MediaQueryList): Palette {
  const palette = paletteOf(scheme.matches);
  for (const kind of Object.keys(KIND_NAMES) as Kind[]) {
    document.documentElement.style.setProperty(`--${kind}`, palette.swatch(kind));
  }
  return palette;
}
