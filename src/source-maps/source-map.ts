import { listSpans, objectSpans, scalarAt, type Span } from "./json-spans.js";
import { lookUpMappings, type Mapped, type Point, type Segment } from "./mappings.js";
import { printable } from "../util/printable.js";
import { readableSource } from "./source-name.js";

/** Why a file is no source map to go by. */
export type MapProblem = "malformed" | "limit-exceeded";

const MAX_SOURCES = 1 << 17;
const MAX_NAMES = 1 << 20;
const MAX_SECTIONS = 1 << 12;
const MAX_SOURCE_BYTES = 4096;
const MAX_NAME_BYTES = 1024;
const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;
const BYTE_ORDER_MARK = Buffer.from("\ufeff");
/** What some servers put before JSON, so that no other page can run it as a script; the rest of that line goes with it. */
const GUARD = Buffer.from(")]}'");

/**
 * A source map (ECMA-426, version 3), or an index of several. What looking up takes is kept as bytes: mappings, names and sources as
 * they stand in the file, and nothing of the sources' text.
 */
export interface SourceMap {
  /** Memory that it holds. */
  readonly bytes: number;
  /** In order of where they begin in the generated script. */
  readonly sections: readonly Section[];
}

interface Section {
  readonly start: Point;
  readonly mappings: Uint8Array;
  readonly names: Strings;
  readonly sources: Strings;
  readonly sourceRoot: string;
}

/** Strings as they stand in JSON. */
interface Strings {
  readonly text: Buffer;
  /** See {@link listSpans}. */
  readonly spans: Uint32Array;
}

/** Reads a source map; the bytes may be reused afterwards. Never throws. */
export function readSourceMap(file: Buffer): SourceMap | MapProblem {
  const text = withoutGuard(file);
  const keys = objectSpans(text, 0);
  if (keys === undefined) return "malformed";
  const index = keys.get("sections");
  const sections = index === undefined ? [readSection(text, keys, { line: 0, column: 0 })] : readIndex(text, index);
  if (typeof sections === "string") return sections;
  const read: Section[] = [];
  for (const section of sections) {
    if (typeof section === "string") return section;
    read.push(section);
  }
  return { bytes: read.reduce((sum, section) => sum + bytesOf(section), 0), sections: read };
}

/** What a map says of points, in order of line and column; see {@link lookUpMappings}. Undefined where its mappings are none. */
export function lookUpPoints(map: SourceMap, points: readonly Point[]): readonly PlacedPoint[] | undefined {
  const placed: PlacedPoint[] = [];
  for (let [from, row] = [0, 0]; from < points.length; row++) {
    // Before the first section nothing is mapped.
    const section = row === 0 ? undefined : map.sections[row - 1];
    const next = map.sections[row] as Section | undefined;
    const until = next === undefined ? -1 : points.findIndex((point, at) => at >= from && !isBefore(point, next.start));
    const part = points.slice(from, until < 0 ? points.length : until);
    from += part.length;
    const found = section === undefined ? part.map(() => undefined) : lookUpIn(section, part);
    if (found === undefined) return undefined;
    for (const mapped of found) placed.push({ section, mapped });
  }
  return placed;
}

/** What one point came to. */
export interface PlacedPoint {
  readonly section: Section | undefined;
  readonly mapped: Mapped | undefined;
}

/** The source that a segment leads to, readable; undefined where it names none. `mapPath`: where the map lies. */
export function sourceOf(section: Section, { source }: Segment, mapPath: string): string | undefined {
  const name = stringAt(section.sources, source, MAX_SOURCE_BYTES);
  return name === undefined ? undefined : readableSource(name, section.sourceRoot, mapPath);
}

/** What a segment's piece of the script was called; undefined where the map does not say. */
export function nameOf(section: Section, { name }: Segment): string | undefined {
  const text = stringAt(section.names, name, MAX_NAME_BYTES);
  return text === undefined ? undefined : printable(text);
}

function lookUpIn({ start, mappings }: Section, points: readonly Point[]): readonly Mapped[] | undefined {
  const shiftOf = ({ line }: Point): number => (line === start.line ? start.column : 0);
  const found = lookUpMappings(
    mappings,
    points.map((point) => ({ line: point.line - start.line, column: point.column - shiftOf(point) })),
  );
  return found?.map(({ segments, lastColumn }, row) => {
    const shift = shiftOf(points[row]);
    return {
      segments: segments.map((segment) => ({ ...segment, column: segment.column + shift })),
      lastColumn: lastColumn < 0 ? -1 : lastColumn + shift,
    };
  });
}

function isBefore(one: Point, other: Point): boolean {
  return one.line < other.line || (one.line === other.line && one.column < other.column);
}

function withoutGuard(file: Buffer): Buffer {
  const text = file.subarray(0, 3).equals(BYTE_ORDER_MARK) ? file.subarray(3) : file;
  if (!text.subarray(0, GUARD.length).equals(GUARD)) return text;
  const end = text.indexOf(NEWLINE);
  return end < 0 ? text.subarray(GUARD.length) : text.subarray(end + 1);
}

function readIndex(text: Buffer, index: Span): readonly (Section | MapProblem)[] | MapProblem {
  const spans = listSpans(text, index, MAX_SECTIONS);
  if (spans === undefined) return "malformed";
  const sections: (Section | MapProblem)[] = [];
  let last: Point = { line: 0, column: 0 };
  for (let row = 0; row < spans.length; row += 2) {
    const keys = objectSpans(text, spans[row]);
    const [offset, inner] = [keys?.get("offset"), keys?.get("map")];
    const start = offset && readPoint(text, offset);
    const innerKeys = inner && objectSpans(text, inner.start);
    // An index of indices is not allowed by the standard, nor are sections out of order.
    if (start === undefined || innerKeys === undefined || innerKeys.has("sections")) return "malformed";
    if (isBefore(start, last)) return "malformed";
    last = start;
    sections.push(readSection(text, innerKeys, start));
  }
  return sections;
}

function readPoint(text: Buffer, { start }: Span): Point | undefined {
  const keys = objectSpans(text, start);
  const [line, column] = ["line", "column"].map((key) => {
    const span = keys?.get(key);
    return span && scalarAt(text, span, 16);
  });
  return isCount(line) && isCount(column) ? { line, column } : undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}

function readSection(text: Buffer, keys: ReadonlyMap<string, Span>, start: Point): Section | MapProblem {
  const version = keys.get("version");
  const mappings = readMappings(text, keys.get("mappings"));
  if (version === undefined || scalarAt(text, version, 16) !== 3 || mappings === undefined) return "malformed";
  const sources = readStrings(text, keys.get("sources"), MAX_SOURCES);
  const names = readStrings(text, keys.get("names"), MAX_NAMES);
  if (sources === undefined || names === undefined) return "limit-exceeded";
  const root = keys.get("sourceRoot");
  const sourceRoot = root && scalarAt(text, root, MAX_SOURCE_BYTES);
  return { start, mappings, sources, names, sourceRoot: typeof sourceRoot === "string" ? sourceRoot : "" };
}

/** A copy; without one the whole file would stay. */
function readMappings(text: Buffer, span: Span | undefined): Uint8Array | undefined {
  if (span === undefined || text[span.start] !== 0x22) return undefined;
  const raw = text.subarray(span.start + 1, span.end - 1);
  if (!raw.includes(BACKSLASH)) return Uint8Array.from(raw);
  // Some JSON writers escape the slash, which is a digit here.
  const unescaped = scalarAt(text, span, text.length);
  return typeof unescaped === "string" ? new Uint8Array(Buffer.from(unescaped, "latin1")) : undefined;
}

function readStrings(text: Buffer, span: Span | undefined, most: number): Strings | undefined {
  if (span === undefined) return { text: Buffer.alloc(0), spans: new Uint32Array(0) };
  const spans = listSpans(text, span, most);
  return spans && { text: Buffer.from(text.subarray(span.start, span.end)), spans: spans.map((at) => at - span.start) };
}

function stringAt({ text, spans }: Strings, row: number, maxBytes: number): string | undefined {
  if (row < 0 || 2 * row >= spans.length) return undefined;
  const value = scalarAt(text, { start: spans[2 * row], end: spans[2 * row + 1] }, maxBytes);
  return typeof value === "string" && value !== "" ? value : undefined;
}

function bytesOf({ mappings, names, sources }: Section): number {
  const strings = [names, sources].map(({ text, spans }) => text.length + spans.byteLength);
  return mappings.length + strings[0] + strings[1] + 512;
}
