import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { Profile } from "pprof-format";
import { cannotRecord, recordWhile } from "../support/record.js";

/** Lines are counted by the test: each call stands on a line of its own. */
const PROGRAM = `volatile unsigned long sink;
static inline __attribute__((always_inline)) void innermost(unsigned long n) {
  for (unsigned long i = 0; i < n; i++) sink += i * i;
}
static inline __attribute__((always_inline)) void middle(unsigned long n) {
  innermost(n);
}
__attribute__((noinline)) void spin(unsigned long n) {
  middle(n);
  __asm__ volatile("");
}
int main(void) {
  for (;;) {
    spin(50000);
    __asm__ volatile("");
  }
}
`;

describe("lines and inlined functions", { skip: cannotRecord() ?? false }, () => {
  const directory = mkdtempSync(join(tmpdir(), "hostflame-e2e-lines-"));
  after(() => rmSync(directory, { recursive: true }));

  it("are in the folded stacks and in the pprof of a recording", async () => {
    const program = join(directory, "inlines");
    writeFileSync(join(directory, "inlines.c"), PROGRAM);
    execFileSync("gcc", ["-g", "-O2", "-o", program, join(directory, "inlines.c")]);
    const child = spawn(program, { stdio: "ignore" });
    try {
      const { stacks, profile } = await recordWhile({ args: ["--comm", "inlines"] }, () => sleep(2000));
      const whole = stacks.filter(({ frames }) => frames.join(";").includes("main;spin;middle_[i];innermost_[i]"));
      assert.ok(whole.length > 0, JSON.stringify(stacks.slice(0, 3)));

      const { location, function: functions, stringTable } = Profile.decode(gunzipSync(profile));
      const text = (index: number | bigint) => stringTable.strings[Number(index)];
      const chains = location.map(({ line }) =>
        line.map(({ functionId, line: number }) => {
          const fn = functions[Number(functionId) - 1];
          return `${text(fn.name)} ${text(fn.filename).split("/").at(-1) ?? ""}:${Number(fn.startLine)}:${Number(number)}`;
        }),
      );
      const spinning = chains.find((chain) => chain.length === 3 && chain[0].endsWith(":3"));
      assert.deepEqual(spinning, ["innermost inlines.c:2:3", "middle inlines.c:5:6", "spin inlines.c:8:9"]);
      // The line of the call, not of what comes after it returns.
      assert.ok(
        chains.some((chain) => chain.length === 1 && chain[0] === "main inlines.c:12:14"),
        chains.join("\n"),
      );
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  });
});
