import { callTree } from "../model/call-tree.js";
import type { Frame } from "../model/frame-table.js";
import type { Profile } from "../model/profile.js";
import { printable } from "../util/printable.js";

/** Characters handed over at once: large enough that a write costs nothing beside what it writes. */
const CHUNK_CHARACTERS = 64 * 1024;

/**
 * The profile as folded stacks, the input of every flame graph script: lines `comm;root;…;leaf ticks`, kernel frames
 * with the suffix `_[k]`, no two lines alike, in the order of their names. Comes in chunks of whole lines, for
 * `pipeline(Readable.from(foldedChunks(profile)), file)`: the text never exists as a whole.
 */
export function* foldedChunks(profile: Profile): Generator<string, void, undefined> {
  const tree = callTree(profile, { keyOf: foldedFrame, commText: foldedName, order: "name" });
  const texts = tree.labels.map((label) => (label.kind === "process" ? label.name : foldedFrame(label as Frame)));
  const path: string[] = [];
  let chunk = "";
  for (let node = 1; node < tree.length; node++) {
    const depth = tree.depth[node];
    const text = texts[tree.label[node]];
    path[depth] = depth === 1 ? text : `${path[depth - 1]};${text}`;
    if (tree.self[node] === 0) continue;
    chunk += `${path[depth]} ${tree.self[node]}\n`;
    if (chunk.length < CHUNK_CHARACTERS) continue;
    yield chunk;
    chunk = "";
  }
  if (chunk !== "") yield chunk;
}

function foldedFrame(frame: Frame): string {
  return frame.kind === "kernel" ? `${foldedName(frame.name)}_[k]` : foldedName(frame.name);
}

/** The format has no escape. Rust's `[u8; 16]` would read as two frames; a colon there is what other tools write. */
function foldedName(name: string): string {
  return printable(name).replaceAll(";", ":") || "[unknown]";
}
