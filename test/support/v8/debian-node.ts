import { spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { unpackedPackages } from "../debian-packages.js";
import type { NodeRelease } from "./node-release.js";

/** Debian 12's: a small program, V8 in libnode.so.108, and modules at a place of their own. */
const PACKAGES = [
  ...["nodejs=18.*", "libnode108", "libuv1", "libc-ares2", "libnghttp2-14", "libicu72", "libbrotli1"],
  ...["node-acorn", "node-busboy", "node-cjs-module-lexer", "node-undici", "node-xtend"],
];
/** Under this machine's own files, in a mount namespace that ends with the process: it looks for its modules in /usr/share/nodejs. */
const SCRIPT = `#!/bin/sh
exec unshare --mount --propagation private sh -c '
  mount -t overlay overlay -o "lowerdir=$1:/usr" /usr && shift && exec /usr/bin/node "$@"
' sh "$(dirname "$0")/root/usr" "$@"
`;

/** Node.js 18 as Debian builds it, as a program that any folder may be the current one of; or why it cannot be had. */
export function debianNode(): NodeRelease | string {
  const root = unpackedPackages("debian-node", PACKAGES);
  if (root === undefined) return "Debian 12's nodejs cannot be had";
  const path = join(dirname(root), "node");
  writeFileSync(path, SCRIPT);
  chmodSync(path, 0o755);
  const asked = spawnSync(path, ["-p", "process.versions.v8"], { encoding: "utf8" });
  if (asked.status !== 0) {
    return `Debian 12's nodejs does not run here: ${asked.stderr.trim().split("\n").at(-1) ?? ""}`;
  }
  return { path, v8: asked.stdout.trim() };
}
