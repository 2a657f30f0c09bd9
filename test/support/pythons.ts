import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** An interpreter that is on this machine, or was fetched for the tests. */
export interface PythonUnderTest {
  /** As it says itself: "3.12.4". */
  readonly version: string;
  readonly minor: number;
  /** Its command, and what stands before a script's path. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The file that has the loop: the program, or its library. */
  readonly file: string;
}

const SUPPORTED = [8, 9, 10, 11, 12, 13, 14];
/** What a release of its own needs of a newer distribution than this one: its loader and libraries, too. */
const NEWER = [
  ...["python3.14-minimal", "libpython3.14-minimal", "libpython3.14-stdlib", "libc6", "zlib1g", "libexpat1"],
  ...["libffi8", "libbz2-1.0", "liblzma5", "libzstd1", "libssl3t64", "libuuid1"],
];

let found: readonly PythonUnderTest[] | undefined;

/** Debian's own, those of pyenv, and 3.14 of Debian's unstable distribution, unpacked beside the build. One of each version. */
export function findPythons(): readonly PythonUnderTest[] {
  found ??= [...installed(), ...newer()].filter(({ minor }) => SUPPORTED.includes(minor));
  return found;
}

/** Compiles the extension `crossing` by one version's headers, for all; its folder. Undefined where none has its headers here. */
export function buildExtension(pythons: readonly PythonUnderTest[]): string | undefined {
  const script = "import sysconfig; print(sysconfig.get_paths()['include'])";
  const include = pythons
    .map(({ argv, env }) =>
      execFileSync(argv[0], [...argv.slice(1), "-c", script], {
        encoding: "utf8",
        env: { ...process.env, ...env },
      }).trim(),
    )
    .find((path) => existsSync(join(path, "Python.h")));
  if (include === undefined) return undefined;
  const folder = resolve("build/python-extension");
  mkdirSync(folder, { recursive: true });
  const files = [resolve("test/workloads/python/crossing.c"), "-o", join(folder, "crossing.abi3.so")];
  execFileSync("gcc", ["-O2", "-fomit-frame-pointer", "-shared", "-fPIC", `-I${include}`, ...files]);
  return folder;
}

function installed(): PythonUnderTest[] {
  const pyenv = join(homedir(), ".pyenv/versions");
  const versions = existsSync(pyenv) ? readdirSync(pyenv).map((name) => join(pyenv, name, "bin/python3")) : [];
  return ["/usr/bin/python3", ...versions].flatMap((program) => {
    if (!existsSync(program)) return [];
    const python = describePython([program], {});
    return python === undefined ? [] : [python];
  });
}

function describePython(argv: readonly string[], env: Readonly<Record<string, string>>): PythonUnderTest | undefined {
  const script = `import os,sys
files = [l.split(None, 5)[5].strip() for l in open("/proc/self/maps") if l.count("/")]
library = [f for f in files if "libpython3." in f]
print(sys.version_info.minor, "%d.%d.%d" % sys.version_info[:3], (library or [f for f in files if os.path.basename(f).startswith("python3")])[0])`;
  const { status, stdout } = spawnSync(argv[0], [...argv.slice(1), "-c", script], {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  if (status !== 0) return undefined;
  const [minor, version, file] = stdout.trim().split(" ");
  return { version, minor: Number(minor), argv, env, file };
}

/** Run by its own loader with its own C library. */
function newer(): PythonUnderTest[] {
  const root = unpackUnstable(resolve("build/python"));
  if (root === undefined) return [];
  const library = join(root, "usr/lib/x86_64-linux-gnu");
  const argv = [join(library, "ld-linux-x86-64.so.2"), "--library-path", library, join(root, "usr/bin/python3.14")];
  const python = describePython(argv, { PYTHONHOME: join(root, "usr") });
  return python === undefined ? [] : [python];
}

function unpackUnstable(home: string): string | undefined {
  const root = join(home, "root");
  if (existsSync(root)) return root;
  const partial = join(home, "partial");
  const debs = join(home, "debs");
  for (const folder of ["lists/partial", "cache/archives/partial", "debs", "partial"]) {
    rmSync(join(home, folder), { recursive: true, force: true });
    mkdirSync(join(home, folder), { recursive: true });
  }
  const mirror = debianMirror();
  if (mirror === undefined) return undefined;
  writeFileSync(join(home, "sources.list"), `deb ${mirror} sid main\n`);
  const options = [
    `Dir::Etc::SourceList=${home}/sources.list`,
    "Dir::Etc::SourceParts=/dev/null",
    `Dir::State::Lists=${home}/lists`,
    `Dir::Cache=${home}/cache`,
    "Dir::State::status=/dev/null",
  ].flatMap((option) => ["-o", option]);
  const run = (...args: string[]): boolean =>
    spawnSync("apt-get", [...options, ...args], { cwd: debs, stdio: "ignore", timeout: 120_000 }).status === 0;
  if (!run("update") || !run("download", ...NEWER)) return undefined;
  for (const deb of readdirSync(debs)) execFileSync("dpkg-deb", ["-x", join(debs, deb), partial]);
  for (const folder of ["lists", "cache", "debs"]) rmSync(join(home, folder), { recursive: true });
  renameSync(partial, root);
  return root;
}

/** Where this machine has its own packages from. */
function debianMirror(): string | undefined {
  const { status, stdout } = spawnSync("apt-get", ["indextargets", "--format", "$(REPO_URI)"], { encoding: "utf8" });
  return status === 0 ? stdout.split("\n").find((uri) => /\/debian\/?$/.test(uri)) : undefined;
}
