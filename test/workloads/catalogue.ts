import type { Workload } from "../support/workload.js";
import { LINKED, SHAPES, SYSTEM } from "./c.js";
import { CXX, GO, RUST } from "./languages.js";
import { PLACES } from "./places.js";

/** Every workload, by what it is about. */
export const CATALOGUE: Readonly<Record<string, readonly Workload[]>> = {
  "linked and compiled": LINKED,
  "shapes of stacks": SHAPES,
  "system and libraries": SYSTEM,
  "C++": CXX,
  Rust: RUST,
  Go: GO,
  "files that are not what their path says": PLACES,
};

export const WORKLOADS: readonly Workload[] = Object.values(CATALOGUE).flat();
