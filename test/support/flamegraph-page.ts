import { mkdirSync } from "node:fs";
import type { Page } from "playwright-core";

/** A frame as the page's own `hostflame.frames()` lists it. */
export interface DrawnFrame {
  readonly name: string;
  readonly kind: string;
  readonly where: string;
  readonly depth: number;
  readonly samples: number;
  readonly hidden: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
}

const SCREENSHOTS = "build/screenshots";

/** Every box on the canvas. */
export async function drawnFrames(page: Page): Promise<DrawnFrame[]> {
  return page.evaluate("window.hostflame.then((graph) => graph.frames())");
}

/** The first box of this name. */
export async function frameNamed(page: Page, name: string): Promise<DrawnFrame> {
  const frame = (await drawnFrames(page)).find((drawn) => drawn.name === name && drawn.hidden === 0);
  if (frame === undefined) throw new Error(`no frame ${name} is drawn`);
  return frame;
}

/** The middle of a frame, in the window. */
export async function placeOf(page: Page, name: string): Promise<readonly [number, number]> {
  const { left, top, width } = await frameNamed(page, name);
  const canvas = (await page.locator("#graph canvas").boundingBox())!;
  return [canvas.x + left + width / 2, canvas.y + top + 10];
}

export async function hoverFrame(page: Page, name: string): Promise<void> {
  await page.mouse.move(...(await placeOf(page, name)));
}

export async function clickFrame(page: Page, name: string): Promise<void> {
  await page.mouse.click(...(await placeOf(page, name)));
}

/** What the element of this id says. */
export async function textOf(page: Page, id: string): Promise<string> {
  return (await page.locator(`#${id}`).innerText()).replaceAll("\u00a0", " ").trim();
}

/** The tooltip's lines, or undefined when there is none. */
export async function tooltipOf(page: Page): Promise<string[] | undefined> {
  const tooltip = page.locator("#tooltip");
  return (await tooltip.isVisible()) ? (await tooltip.innerText()).split("\n").filter(Boolean) : undefined;
}

export async function crumbsOf(page: Page): Promise<string[]> {
  return page.locator("#crumbs li").allInnerTexts();
}

/** Saves what the page looks like to build/screenshots/, for a person to look at. */
export async function takeScreenshot(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: `${SCREENSHOTS}/${name}.png` });
}
