import { posix } from "node:path";
import { printable } from "../util/printable.js";

/** Of a path, as a profile shows it. */
const MAX_LENGTH = 512;
/** "webpack://shop/", "turbopack:///", "file://": what a bundler or a URL puts before a path. */
const SCHEME = /^([a-z][a-z0-9+.-]*):\/\/([^/]*)(?=\/|$)/i;

/**
 * A source as a person knows it: an absolute path where the map tells one, else the path that the bundler knew it by, without the
 * bundler's scheme, the name of its bundle and what its loaders add. It is text: nobody opens it.
 *
 * @param source one of the map's `sources`. @param mapPath where the map lies, absolute: relative sources are relative to it.
 */
export function readableSource(source: string, sourceRoot: string, mapPath: string): string {
  const joined = sourceRoot === "" || isAbsolute(source) ? source : `${sourceRoot.replace(/\/$/, "")}/${source}`;
  const scheme = SCHEME.exec(joined);
  if (scheme === null) {
    return shown(joined.startsWith("/") ? posix.normalize(joined) : posix.join(posix.dirname(mapPath), joined));
  }
  const [whole, name] = scheme;
  if (/^https?$/i.test(name)) return shown(joined);
  const path = withoutQuery(joined.slice(whole.length));
  if (/^file$/i.test(name)) return shown(decoded(posix.normalize(path === "" ? "/" : path)));
  const inBundle = posix.normalize(path.replace(/^\/+/, ""));
  return shown(inBundle === "." ? joined : inBundle);
}

function isAbsolute(source: string): boolean {
  return source.startsWith("/") || SCHEME.test(source);
}

/** Loaders tell one part of a file from another by "?…": "App.vue?vue&type=script", "index.js?abcd". */
function withoutQuery(path: string): string {
  const query = path.indexOf("?");
  return query <= 0 ? path : path.slice(0, query);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    if (error instanceof URIError) return path;
    throw error;
  }
}

function shown(path: string): string {
  return printable(path.slice(0, MAX_LENGTH));
}
