import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";

/**
 * Debian's packages, unpacked under build/<folder>/root beside the build: tests want programs that nobody has installed, and a
 * person's machine shall not get them by a test. Gives that root; undefined where Debian's packages cannot be had.
 */
export function unpackedPackages(folder: string, packages: readonly string[]): string | undefined {
  const home = path.resolve("build", folder);
  const root = path.join(home, "root");
  return existsSync(root) || unpack(home, root, packages) ? root : undefined;
}

function unpack(home: string, root: string, packages: readonly string[]): boolean {
  const debs = path.join(home, "debs");
  const partial = path.join(home, "partial");
  for (const folder of [debs, partial]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  if (spawnSync("apt-get", ["download", ...packages], { cwd: debs, stdio: "ignore" }).status !== 0) return false;
  const unpacks = readdirSync(debs).map((deb) => spawnSync("dpkg-deb", ["-x", path.join(debs, deb), partial]));
  if (unpacks.some(({ status }) => status !== 0)) return false;
  rmSync(debs, { recursive: true });
  renameSync(partial, root);
  return true;
}
