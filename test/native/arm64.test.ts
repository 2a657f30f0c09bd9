import assert from "node:assert/strict";
import { execFileSync, spawnSync, type ExecFileSyncOptions } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";

const hasCompiler = spawnSync("aarch64-linux-gnu-g++", ["--version"]).status === 0;

test(
  "the addon and the BPF object build for arm64",
  { skip: hasCompiler ? false : "needs g++-aarch64-linux-gnu" },
  (t) => {
    const quiet: ExecFileSyncOptions = { stdio: ["ignore", "ignore", "inherit"] };
    execFileSync(process.execPath, ["scripts/arm64-sysroot.mjs"], quiet);
    const directory = mkdtempSync(path.join(tmpdir(), "hostflame-arm64-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const output = path.join(directory, "out");
    const options = ["-DCMAKE_TOOLCHAIN_FILE=native/aarch64.cmake", `-DHOSTFLAME_OUTPUT_DIR=${output}`];
    execFileSync("cmake", ["-S", ".", "-B", directory, ...options], quiet);
    execFileSync("cmake", ["--build", directory], quiet);
    const read = (...words: string[]) => execFileSync("readelf", words, { encoding: "utf8" });
    const addon = path.join(output, "hostflame.node");
    assert.match(read("-h", addon), /Machine: +AArch64/);
    const needed = [...read("-dW", addon).matchAll(/\(NEEDED\).*\[(.*)\]/g)].map((match) => match[1]).sort();
    assert.deepEqual(needed, ["ld-linux-aarch64.so.1", "libc.so.6", "libstdc++.so.6"]);
    assert.match(read("-h", path.join(output, "hostflame.bpf.o")), /Machine: +Linux BPF/);
  },
);
