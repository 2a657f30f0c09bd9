import type { App } from "./app.js";
import type { Direction } from "./chart.js";
import { element } from "./element.js";

/** Connects pointer, keys and controls to the application. */
export function listen(app: App): void {
  listenToPointer(app);
  listenToControls(app);
  listenToKeys(app);
}

function listenToPointer(app: App): void {
  const { canvas } = app.chart;
  const place = (event: MouseEvent) => {
    return { clientX: event.clientX, clientY: event.clientY, x: event.offsetX, y: event.offsetY };
  };
  let last: MouseEvent | undefined;
  canvas.addEventListener("mousemove", (event) => {
    last = event;
    app.hover(place(event));
  });
  canvas.addEventListener("mouseleave", () => {
    last = undefined;
    app.hover(undefined);
  });
  element("graph", HTMLElement).addEventListener("scroll", () => last && app.hover(place(last)), { passive: true });
  canvas.addEventListener("click", (event) => {
    const box = app.chart.boxAt(event.offsetX, event.offsetY);
    if (box === undefined) return;
    // Of frames too narrow to draw, the caller is what brings them into sight.
    const node = box.hidden > 0 ? app.graph.parent[box.node] : box.node;
    app.moveFocus(undefined);
    app.zoom(node);
    last = undefined;
    app.hover(undefined);
  });
}

function listenToControls(app: App): void {
  const query = element("query", HTMLInputElement);
  const pattern = element("pattern", HTMLButtonElement);
  const help = element("help", HTMLDialogElement);
  const search = () => app.search(query.value, pattern.getAttribute("aria-pressed") === "true");
  query.addEventListener("input", search);
  query.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    element("graph", HTMLElement).focus();
    app.nextMatch(event.shiftKey ? -1 : 1);
    event.stopPropagation();
  });
  pattern.addEventListener("click", () => {
    pattern.setAttribute("aria-pressed", String(pattern.getAttribute("aria-pressed") !== "true"));
    search();
  });
  element("flip", HTMLButtonElement).addEventListener("click", () => app.flip());
  element("reset", HTMLButtonElement).addEventListener("click", () => app.zoomReset());
  element("help-open", HTMLButtonElement).addEventListener("click", () => help.showModal());
}

function listenToKeys(app: App): void {
  const surface = element("graph", HTMLElement);
  const query = element("query", HTMLInputElement);
  const help = element("help", HTMLDialogElement);
  document.addEventListener("keydown", (event) => {
    // The dialog closes itself on Escape.
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.key === "Escape") escape(app, query, surface);
    else if (event.target === query) return;
    else if (event.key === "/") {
      query.focus();
      query.select();
    } else if (event.key === "?") help.showModal();
    else if (event.key === "i") app.flip();
    else if (event.key === "n" || event.key === "N") app.nextMatch(event.key === "n" ? 1 : -1);
    else if (event.key === "Backspace") app.zoomBack();
    else if (event.target instanceof HTMLButtonElement || !moved(app, surface, event.key)) return;
    event.preventDefault();
  });
  surface.addEventListener("blur", () => app.moveFocus(undefined));
}

/** Ends the innermost thing: the search, else the zoom. */
function escape(app: App, query: HTMLInputElement, surface: HTMLElement): void {
  if (query.value !== "") {
    query.value = "";
    query.dispatchEvent(new Event("input"));
    surface.focus();
  } else if (document.activeElement === query) surface.focus();
  else app.zoomReset();
}

/** Whether the key moved the focus or zoomed to it. */
function moved(app: App, surface: HTMLElement, key: string): boolean {
  const { chart } = app;
  const directions: Readonly<Record<string, Direction>> = {
    ArrowLeft: "left",
    ArrowRight: "right",
    ArrowUp: chart.flame ? "leafward" : "rootward",
    ArrowDown: chart.flame ? "rootward" : "leafward",
  };
  const direction = directions[key];
  if (direction !== undefined) {
    surface.focus();
    // The first arrow shows where one stands.
    const next = app.focus === undefined ? chart.zoomed : chart.neighbour(app.focus, direction);
    if (next !== undefined) app.moveFocus(next);
    return true;
  }
  if (key === "Home") app.moveFocus(chart.zoomed);
  else if (key === "Enter" && app.focus !== undefined) app.zoom(app.focus);
  else return false;
  return true;
}
