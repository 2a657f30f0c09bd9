import { CHECK_PROBLEMS, type CheckProblem } from "./check.js";
import { OPEN_PROBLEMS, type OpenProblem } from "./open-in-root.js";
import { PLACE_NAMES, type PlaceName } from "./places.js";
import type { RootProblem } from "./roots.js";

/** What files are sought for. */
export const DEBUG_FILE_KINDS = [
  /** What was taken out of an executable. */
  "debug",
  /** What dwz has taken out of several of them. */
  "supplementary",
  /** A .dwo file: what a compiler wrote beside an object. */
  "split",
  /** A .dwp file: those in one. */
  "package",
] as const;
export type DebugFileKind = (typeof DEBUG_FILE_KINDS)[number];

/** What became of a search: where the file was, or the most telling reason why there is none. */
export type DebugFileOutcome =
  | PlaceName
  | "told-path"
  | "beside"
  | OpenProblem
  | CheckProblem
  | RootProblem
  /** The executable has neither a build id nor a debuglink. */
  | "no-build-id";

export const DEBUG_FILE_OUTCOMES: readonly DebugFileOutcome[] = [
  ...PLACE_NAMES,
  ...(["told-path", "beside"] as const),
  ...OPEN_PROBLEMS,
  ...CHECK_PROBLEMS,
  ...(["process-gone", "root-not-permitted", "no-build-id"] as const),
];

/** Searches, by what was sought and what became of it. */
export type DebugFileCounts = Readonly<Partial<Record<`${DebugFileKind} ${DebugFileOutcome}`, number>>>;

/** Counts the searches of a batch. */
export class OutcomeCounts {
  readonly counts: Partial<Record<`${DebugFileKind} ${DebugFileOutcome}`, number>> = {};

  add(kind: DebugFileKind, outcome: DebugFileOutcome): void {
    const key = `${kind} ${outcome}` as const;
    this.counts[key] = (this.counts[key] ?? 0) + 1;
  }
}

/** Of what went wrong at several places, what tells most: that nothing is there is told of most of them. */
export function mostTelling<Outcome extends DebugFileOutcome>(outcomes: readonly Outcome[]): Outcome | "not-found" {
  return outcomes.find((outcome) => outcome !== "not-found") ?? "not-found";
}
