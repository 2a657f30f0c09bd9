import { spawnSync } from "node:child_process";
import path from "node:path";
import { unpackedPackages } from "./debian-packages.js";

export type PrometheusProgram = "promtool" | "prometheus";

export const NO_PROMETHEUS = "neither a promtool on the PATH nor Debian's package prometheus";

/** The program on the PATH, or that of Debian's package, unpacked; undefined where neither is to be had. */
export function findPrometheus(program: PrometheusProgram): string | undefined {
  if (spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0) return program;
  const root = unpackedPackages("prometheus", ["prometheus"]);
  return root && path.join(root, "usr/bin", program);
}

/** What promtool says, and whether it is content. */
export function promtool(
  words: readonly string[],
  input = "",
): { readonly ok: boolean; readonly said: string } | undefined {
  const program = findPrometheus("promtool");
  if (program === undefined) return undefined;
  const { status, stdout, stderr } = spawnSync(program, words, { input, encoding: "utf8" });
  return { ok: status === 0, said: stdout + stderr };
}
