import type { FileProblem, WhoseRoot } from "./open-in-process.js";
import type { MapProblem } from "./source-map.js";

/** Points of one script to look up, asked of the worker. */
export interface SourceMapRequest extends WhoseRoot {
  /** Of the script, in that root. */
  readonly path: string;
  /** From 0, columns in UTF-16 code units; in order of both. */
  readonly lines: Uint32Array;
  readonly columns: Uint32Array;
  /** Length of the source that the process runs, in UTF-16 code units; -1 where nobody knows. */
  readonly characters: number;
  /** What may be read of all files together. */
  readonly maxBytes: number;
}

/** Why no point of a script is looked up. */
export const MAP_MISSES = [
  /** The script cannot be read; why is counted of the file. */
  "no-script",
  /** The process runs another text than the file has: a loader made it of the file, or the file was replaced. */
  "other-source",
  /** It has no map that can be read: the usual case. */
  "no-map",
  /** The map was written long before the script. */
  "map-older",
  /** Script, map and points do not belong together: a line ends before the map or a point says. */
  "does-not-fit",
  /** The map makes no sense. */
  "malformed",
  /** More was read of such files lately than is allowed. */
  "over-budget",
] as const;
export type MapMiss = (typeof MAP_MISSES)[number];

/** What came of one file. */
export type MapFileOutcome = FileProblem | MapProblem | "read" | "cached" | "none" | "remote-url" | "bad-url";

export interface SourceMapAnswer {
  /** "script OUTCOME", "map OUTCOME", of each file that was tried. */
  readonly outcomes: readonly `${"script" | "map"} ${MapFileOutcome}`[];
  readonly readBytes: number;
  /** Why nothing was looked up; undefined where it was. */
  readonly miss: MapMiss | undefined;
  /** Of each point, where it comes from; -1 where the map does not say. */
  readonly fileRows: Int32Array;
  readonly files: readonly string[];
  /** From 0. */
  readonly lines: Uint32Array;
  readonly columns: Uint32Array;
  /** Of each point where a function's parameters begin, what the function was called; -1 where the map does not say. */
  readonly nameRows: Int32Array;
  readonly names: readonly string[];
}
