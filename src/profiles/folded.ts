import { callTree, type TreeLabel } from "../model/call-tree.js";
import type { Profile } from "../model/profile.js";
import { printable } from "../util/printable.js";

/** Characters handed over at once: large enough that a write costs nothing beside what it writes. */
const CHUNK_CHARACTERS = 64 * 1024;

/**
 * The profile as folded stacks, the input of every flame graph script: lines `comm;root;…;leaf ticks`, kernel frames
 * with the suffix `_[k]`, inlined ones with `_[i]`, no two lines alike, in the order of their names. Comes in chunks of whole lines, for
 * `pipeline(Readable.from(foldedChunks(profile)), file)`: the text never exists as a whole.
 */
export function* foldedChunks(profile: Profile): Generator<string, void, undefined> {
  const tree = callTree(profile, {
    keyOf: ({ name, kind, inlined }) => foldedFrame(name, inlined ? "inlined" : kind),
    commText: foldedName,
    order: "name",
  });
  const texts = tree.labels.map(({ name, kind }) => (kind === "process" ? name : foldedFrame(name, kind)));
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

/** Suffixes as flamegraph.pl knows them. */
const SUFFIXES: Partial<Record<TreeLabel["kind"], string>> = { kernel: "_[k]", inlined: "_[i]" };

function foldedFrame(name: string, kind: TreeLabel["kind"]): string {
  return foldedName(name) + (SUFFIXES[kind] ?? "");
}

/** The format has no escape. Rust's `[u8; 16]` would read as two frames; a colon there is what other tools write. */
function foldedName(name: string): string {
  return printable(name).replaceAll(";", ":") || "[unknown]";
}
