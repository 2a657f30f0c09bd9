import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { unpackedPackages } from "../debian-packages.js";

/** The runtimes, and the libraries that a machine without them lacks too. */
const PACKAGES = [
  ...["containerd", "runc", "docker.io", "podman", "conmon"],
  ...["golang-github-containers-common", "golang-github-containers-image"],
  ...["libassuan0", "libdevmapper1.02.1", "libglib2.0-0", "libgpg-error0", "libgpgme11", "libseccomp2", "libsemanage2"],
  ...["libsubid4", "libsystemd0"],
];

/** Where unpacked programs lie, and what they have to be run with. */
export interface Unpacked {
  readonly programs: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

let unpacked: Unpacked | undefined;

/** Debian's container runtimes; undefined where Debian's packages cannot be had. */
export function unpackedRuntimes(): Unpacked | undefined {
  const root = unpackedPackages("runtimes", PACKAGES);
  return root === undefined ? undefined : (unpacked ??= describeRoot(root));
}

/** What was unpacked under such a root. */
export function describeRoot(root: string): Unpacked {
  const programs = ["usr/sbin", "usr/bin"].map((folder) => path.join(root, folder));
  // Debian's libraries lie in a folder of the architecture's name, and some still in /lib.
  const libraries = ["usr/lib", "lib"]
    .map((folder) => path.join(root, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => path.join(folder, name)))
    .filter((folder) => folder.endsWith("-linux-gnu"));
  const search = [...programs, process.env["PATH"] ?? ""].join(":");
  return { programs, environment: { PATH: search, LD_LIBRARY_PATH: libraries.join(":") } };
}
