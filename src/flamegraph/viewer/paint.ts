import { shortName } from "../../util/short-name.js";
import { labelOf, type Graph } from "./graph.js";
import type { Box, Layout } from "./layout.js";
import type { Palette } from "./palette.js";

export const ROW_HEIGHT = 21;
const FRAME_HEIGHT = ROW_HEIGHT - 1;
const TEXT_INDENT = 6;
/** Less holds no three letters of a name, and a column of first letters is noise. */
const MIN_TEXT_WIDTH = 42;
const MIN_ROUNDED_WIDTH = 6;
const FONT = '12px ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';

const ASCII = /^[\u0000-\u007f]*$/;

/** What is on the canvas: everything that painting reads. */
export interface Scene {
  readonly graph: Graph;
  readonly layout: Layout;
  readonly palette: Palette;
  /** Depth of the zoomed frame. */
  readonly zoomDepth: number;
  /** Depths in sight, from the first to the last. */
  readonly depths: readonly [number, number];
  /** Pixels from the top of the canvas. */
  readonly topOf: (depth: number) => number;
  /** By label, 1 for what stands out; the rest fades. Undefined when nothing does. */
  readonly emphasis: Uint8Array | undefined;
  readonly hover: Box | undefined;
  readonly focus: Box | undefined;
}

type Context = CanvasRenderingContext2D;

export function paint(context: Context, scene: Scene): void {
  const { palette, layout } = scene;
  context.font = FONT;
  context.textBaseline = "middle";
  const characterWidth = context.measureText("0").width;
  const [first, last] = scene.depths;
  for (let depth = first; depth <= last; depth++) {
    const top = scene.topOf(depth);
    for (const box of layout[depth] ?? []) {
      if (box.hidden > 0) fillBox(context, box, top, palette.rest);
      else paintFrame(context, scene, box, top, characterWidth);
    }
  }
  if (scene.hover) fillBox(context, scene.hover, scene.topOf(scene.hover.depth), palette.hover);
  if (scene.focus) paintRing(context, scene.focus, scene.topOf(scene.focus.depth), palette);
}

function paintFrame(context: Context, scene: Scene, box: Box, top: number, characterWidth: number): void {
  const { graph, palette, emphasis } = scene;
  const fill = palette.fill(labelOf(graph, box.node));
  const faded = emphasis?.[graph.label[box.node]] === 0;
  const above = box.depth < scene.zoomDepth;
  fillBox(context, box, top, faded ? fill.faded : above ? fill.above : fill.full);
  const room = box.x1 - box.x0 - 2 * TEXT_INDENT;
  if (room + 2 * TEXT_INDENT < MIN_TEXT_WIDTH) return;
  const { name } = labelOf(graph, box.node);
  context.fillStyle = faded ? palette.fadedInk : above ? palette.aboveInk : palette.ink;
  const text = fitted(name, Math.floor(room / characterWidth));
  const [x, y] = [Math.max(0, box.x0) + TEXT_INDENT, top + FRAME_HEIGHT / 2 + 0.5];
  if (ASCII.test(text)) context.fillText(text, x, y);
  else context.fillText(text, x, y, room);
}

function fitted(name: string, characters: number): string {
  const short = shortName(name, characters);
  return short.length <= characters ? short : `${short.slice(0, Math.max(1, characters - 1))}…`;
}

function fillBox(context: Context, box: Box, top: number, colour: string): void {
  context.fillStyle = colour;
  const width = box.x1 - box.x0;
  if (width < MIN_ROUNDED_WIDTH) {
    // A narrow frame gives up its right-hand gap by degrees: a row of slivers stays a row, not a picket fence.
    context.fillRect(box.x0, top, Math.max(0.5, width - (width > 2.5 ? 1 : 0.25)), FRAME_HEIGHT);
    return;
  }
  context.beginPath();
  context.roundRect(box.x0, top, width - 1, FRAME_HEIGHT, 2.5);
  context.fill();
}

/** Two lines, dark and light, so that one of them is seen on any colour. */
function paintRing(context: Context, box: Box, top: number, palette: Palette): void {
  const width = Math.max(4, box.x1 - box.x0 - 1);
  for (const [inset, line, colour] of [
    [0, 2, palette.ring],
    [2, 1, palette.ringInside],
  ] as const) {
    if (width <= 2 * inset + 2) continue;
    context.strokeStyle = colour;
    context.lineWidth = line;
    context.beginPath();
    context.roundRect(box.x0 + inset, top + inset, width - 2 * inset, FRAME_HEIGHT - 2 * inset, 2.5);
    context.stroke();
  }
}
