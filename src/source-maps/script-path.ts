import { posix } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The path of a script in its process's root, by what V8 calls it: a file URL of an ES module, a path of a CommonJS one. Undefined
 * of what is no file: "node:fs", "[eval]", a URL of WebAssembly.
 */
export function scriptPath(script: string): string | undefined {
  if (script.length > MAX_LENGTH) return undefined;
  // Half a surrogate pair is in no file's name, and URLs refuse it.
  const text = Buffer.from(script).toString();
  const path = text.startsWith("file:") ? fromFileUrl(text) : text;
  return path?.startsWith("/") === true && !path.includes("\0") ? posix.normalize(path) : undefined;
}

/** Where a map is said to be. */
export type MapReference =
  | { readonly kind: "path"; readonly path: string }
  /** In the URL itself. */
  | { readonly kind: "data"; readonly content: Buffer }
  /** Somewhere else; nothing is fetched. */
  | { readonly kind: "remote" }
  | { readonly kind: "malformed" };

/** Three bytes of a path may be nine characters of a URL; paths have 4096 bytes at most. */
const MAX_LENGTH = 3 * 4096;
const MALFORMED: MapReference = { kind: "malformed" };
const DATA = /^data:[^,]{0,128}?(;base64)?,/i;

/** What a script's `sourceMappingURL` means, of a script that lies at that path. */
export function mapReference(reference: string, path: string): MapReference {
  if (/^data:/i.test(reference)) return dataReference(reference);
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  const base = `file://${encoded}`;
  if (!URL.canParse(reference, base)) return MALFORMED;
  const url = new URL(reference, base);
  if (url.protocol !== "file:" || url.host !== "") return { kind: "remote" };
  const found = fromFileUrl(url.href);
  return found === undefined || found.includes("\0") ? MALFORMED : { kind: "path", path: found };
}

function dataReference(reference: string): MapReference {
  const head = DATA.exec(reference);
  if (head === null) return MALFORMED;
  const body = reference.slice(head[0].length);
  if (head[1] !== undefined) return { kind: "data", content: Buffer.from(body, "base64") };
  try {
    return { kind: "data", content: Buffer.from(decodeURIComponent(body)) };
  } catch (error) {
    if (error instanceof URIError) return MALFORMED;
    throw error;
  }
}

/** Undefined of a URL that no file can have: another machine's, or with an encoded slash. */
function fromFileUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  try {
    return fileURLToPath(text);
  } catch (error) {
    // Of a host or an encoded slash, and of a percent sign that encodes nothing.
    if (error instanceof TypeError || error instanceof URIError) return undefined;
    throw error;
  }
}
