import { closeSync, readSync } from "node:fs";
import type { Addon } from "../native/addon.js";
import { errnoOf } from "../util/errno.js";
import { ByteLru } from "../util/lru.js";
import { namingSegment } from "./function-name.js";
import type { Point } from "./mappings.js";
import { openInProcess, type ProcessFile } from "./open-in-process.js";
import type { MapFileOutcome, MapMiss, SourceMapAnswer, SourceMapRequest } from "./request.js";
import { mappingUrlOf } from "./script-ending.js";
import { mapReference } from "./script-path.js";
import { hasCharacters, scriptLines } from "./script-text.js";
import { lookUpPoints, nameOf, readSourceMap, sourceOf, type PlacedPoint, type SourceMap } from "./source-map.js";

export const MAX_SCRIPT_BYTES = 16 << 20;
export const MAX_MAP_BYTES = 32 << 20;
/** Of maps, what the worker keeps while it lives. */
const KEPT_BYTES = 16 << 20;
/** A build writes both within it; in an image their times say no more than that. */
const MAX_OLDER_MS = 60_000;

/** Looks points up in source maps, in the worker; keeps maps for the next script or process that has them. */
export class SourceMapReader {
  private readonly kept = new ByteLru<string, SourceMap>(KEPT_BYTES);

  constructor(private readonly withPath: Addon["withPath"]) {}

  /** Never throws for what a file holds. */
  answer(request: SourceMapRequest): SourceMapAnswer {
    const look = new Look(this.withPath, this.kept, request);
    const found = look.find();
    const { outcomes, readBytes } = look;
    if (typeof found !== "string") return { outcomes, readBytes, miss: undefined, ...found };
    const rows = new Int32Array(request.lines.length).fill(-1);
    const none = new Uint32Array(request.lines.length);
    return {
      outcomes,
      readBytes,
      miss: found,
      fileRows: rows,
      files: [],
      lines: none,
      columns: none,
      nameRows: rows,
      names: [],
    };
  }
}

interface FoundMap {
  readonly map: SourceMap;
  /** Sources are relative to it. */
  readonly path: string;
  readonly modifiedMs: number;
}

type Places = Pick<SourceMapAnswer, "fileRows" | "files" | "lines" | "columns" | "nameRows" | "names">;

/** One request. */
class Look {
  readonly outcomes: `${"script" | "map"} ${MapFileOutcome}`[] = [];
  readBytes = 0;

  constructor(
    private readonly withPath: Addon["withPath"],
    private readonly kept: ByteLru<string, SourceMap>,
    private readonly request: SourceMapRequest,
  ) {}

  find(): Places | MapMiss {
    const script = this.open("script", this.request.path, MAX_SCRIPT_BYTES);
    if (script === undefined) return "no-script";
    try {
      const text = this.read("script", script);
      if (text === "over-budget") return text;
      if (text === undefined) return "no-script";
      this.outcomes.push("script read");
      const { characters } = this.request;
      if (characters >= 0 && !hasCharacters(text, characters)) return "other-source";
      const found = this.findMap(text, script);
      if (typeof found === "string") return found;
      return script.modifiedMs - found.modifiedMs > MAX_OLDER_MS ? "map-older" : this.place(text, found);
    } finally {
      closeSync(script.fd);
    }
  }

  /** What the script says, else what lies beside it. */
  private findMap(text: Buffer, script: ProcessFile): FoundMap | MapMiss {
    const { path } = this.request;
    const url = mappingUrlOf(text);
    const reference = url === undefined ? undefined : mapReference(url, path);
    if (reference?.kind === "data") {
      const map = this.parse(`${script.identity}:inline`, () => reference.content);
      return typeof map === "string" ? map : { map, path, modifiedMs: script.modifiedMs };
    }
    if (reference?.kind === "remote") this.outcomes.push("map remote-url");
    if (reference?.kind === "malformed") this.outcomes.push("map bad-url");
    const told = reference?.kind === "path" ? this.readMap(reference.path) : "no-map";
    const beside = `${path}.map`;
    if (told !== "no-map" || (reference?.kind === "path" && reference.path === beside)) return told;
    return this.readMap(beside);
  }

  private readMap(path: string): FoundMap | MapMiss {
    const file = this.open("map", path, MAX_MAP_BYTES);
    if (file === undefined) return "no-map";
    try {
      const map = this.parse(file.identity, () => this.read("map", file));
      return typeof map === "string" ? map : { map, path, modifiedMs: file.modifiedMs };
    } finally {
      closeSync(file.fd);
    }
  }

  private parse(identity: string, read: () => Buffer | "over-budget" | undefined): SourceMap | MapMiss {
    const kept = this.kept.get(identity);
    if (kept !== undefined) {
      this.outcomes.push("map cached");
      return kept;
    }
    const content = read();
    if (content === undefined) return "no-map";
    if (content === "over-budget") return content;
    const map = readSourceMap(content);
    this.outcomes.push(`map ${typeof map === "string" ? map : "read"}`);
    if (typeof map === "string") return "malformed";
    this.kept.set(identity, map);
    return map;
  }

  private place(text: Buffer, { map, path }: FoundMap): Places | MapMiss {
    const points = Array.from(this.request.lines, (line, row) => ({ line, column: this.request.columns[row] }));
    const placed = lookUpPoints(map, points);
    if (placed === undefined) return "malformed";
    const lines = scriptLines(
      text,
      points.map(({ line }) => line),
    );
    const fits = points.every(({ line, column }, row) => {
      const length = lines.get(line)?.length ?? -1;
      return column <= length && (placed[row].mapped?.lastColumn ?? -1) <= length;
    });
    return fits ? placesOf(points, placed, lines, path) : "does-not-fit";
  }

  private open(kind: "script" | "map", path: string, maxBytes: number): ProcessFile | undefined {
    const file = openInProcess(this.withPath, this.request, path, maxBytes);
    if (typeof file !== "string") return file;
    this.outcomes.push(`${kind} ${kind === "map" && file === "not-found" ? "none" : file}`);
    return undefined;
  }

  private read(kind: "script" | "map", { fd, size }: ProcessFile): Buffer | "over-budget" | undefined {
    if (this.readBytes + size > this.request.maxBytes) return "over-budget";
    const content = readWhole(fd, size);
    this.readBytes += content?.length ?? 0;
    if (content === undefined) this.outcomes.push(`${kind} read-failed`);
    return content;
  }
}

function readWhole(fd: number, size: number): Buffer | undefined {
  const content = Buffer.allocUnsafeSlow(size);
  try {
    for (let at = 0; at < size;) {
      const bytes = readSync(fd, content, at, size - at, at);
      if (bytes === 0) return undefined; // it shrank meanwhile: whoever writes it is not done
      at += bytes;
    }
    return content;
  } catch (error) {
    if (errnoOf(error) === "") throw error;
    return undefined;
  }
}

function placesOf(
  points: readonly Point[],
  placed: readonly PlacedPoint[],
  text: ReadonlyMap<number, string>,
  mapPath: string,
): Places {
  const [files, names] = [new StringTable(), new StringTable()];
  const fileRows = new Int32Array(points.length).fill(-1);
  const nameRows = new Int32Array(points.length).fill(-1);
  const [lines, columns] = [new Uint32Array(points.length), new Uint32Array(points.length)];
  for (const [row, { section, mapped }] of placed.entries()) {
    const segment = mapped?.segments[0];
    if (section === undefined || segment === undefined) continue;
    const file = sourceOf(section, segment, mapPath);
    if (file === undefined) continue;
    fileRows[row] = files.row(file);
    lines[row] = segment.sourceLine;
    columns[row] = segment.sourceColumn;
    const { line, column } = points[row];
    const naming = namingSegment(text.get(line) ?? "", column, mapped!.segments);
    const name = naming && nameOf(section, naming);
    if (name !== undefined) nameRows[row] = names.row(name);
  }
  return { fileRows, files: files.strings, lines, columns, nameRows, names: names.strings };
}

/** Each string once. */
class StringTable {
  readonly strings: string[] = [];
  private readonly rows = new Map<string, number>();

  row(text: string): number {
    let row = this.rows.get(text);
    if (row === undefined) this.rows.set(text, (row = this.strings.push(text) - 1));
    return row;
  }
}
