import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

/** Majors of Node.js whose V8 is known: 10.2, 11.3, 12.4, 13.6, 14.6. */
export const NODE_MAJORS = [18, 20, 22, 24, 26] as const;
export type NodeMajor = (typeof NODE_MAJORS)[number];

const CACHE = "build/node";
/** A release is some 50 MB; slower than this, and there is no way to it. */
const FETCH_MS = 120_000;

/** A binary of the Node.js project's own. */
export interface NodeRelease {
  readonly path: string;
  /** Of V8: "12.4.254.21-node.33". */
  readonly v8: string;
}

/** The latest release of a major, from the registry of packages the first time; or why it cannot be had. */
export function nodeRelease(major: NodeMajor): NodeRelease | string {
  const directory = resolve(CACHE, String(major));
  const path = join(directory, "bin/node");
  if (!existsSync(path)) {
    const problem = fetchRelease(major, directory);
    if (problem !== undefined) return problem;
  }
  return { path, v8: execFileSync(path, ["-p", "process.versions.v8"], { encoding: "utf8" }).trim() };
}

function fetchRelease(major: NodeMajor, directory: string): string | undefined {
  const name = `node-linux-${process.arch}@${major}`;
  mkdirSync(resolve(CACHE), { recursive: true });
  const making = mkdtempSync(`${directory}.`);
  try {
    const packed = spawnSync("npm", ["pack", "--silent", "--pack-destination", making, name], {
      encoding: "utf8",
      timeout: FETCH_MS,
    });
    const archive = readdirSync(making).find((file) => file.endsWith(".tgz"));
    if (packed.status !== 0 || archive === undefined) {
      return `${name} cannot be had: ${packed.error?.message ?? packed.stderr.trim().split("\n").at(-1) ?? ""}`;
    }
    execFileSync("tar", ["xzf", join(making, archive), "-C", making, "--strip-components=1", "package/bin/node"]);
    rmSync(join(making, archive));
    if (!existsSync(directory)) renameSync(making, directory);
    return undefined;
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}
