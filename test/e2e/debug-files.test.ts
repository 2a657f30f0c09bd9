import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { Profile } from "pprof-format";
import { readBuildId } from "#src/elf/build-id.js";
import { openProgram } from "../support/elf-image.js";
import { cannotRecord, recordWhile } from "../support/record.js";
import { buildIdPath, place } from "../support/stripped-program.js";

/** Lines are counted by the test: each call stands on a line of its own. */
const PROGRAM = `volatile unsigned long sink;
static inline __attribute__((always_inline)) void innermost(unsigned long n) {
  for (unsigned long i = 0; i < n; i++) sink += i * i;
}
static __attribute__((noipa)) void spin(unsigned long n) {
  innermost(n);
  __asm__ volatile("");
}
int main(void) {
  for (;;) {
    spin(50000);
    __asm__ volatile("");
  }
}
`;

describe("a stripped program in a root of its own", { skip: cannotRecord() ?? false }, () => {
  const directory = mkdtempSync(join(tmpdir(), "hostflame-e2e-debug-"));
  after(() => rmSync(directory, { recursive: true }));

  it("has functions, inlined ones and lines, by the debug file in that root", async () => {
    const root = join(directory, "root");
    const whole = join(directory, "whole");
    mkdirSync(join(root, "opt"), { recursive: true });
    writeFileSync(join(directory, "spinner.c"), PROGRAM);
    execFileSync("gcc", ["-g", "-O2", "-static", "-Wl,--build-id=sha1", "-o", whole, join(directory, "spinner.c")]);
    execFileSync("objcopy", ["--strip-all", whole, join(root, "opt/spinner")]);
    const debug = join(directory, "whole.debug");
    execFileSync("objcopy", ["--only-keep-debug", whole, debug]);
    const path = buildIdPath(readBuildId(openProgram(whole)));
    place(debug, root, path);
    assert.ok(!existsSync(path), "this machine has no such debug file");
    const child = spawn("chroot", [root, "/opt/spinner"], { stdio: "ignore" });
    try {
      const { stacks, profile } = await recordWhile({ args: ["--comm", "spinner"] }, () => sleep(2000));
      assert.ok(
        stacks.some(({ frames }) => frames.join(";").includes("main;spin;innermost_[i]")),
        JSON.stringify(stacks.slice(0, 3)),
      );
      const { location, function: functions, stringTable } = Profile.decode(gunzipSync(profile));
      const text = (index: number | bigint) => stringTable.strings[Number(index)];
      const chains = location.map(({ line }) =>
        line.map(({ functionId, line: number }) => {
          const fn = functions[Number(functionId) - 1];
          return `${text(fn.name)} ${text(fn.filename).split("/").at(-1) ?? ""}:${Number(number)}`;
        }),
      );
      const spinning = chains.find((chain) => chain.length === 2 && chain[1].startsWith("spin"));
      assert.deepEqual(spinning, ["innermost spinner.c:3", "spin spinner.c:6"], chains.join("\n"));
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  });
});
