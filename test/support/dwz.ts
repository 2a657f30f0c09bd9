import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { unpackedPackages } from "./debian-packages.js";

/** The command that starts dwz: this machine's, or Debian's; undefined where there is neither. */
export function dwzCommand(): string | undefined {
  if (spawnSync("dwz", ["--version"]).status === 0) return "dwz";
  const root = unpackedPackages("dwz", ["dwz"]);
  const command = root && join(root, "usr/bin/dwz");
  return command !== undefined && spawnSync(command, ["--version"]).status === 0 ? command : undefined;
}
