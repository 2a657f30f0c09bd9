import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

import { callTree, type CallTree } from "../model/call-tree.js";
import type { Profile } from "../model/profile.js";
import { printable } from "../util/printable.js";
import { PAGE_BODY } from "./page-body.js";
import { encodePageData } from "./page-data.js";

export interface FlamegraphAbout {
  /** Name of the machine. */
  readonly host: string;
  /** What made the page: "hostflame 0.1.0". */
  readonly tool: string;
}

/**
 * The profile as one HTML page that needs nothing else: the viewer, its style and the data are inside, and its content
 * security policy forbids it any request. Throws when the viewer was not built.
 *
 * Names come from other people's binaries. They are nowhere in the page's text: the data is gzip in base64, read by
 * the viewer, which sets text and never markup.
 */
export function renderFlamegraph(profile: Profile, about: FlamegraphAbout): string {
  const script = readBuilt("viewer.js");
  const style = readBuilt("viewer.css");
  const facts = {
    host: printable(about.host),
    tool: about.tool,
    timeMs: Number(profile.timeNs / 1_000_000n),
    durationMs: Number(profile.durationNs / 1_000_000n),
    periodNs: profile.periodNs,
  };
  const tree = readable(callTree(profile, { order: "heaviest-first" }));
  const data = gzipSync(encodePageData({ about: facts, tree }), { level: 6 }).toString("base64");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policyOf(script, style)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="${escapeHtml(about.tool)}">
<title>${escapeHtml(facts.host)} · flame graph</title>
<link rel="icon" href="${ICON}">
<style>${style}</style>
</head>
<body>
<noscript>This flame graph draws itself with the script inside this file; allow it to run.</noscript>
${PAGE_BODY}
<script type="application/octet-stream" id="profile">${data}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** The content security policy that the page states itself, for whoever serves it. */
export function pagePolicy(): string {
  return policyOf(readBuilt("viewer.js"), readBuilt("viewer.css"));
}

function policyOf(script: string, style: string): string {
  return [
    "default-src 'none'",
    `script-src '${sha256(script)}'`,
    `style-src '${sha256(style)}'`,
    // The icon below.
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E" +
  "%3Cpath fill='%23e8590c' d='M8 1C9 4 4 6 4 10a4 4 0 0 0 8 0C12 7 9 5 8 1z'/%3E" +
  "%3Cpath fill='%23ffd43b' d='M8 8c0 2-2 2-2 4a2 2 0 0 0 4 0c0-2-2-2-2-4z'/%3E%3C/svg%3E";

/** The tree with names that cannot leave their line, nor turn its direction. */
function readable(tree: CallTree): CallTree {
  const labels = tree.labels.map((label) => {
    return { ...label, name: printable(label.name) || "[unknown]", where: printable(label.where) };
  });
  return { ...tree, labels };
}

function readBuilt(name: string): string {
  const path = new URL(`./${name}`, import.meta.url);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new Error(`the flame graph's viewer is not built (no ${path.pathname}): run "npm run build"`, { cause });
  }
  // Our own text, but a closing tag in it would end its element.
  if (/<\/(script|style)|<!--/i.test(text)) throw new Error(`${path.pathname} cannot be put into a page`);
  return text;
}

function sha256(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
