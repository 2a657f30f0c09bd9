import { hcl, rgb } from "d3-color";

import type { TreeLabel } from "../../model/call-tree.js";
import type { Kind } from "./graph.js";

/** Fills of one label. */
export interface Fill {
  readonly full: string;
  /** Frames above the zoomed one. */
  readonly above: string;
  /** Frames that the search did not find. */
  readonly faded: string;
}

/** Colours of one scheme, light or dark. */
export interface Palette {
  readonly ink: string;
  readonly aboveInk: string;
  readonly fadedInk: string;
  readonly ring: string;
  readonly ringInside: string;
  readonly hover: string;
  readonly rest: string;
  swatch(kind: Kind): string;
  fill(label: TreeLabel): Fill;
}

interface Base {
  readonly hue: number;
  readonly chroma: number;
  readonly luminance: number;
}

/**
 * The hues of Okabe and Ito's palette (orange, blue, bluish green, reddish purple), which stay apart in all common
 * forms of colour blindness; luminance tells them apart once more. What was inlined is a paler, yellower native.
 */
const LIGHT: Readonly<Record<Kind, Base>> = {
  all: { hue: 80, chroma: 4, luminance: 87 },
  process: { hue: 80, chroma: 6, luminance: 80 },
  native: { hue: 74, chroma: 50, luminance: 83 },
  inlined: { hue: 96, chroma: 40, luminance: 90 },
  kernel: { hue: 260, chroma: 33, luminance: 71 },
  interpreter: { hue: 172, chroma: 33, luminance: 65 },
  jit: { hue: 345, chroma: 28, luminance: 83 },
};

const DARK: Readonly<Record<Kind, Base>> = {
  all: { hue: 270, chroma: 5, luminance: 58 },
  process: { hue: 270, chroma: 6, luminance: 64 },
  native: { hue: 72, chroma: 48, luminance: 74 },
  inlined: { hue: 96, chroma: 38, luminance: 82 },
  kernel: { hue: 260, chroma: 34, luminance: 64 },
  interpreter: { hue: 172, chroma: 32, luminance: 58 },
  jit: { hue: 345, chroma: 32, luminance: 76 },
};

export function paletteOf(dark: boolean): Palette {
  const bases = dark ? DARK : LIGHT;
  const ground = dark ? "#15161a" : "#fdfcfa";
  const fills = new Map<TreeLabel, Fill>();
  return {
    ink: "#1b1712",
    aboveInk: dark ? "#e8e4dd" : "#4a443b",
    fadedInk: dark ? "#85878f" : "#857e74",
    ring: dark ? "#ffffff" : "#111111",
    ringInside: dark ? "#000000" : "#ffffff",
    hover: dark ? "rgba(255, 255, 255, 0.25)" : "rgba(255, 255, 255, 0.42)",
    rest: dark ? "#2b2d34" : "#e9e5de",
    swatch: (kind) => colour(bases[kind], 0.5, 0.5),
    fill(label) {
      let fill = fills.get(label);
      if (fill === undefined) {
        // One function has one colour wherever it stands; neighbours differ enough to be told apart.
        const [a, b] = spread(label.name);
        const full = colour(bases[label.kind], a, b);
        fill = { full, above: mix(full, ground, dark ? 0.62 : 0.45), faded: mix(full, ground, 0.78) };
        fills.set(label, fill);
      }
      return fill;
    },
  };
}

function colour({ hue, chroma, luminance }: Base, a: number, b: number): string {
  // Greys do not vary: they are the ground on which kinds stand out.
  const vary = chroma > 10 ? 1 : 0;
  return hcl(
    hue + vary * (a - 0.5) * 18,
    chroma + vary * (b - 0.5) * 14,
    luminance + vary * (a + b - 1) * 6,
  ).formatHex();
}

function mix(from: string, to: string, part: number): string {
  const [a, b] = [rgb(from), rgb(to)];
  const between = (x: number, y: number) => x + (y - x) * part;
  return rgb(between(a.r, b.r), between(a.g, b.g), between(a.b, b.b)).formatHex();
}

/** Two numbers in [0, 1) that depend on the name alone. */
function spread(name: string): [number, number] {
  let h = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  return [((h >>> 16) & 0xffff) / 0x10000, (h & 0xffff) / 0x10000];
}
