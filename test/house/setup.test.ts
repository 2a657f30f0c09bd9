import assert from "node:assert/strict";
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";

interface Need {
  readonly for: "build" | "test";
}

interface Packages {
  readonly needs: readonly Need[];
  readonly thisDistribution: (osRelease: string) => { readonly id: string; readonly family: string };
  readonly installAdvice: (needs: readonly Need[], family: string) => readonly string[];
  readonly missingNeeds: (purposes: readonly string[]) => readonly Need[];
}

interface Parts {
  readonly fingerprint: (inputs: readonly string[]) => string;
}

/** The scripts run before anything is installed, so they are plain JavaScript. */
async function script(name: string): Promise<unknown> {
  return (await import(pathToFileURL(path.resolve("scripts", name)).href)) as unknown;
}

describe("distributions", () => {
  for (const [osRelease, id, family] of [
    ['PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n', "debian", "debian"],
    ["ID=ubuntu\nID_LIKE=debian\n", "ubuntu", "ubuntu"],
    ['ID=linuxmint\nID_LIKE="ubuntu debian"\n', "linuxmint", "ubuntu"],
    ["ID=fedora\n", "fedora", "fedora"],
    ['ID="rocky"\nID_LIKE="rhel centos fedora"\n', "rocky", "fedora"],
    ["ID=arch\n", "arch", "arch"],
    ["ID=alpine\nVERSION_ID=3.20.1\n", "alpine", "alpine"],
    ['ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "opensuse-leap", "suse"],
    ["ID=raspbian\nID_LIKE=debian\n", "raspbian", "debian"],
    ["ID=nixos\n", "nixos", ""],
    ["", "", ""],
  ] as const) {
    it(`${id === "" ? "unnamed" : id} is ${family === "" ? "none of ours" : family}`, async () => {
      const { thisDistribution } = (await script("packages.mjs")) as Packages;
      const distribution = thisDistribution(osRelease);
      assert.equal(distribution.id, id);
      assert.equal(distribution.family, family);
    });
  }

  it("are told what to install, by name; an unknown one is shown all", async () => {
    const { needs, installAdvice } = (await script("packages.mjs")) as Packages;
    const build = needs.filter((need) => need.for === "build");
    assert.deepEqual(installAdvice(build, "fedora"), [
      "  Fedora and RHEL: dnf install clang bpftool cmake make gcc-c++ libbpf-devel elfutils-libelf-devel zlib-devel",
    ]);
    assert.equal(installAdvice(build, "").length, 6);
  });

  it("have here what the build needs, for it was built", async () => {
    const { missingNeeds } = (await script("packages.mjs")) as Packages;
    assert.deepEqual(missingNeeds(["build"]), []);
  });
});

describe("what is built again", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "hostflame-fingerprint-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("is what a file was written in, added to or removed from", async () => {
    const { fingerprint } = (await script("parts.mjs")) as Parts;
    const file = path.join(folder, "a");
    const seen = [fingerprint([folder])];
    writeFileSync(file, "one");
    seen.push(fingerprint([folder]));
    writeFileSync(file, "three");
    seen.push(fingerprint([folder]));
    utimesSync(file, 1, 1);
    seen.push(fingerprint([folder]));
    assert.equal(fingerprint([folder]), seen.at(-1));
    rmSync(file);
    assert.equal(fingerprint([folder]), seen[0]);
    assert.equal(new Set(seen).size, seen.length);
  });

  it("is known in a few milliseconds", async () => {
    const { fingerprint } = (await script("parts.mjs")) as Parts;
    const start = performance.now();
    fingerprint(["bpf", "native", "src", "scripts", "test", "package-lock.json"]);
    assert.ok(performance.now() - start < 100);
  });
});
