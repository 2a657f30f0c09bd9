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
    build("addon", { CMAKE_TOOLCHAIN_FILE: path.resolve("native/aarch64.cmake") });
    const header = run("readelf", ["-h", path.join(folder, "addon", "hostflame.node")]);
    assert.match(header, /Machine: +AArch64/);
    assert.match(header, /Type: +DYN/);
    const dynamic = run("readelf", ["-dW", path.join(folder, "addon", "hostflame.node")]);
    const needed = [...dynamic.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name).sort();
    assert.deepEqual(needed, ["ld-linux-aarch64.so.1", "libc.so.6", "libstdc++.so.6"]);
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

/** But for functions that programs call (.text), which arm64 inlines. */
function globalSymbols(object: string): readonly string[] {
  const text = /\[ *(\d+)\] \.text /.exec(run("readelf", ["--section-headers", "--wide", object]))?.[1];
  const table = run("readelf", ["--symbols", "--wide", object]);
  const symbols = [...table.matchAll(/ GLOBAL +\w+ +(\w+) +(\S+)$/gm)];
  return symbols.flatMap(([, section, name]) => (section === text ? [] : [name])).sort();
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
