import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";

/** The runtimes, and the libraries that a machine without them lacks too. */
const PACKAGES = [
  ...["containerd", "runc", "docker.io", "podman", "conmon"],
  ...["golang-github-containers-common", "golang-github-containers-image"],
  ...["libassuan0", "libdevmapper1.02.1", "libglib2.0-0", "libgpg-error0", "libgpgme11", "libseccomp2", "libsemanage2"],
  ...["libsubid4", "libsystemd0"],
];
const FOLDER = path.resolve("build/runtimes");
const ROOT = path.join(FOLDER, "root");

/** Where unpacked programs lie, and what they have to be run with. */
export interface Unpacked {
  readonly programs: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

let unpacked: Unpacked | undefined;

/**
 * Debian's container runtimes, unpacked beside the build: tests want daemons that nobody has running, and a person's machine
 * shall not get one installed by a test. Undefined where Debian's packages cannot be had.
 */
export function unpackedRuntimes(): Unpacked | undefined {
  if (!existsSync(ROOT) && !unpack()) return undefined;
  return (unpacked ??= describeRoot());
}

function unpack(): boolean {
  const debs = path.join(FOLDER, "debs");
  const partial = path.join(FOLDER, "partial");
  for (const folder of [debs, partial]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  if (spawnSync("apt-get", ["download", ...PACKAGES], { cwd: debs, stdio: "ignore" }).status !== 0) return false;
  const unpacks = readdirSync(debs).map((deb) => spawnSync("dpkg-deb", ["-x", path.join(debs, deb), partial]));
  if (unpacks.some(({ status }) => status !== 0)) return false;
  rmSync(debs, { recursive: true });
  renameSync(partial, ROOT);
  return true;
}

function describeRoot(): Unpacked {
  const programs = ["usr/sbin", "usr/bin"].map((folder) => path.join(ROOT, folder));
  // Debian's libraries lie in a folder of the architecture's name, and some still in /lib.
  const libraries = ["usr/lib", "lib"]
    .map((folder) => path.join(ROOT, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => path.join(folder, name)))
    .filter((folder) => folder.endsWith("-linux-gnu"));
  const search = [...programs, process.env["PATH"] ?? ""].join(":");
  return { programs, environment: { PATH: search, LD_LIBRARY_PATH: libraries.join(":") } };
}
