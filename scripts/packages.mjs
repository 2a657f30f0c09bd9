/* Which system packages are needed, for what, and what each family of distributions calls them. The one place. */
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import path from "node:path";

/**
 * A need is met when `command` is on the PATH, when `header` is among the includes, or when `library` is in a library
 * folder: whoever installed Rust with rustup or Go from a tarball is not asked to install it again.
 *
 * @typedef {object} Need
 * @property {"build" | "test"} for
 * @property {string} [command]
 * @property {string} [header]
 * @property {string} [library]  without its suffix: a static one is preferred, a shared one serves
 * @property {boolean} [optional]  nothing fails without it; a test that wants it skips and says so
 * @property {string} [machine]  process.arch where it is needed; everywhere when left out
 * @property {string} debian
 * @property {string} ubuntu
 * @property {string} fedora
 * @property {string} arch
 * @property {string} alpine
 * @property {string} suse
 */

/** @returns {Need} */
function need(purpose, provides, names) {
  const { debian } = names;
  return {
    for: purpose,
    ubuntu: debian,
    fedora: debian,
    arch: debian,
    alpine: debian,
    suse: debian,
    ...provides,
    ...names,
  };
}

/** @type {readonly Need[]} */
export const needs = [
  need("build", { command: "clang" }, { debian: "clang" }),
  need(
    "build",
    { command: "bpftool" },
    { debian: "bpftool", ubuntu: "linux-tools-common linux-tools-generic", arch: "bpf" },
  ),
  need("build", { command: "cmake" }, { debian: "cmake" }),
  need("build", { command: "make" }, { debian: "make" }),
  need("build", { command: "g++" }, { debian: "g++", fedora: "gcc-c++", arch: "gcc", suse: "gcc-c++" }),
  need(
    "build",
    { header: "bpf/bpf.h", library: "libbpf" },
    { debian: "libbpf-dev", fedora: "libbpf-devel", arch: "libbpf", suse: "libbpf-devel" },
  ),
  need(
    "build",
    { header: "libelf.h", library: "libelf" },
    {
      debian: "libelf-dev",
      fedora: "elfutils-libelf-devel",
      arch: "libelf",
      alpine: "elfutils-dev",
      suse: "libelf-devel",
    },
  ),
  need(
    "build",
    { header: "zlib.h", library: "libz" },
    { debian: "zlib1g-dev", fedora: "zlib-devel", arch: "zlib", alpine: "zlib-dev", suse: "zlib-devel" },
  ),
  need("test", { command: "readelf" }, { debian: "binutils" }),
  need("test", { command: "llvm-symbolizer" }, { debian: "llvm" }),
  need("test", { command: "dwz", optional: true }, { debian: "dwz" }),
  need("test", { command: "zstd", optional: true }, { debian: "zstd" }),
  need(
    "test",
    { command: "clang-format", optional: true },
    { debian: "clang-format", fedora: "clang-tools-extra", arch: "clang", alpine: "clang-extra-tools", suse: "clang" },
  ),
  need("test", { command: "musl-gcc", optional: true }, { debian: "musl-tools" }),
  need(
    "test",
    { header: "openssl/bn.h" },
    { debian: "libssl-dev", fedora: "openssl-devel", arch: "openssl", alpine: "openssl-dev", suse: "libopenssl-devel" },
  ),
  need("test", { command: "rustc" }, { debian: "rustc", fedora: "rust", arch: "rust", alpine: "rust", suse: "rust" }),
  need("test", { command: "go" }, { debian: "golang-go", fedora: "golang", arch: "go", alpine: "go", suse: "go" }),
  need("test", { command: "chromium" }, { debian: "chromium", ubuntu: "chromium-browser" }),
  need(
    "test",
    { command: "perf", optional: true },
    { debian: "linux-perf", ubuntu: "linux-tools-generic", fedora: "perf", arch: "perf", alpine: "perf", suse: "perf" },
  ),
  need(
    "test",
    { command: "aarch64-linux-gnu-g++", machine: "x64" },
    {
      debian: "g++-aarch64-linux-gnu",
      fedora: "gcc-c++-aarch64-linux-gnu",
      arch: "aarch64-linux-gnu-gcc",
      alpine: "g++-aarch64-none-elf",
      suse: "cross-aarch64-gcc12",
    },
  ),
  need(
    "test",
    { command: "qemu-system-x86_64", machine: "x64" },
    {
      debian: "qemu-system-x86",
      fedora: "qemu-system-x86-core",
      arch: "qemu-system-x86",
      alpine: "qemu-system-x86_64",
      suse: "qemu-x86",
    },
  ),
  need("test", { command: "modprobe" }, { debian: "kmod" }),
  need("test", { command: "xz" }, { debian: "xz-utils", fedora: "xz", arch: "xz", alpine: "xz", suse: "xz" }),
  need("test", { command: "setpriv" }, { debian: "util-linux", alpine: "setpriv" }),
];

/** Names for people, and how they install. */
const families = [
  { key: "debian", ids: ["debian"], title: "Debian", install: "apt-get install --no-install-recommends" },
  {
    key: "ubuntu",
    ids: ["ubuntu", "linuxmint", "pop"],
    title: "Ubuntu",
    install: "apt-get install --no-install-recommends",
  },
  {
    key: "fedora",
    ids: ["fedora", "rhel", "centos", "rocky", "almalinux", "amzn"],
    title: "Fedora and RHEL",
    install: "dnf install",
  },
  { key: "arch", ids: ["arch", "manjaro"], title: "Arch", install: "pacman -S --needed" },
  { key: "alpine", ids: ["alpine"], title: "Alpine", install: "apk add" },
  {
    key: "suse",
    ids: ["suse", "opensuse", "sles", "opensuse-leap", "opensuse-tumbleweed"],
    title: "SUSE",
    install: "zypper install",
  },
];

/** What is needed and not there. `purposes` is any of "build" and "test". */
export function missingNeeds(purposes) {
  return needs.filter(
    (entry) =>
      purposes.includes(entry.for) && (entry.machine === undefined || entry.machine === process.arch) && !isMet(entry),
  );
}

/** The package names of some needs, in one family's words. */
export function packageNames(someNeeds, family) {
  return [...new Set(someNeeds.flatMap((entry) => entry[family].split(" ")))];
}

/** This machine's family by /etc/os-release, "" when it is none of ours. `id` is the distribution's own word. */
export function thisDistribution(osRelease = readOsRelease()) {
  const field = (name) => new RegExp(`^${name}=["']?([^"'\\n]*)`, "m").exec(osRelease)?.[1] ?? "";
  const ids = [field("ID"), ...field("ID_LIKE").split(" ")];
  const family = ids.map((id) => families.find((candidate) => candidate.ids.includes(id))).find(Boolean);
  return { id: ids[0], family: family?.key ?? "", title: field("PRETTY_NAME") || ids[0] || "this system" };
}

/** Lines that say what to type, for one family or, where it is unknown, for each. */
export function installAdvice(someNeeds, family) {
  const shown = families.filter(({ key }) => family === "" || key === family);
  return shown.map(({ key, title, install }) => `  ${title}: ${install} ${packageNames(someNeeds, key).join(" ")}`);
}

function isMet({ command, header, library }) {
  if (command !== undefined && !isOnPath(command)) return false;
  if (header !== undefined && !exists(path.join("/usr/include", header))) return false;
  if (library === undefined) return true;
  return libraryFolders().some((folder) => [".a", ".so"].some((suffix) => exists(path.join(folder, library + suffix))));
}

function libraryFolders() {
  const triplet = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
  return [`/usr/lib/${triplet}`, "/usr/lib64", "/usr/lib"];
}

/** Administrators' folders belong to it: bpftool lives in /usr/sbin, which is not on everyone's PATH. */
function isOnPath(command) {
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.some((folder) => {
    try {
      accessSync(path.join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function exists(file) {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

function readOsRelease() {
  try {
    return readFileSync("/etc/os-release", "utf8");
  } catch {
    return "";
  }
}
