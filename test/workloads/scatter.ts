import type { Workload } from "../support/workload.js";
import { FLAGS } from "./c.js";

/** As many different stacks as one can sample. Not in the catalogue: it has no branches to tell apart. */
export const SCATTER: Workload = {
  name: "scatter",
  sources: "scatter",
  build: [["gcc", ...FLAGS, "-o", "OUT/scatter", "scatter.c"]],
  tree: {},
  branches: {},
};
