import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";

/** Nothing runs on arm64 here: these say that what is written for it compiles, links, and has the same programs. */
const COMPILER = "aarch64-linux-gnu-g++";
const LIBRARIES = "build/sysroot-arm64/usr";

let folder = "";
before(() => {
  folder = mkdtempSync(path.join(tmpdir(), "hostflame-arm64-"));
});
after(() => rmSync(folder, { recursive: true }));

describe("arm64", () => {
  it("has the BPF object, with the programs and maps that x86-64 has", () => {
    build("bpf", { HOSTFLAME_ADDON: "OFF", HOSTFLAME_TARGET_ARCH: "arm64" });
    const symbols = globalSymbols(path.join(folder, "bpf", "hostflame.bpf.o"));
    assert.ok(symbols.includes("on_tick"));
    assert.deepEqual(symbols, globalSymbols("build/native/hostflame.bpf.o"));
  });

  it("has the addon", { skip: cannotLink() }, () => {
    run(process.execPath, ["scripts/arm64-sysroot.mjs"]);
    const library = (name: string) => path.resolve(LIBRARIES, "lib/aarch64-linux-gnu", name);
    build("addon", {
      CMAKE_SYSTEM_NAME: "Linux",
      CMAKE_SYSTEM_PROCESSOR: "aarch64",
      CMAKE_C_COMPILER: COMPILER.replace("g++", "gcc"),
      CMAKE_CXX_COMPILER: COMPILER,
      LIBBPF_INCLUDE: path.resolve(LIBRARIES, "include"),
      LIBBPF: library("libbpf.a"),
      LIBELF: library("libelf.a"),
      ZLIB: library("libz.a"),
    });
    const header = run("readelf", ["-h", path.join(folder, "addon", "hostflame.node")]);
    assert.match(header, /Machine: +AArch64/);
    assert.match(header, /Type: +DYN/);
  });
});

/** Configures and builds into a folder of its own. */
function build(name: string, settings: Readonly<Record<string, string>>): void {
  const output = path.join(folder, name);
  const words = Object.entries({ ...settings, HOSTFLAME_OUTPUT_DIR: output }).map(
    ([key, value]) => `-D${key}=${value}`,
  );
  run("cmake", ["-S", ".", "-B", path.join(output, "cmake"), ...words]);
  run("cmake", ["--build", path.join(output, "cmake")]);
}

function globalSymbols(object: string): readonly string[] {
  const table = run("readelf", ["--symbols", "--wide", object]);
  const names = [...table.matchAll(/ GLOBAL +\w+ +\w+ +(\S+)$/gm)].map(([, name]) => name);
  return names.sort();
}

function run(command: string, words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: "utf8" });
  assert.equal(status, 0, `${command} ${words.join(" ")}:\n${stdout}${stderr}`);
  return stdout;
}

/** Why the addon cannot be linked for arm64 here, or false. */
function cannotLink(): string | false {
  try {
    execFileSync("sh", ["-c", `command -v ${COMPILER} && command -v apt-get && command -v dpkg-deb`], {
      stdio: "ignore",
    });
    return false;
  } catch {
    return existsSync(LIBRARIES) ? false : `needs ${COMPILER} and Debian's archive`;
  }
}
