import type { Workload } from "../support/workload.js";
import { FLAGS, SHAPES, split } from "./c.js";

function build(name: string): readonly (readonly string[])[] {
  return [["gcc", ...FLAGS, "-o", `OUT/${name}`, "split.c"]];
}

const recursion = SHAPES.find((workload) => workload.name === "recursion-60")!;

/** The plain split workload where its file is not what its path says, seen from the profiler. */
export const PLACES: readonly Workload[] = [
  split("chrooted", build("chrooted"), { place: "chroot" }),
  split("deleted", build("deleted"), { place: "deleted" }),
  split("overlaid", build("overlaid"), { place: "overlay" }),
  split("replaced", build("replaced"), {
    place: "replaced",
    replacement: {
      ...recursion,
      name: "replaced",
      build: [["gcc", ...FLAGS, "-o", "OUT/replaced", "recursion.c"]],
    },
    tree: {
      main: {
        run: {
          alpha: { alpha_leaf: {} },
          beta: { beta_middle: { beta_leaf: {} } },
          ...(recursion.tree["main"] as { run: Workload["tree"] }).run,
        },
      },
    },
    branches: { alpha: "alpha", beta: "beta", deep: "descend", shallow: "shallow" },
  }),
];
