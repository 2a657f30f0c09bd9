import { spawnSync } from "node:child_process";
import path from "node:path";
import { unpackedPackages } from "./debian-packages.js";

/** How dwz is started, installed or unpacked beside the build; undefined where it cannot be had. */
export function findDwz(): string | undefined {
  if (spawnSync("dwz", ["--version"]).status === 0) return "dwz";
  const root = unpackedPackages("dwz", ["dwz"]);
  const command = root && path.join(root, "usr/bin/dwz");
  return command !== undefined && spawnSync(command, ["--version"]).status === 0 ? command : undefined;
}
