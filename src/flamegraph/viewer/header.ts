import { select } from "d3-selection";

import { element } from "./element.js";
import { pathTo, labelOf, selfByKind, type Graph, type Kind } from "./graph.js";
import { dateText, durationText, frequencyText, KIND_NAMES, samplesText, shareText } from "./wording.js";

/** Frames shown at both ends of a long path; what lies between is one ellipsis. */
const CRUMBS_AT_ROOT = 2;
const CRUMBS_AT_LEAF = 3;

const LEGEND: readonly Kind[] = ["native", "inlined", "kernel", "interpreter", "jit"];

/** Host, date, duration, samples, frequency. */
export function fillFacts({ about, total }: Graph): void {
  element("host", HTMLHeadingElement).textContent = about.host;
  const facts: readonly (readonly [string, string])[] = [
    ["Date", dateText(about)],
    ["Duration", durationText(about.durationMs)],
    ["Samples", samplesText(total[0])],
    ["Frequency", frequencyText(about)],
  ];
  const list = select(element("facts", HTMLDListElement));
  for (const [what, text] of facts) {
    const fact = list.append("div").attr("title", what);
    fact.append("dt").text(what);
    fact.append("dd").text(text);
  }
  list.append("div").attr("class", "tool").append("dd").text(about.tool);
}

/** The path to the zoomed frame, each step a button that zooms there. */
export function fillCrumbs(graph: Graph, zoomed: number, pick: (node: number) => void): void {
  const path = pathTo(graph, zoomed);
  const hidden = path.slice(CRUMBS_AT_ROOT, -CRUMBS_AT_LEAF);
  const crumbs = hidden.length < 2 ? path : [...path.slice(0, CRUMBS_AT_ROOT), -1, ...path.slice(-CRUMBS_AT_LEAF)];
  const items = select(element("crumbs", HTMLOListElement)).text(null).selectAll("li").data(crumbs).join("li");
  items.each(function (node) {
    const item = select(this);
    if (node < 0) {
      const names = hidden.map((at) => labelOf(graph, at).name);
      item.append("span").attr("class", "gap").attr("title", names.join("\n")).text(`… ${hidden.length} frames …`);
      return;
    }
    const { name } = labelOf(graph, node);
    const button = item.append("button").attr("type", "button").attr("title", name).text(name);
    if (node === zoomed) button.attr("aria-current", "true");
    button.on("click", () => pick(node));
  });
}

/** Kinds of code that are in the graph; each a button that lets its kind stand out. */
export function fillLegend(graph: Graph, toggle: (kind: Kind | undefined) => void): void {
  const shares = selfByKind(graph);
  const kinds = LEGEND.filter((kind) => graph.labels.some((label) => label.kind === kind));
  let chosen: Kind | undefined;
  const items = select(element("legend", HTMLUListElement)).selectAll("li").data(kinds).join("li");
  const buttons = items.append("button").attr("type", "button").attr("aria-pressed", "false");
  buttons.attr("title", (kind) => `Let ${KIND_NAMES[kind]} code stand out; its share is of leaf samples`);
  buttons.append("span").attr("class", (kind) => `swatch ${kind}`);
  buttons.append("span").text((kind) => KIND_NAMES[kind]);
  buttons
    .append("span")
    .attr("class", "share")
    .text((kind) => shareText(shares.get(kind) ?? 0, graph.total[0]));
  buttons.on("click", (_event, kind) => {
    chosen = chosen === kind ? undefined : kind;
    buttons.attr("aria-pressed", (each) => String(each === chosen));
    toggle(chosen);
  });
}
