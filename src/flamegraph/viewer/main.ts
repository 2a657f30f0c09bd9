import "./viewer.css";

import { App } from "./app.js";
import { element } from "./element.js";
import { graphOf, labelOf } from "./graph.js";
import { listen } from "./input.js";
import { loadPageData } from "./load.js";

/** A frame as it is on the screen, for scripts that read the page. */
interface DrawnFrame {
  readonly name: string;
  readonly kind: string;
  readonly where: string;
  readonly depth: number;
  readonly samples: number;
  /** Frames merged into this box because each is too narrow; 0 for a frame of its own. */
  readonly hidden: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
}

declare global {
  interface Window {
    /** Resolves once the graph is drawn; its function lists what is. */
    hostflame: Promise<{ frames(): DrawnFrame[] }>;
  }
}

async function start() {
  const app = new App(graphOf(await loadPageData(element("profile", HTMLScriptElement))));
  listen(app);
  const frames = () => {
    return app.chart.layout.flat().map((box): DrawnFrame => {
      const { name, kind, where } = labelOf(app.graph, box.node);
      const { depth, hidden, x0, x1 } = box;
      const samples = app.graph.total[box.node];
      return { name, kind, where, depth, samples, hidden, left: x0, top: app.chart.topOf(depth), width: x1 - x0 };
    });
  };
  return { frames };
}

window.hostflame = start();
window.hostflame.catch((error: unknown) => {
  element("graph", HTMLElement).dataset["empty"] = error instanceof Error ? error.message : String(error);
});
