/*
 * The static libraries that the addon links, for arm64, unpacked into build/sysroot-arm64: what a cross build needs
 * besides Debian's cross compiler. Packages are downloaded by an apt of its own; nothing is installed, and the system
 * does not learn of a second architecture.
 */
import "./node-version.mjs";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { main, root, SetupError, step } from "./step.mjs";

const PACKAGES = ["libbpf-dev", "libelf-dev", "zlib1g-dev"];
const sysroot = path.join(root, "build/sysroot-arm64");

await main(async () => {
  if (existsSync(sysroot)) return;
  const archive = debianArchive();
  mkdirSync(path.dirname(sysroot), { recursive: true });
  const work = mkdtempSync(`${sysroot}.`);
  try {
    const environment = { APT_CONFIG: privateApt(work, archive) };
    const unpack = `cd "$0" && apt-get -qq download ${PACKAGES.join(" ")} && for deb in *.deb; do dpkg-deb -x "$deb" unpacked; done`;
    const commands = [
      ["apt-get", "-qq", "update"],
      ["sh", "-c", unpack, work],
    ];
    await step("downloading arm64's libraries", commands, {
      advice: "Is the Debian archive reachable from here?",
      environment,
    });
    renameSync(path.join(work, "unpacked"), sysroot);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
});

/** Address and suite of the archive that this system's own packages come from. */
function debianArchive() {
  const format = "$(REPO_URI) $(RELEASE)";
  const targets = execFileSync("apt-get", ["indextargets", "--format", format, "Created-By: Packages"], {
    encoding: "utf8",
  });
  const lines = targets.split("\n").filter((line) => line !== "" && !/security|updates|backports/.test(line));
  if (lines.length === 0) throw new SetupError("apt has no Debian archive configured here.");
  return lines[0];
}

/** An apt that knows one archive, one architecture and no installed package; the path of its configuration. */
function privateApt(folder, archive) {
  const keyrings = "/usr/share/keyrings/debian-archive-keyring.gpg";
  for (const name of ["lists/partial", "archives/partial"]) mkdirSync(path.join(folder, name), { recursive: true });
  writeFileSync(path.join(folder, "sources.list"), `deb [signed-by=${keyrings}] ${archive} main\n`);
  writeFileSync(path.join(folder, "status"), "");
  const configuration = path.join(folder, "apt.conf");
  const settings = {
    "APT::Architecture": "arm64",
    "APT::Architectures": "arm64",
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    "Dir::Etc::sourcelist": path.join(folder, "sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::Etc::preferencesparts": "/dev/null",
    "Dir::State": folder,
    "Dir::State::status": path.join(folder, "status"),
    "Dir::State::lists": path.join(folder, "lists"),
    "Dir::Cache": folder,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`);
  writeFileSync(configuration, lines.join(""));
  return configuration;
}
